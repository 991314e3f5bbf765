/**
 * Completion scripts. Each is static: it knows the commands and flags of the version that wrote it, and starts no process at a key.
 *
 * All three do the same. They follow the words before the cursor down the command table, to a path such as /fleet/init. Then either the
 * word before is a flag that takes a value, which is completed, or the words that may come there are offered.
 */
import type { CommandShape, FlagValue } from './shape.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export function scriptFor(shell: Shell, shapes: readonly CommandShape[]): string {
  return { bash, zsh, fish }[shell](shapes)
}

interface ValueCase {
  readonly value: Exclude<FlagValue, 'none'>
  readonly patterns: readonly string[]
}

/** Patterns of a case, for the flags of all commands that take such a value: `/submit:--runtime`. */
function casesByValue(shapes: readonly CommandShape[]): ValueCase[] {
  const cases = new Map<string, ValueCase>()
  for (const { path, flags } of shapes)
    for (const { long, short, value } of flags) {
      if (value === 'none') continue
      const key = JSON.stringify(value)
      const patterns = [long, ...(short === null ? [] : [short])].map((flag) => `${at(path)}:${flag}`)
      cases.set(key, { value, patterns: [...(cases.get(key)?.patterns ?? []), ...patterns] })
    }
  return [...cases.values()]
}

function at(path: readonly string[]): string {
  return path.map((word) => `/${word}`).join('')
}

function paths(shapes: readonly CommandShape[]): string[] {
  return shapes.flatMap(({ path }) => (path.length === 0 ? [] : [at(path)]))
}

function bash(shapes: readonly CommandShape[]): string {
  const values = casesByValue(shapes).map(({ value, patterns }) => {
    const act = value === 'any' ? 'return' : value === 'file' ? 'files=1' : `words=${quoted(wordsIn(value))}`
    return `    ${patterns.join('|')}) isValue=1; ${act} ;;`
  })
  const places = shapes.map(({ path, subcommands, flags, takesFiles, words }) => {
    const offered = wordsIn([...subcommands.map(({ name }) => name), ...words])
    const flagged = wordsIn(flags.flatMap(({ long, short }) => [long, ...(short === null ? [] : [short])]))
    return `      ${at(path) || '""'}) words=${quoted(offered)} flags=${quoted(flagged)}${takesFiles ? ' files=1' : ''} ;;`
  })
  return `# bash completion for carpool, made by: carpool completion bash
_carpool() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  local path="" words="" flags="" files="" isValue="" i
  COMPREPLY=()
  # Bash cuts --flag=value at its "=".
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path/\${COMP_WORDS[i]}" in
      ${paths(shapes).join('|')}) path="$path/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path:$prev" in
${values.join('\n')}
  esac
  if [[ -z $isValue ]]; then
    case "$path" in
${places.join('\n')}
    esac
    if [[ $cur == -* ]]; then words="$flags" files=""; fi
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    local found
    mapfile -t found < <(compgen -f -- "$cur")
    COMPREPLY+=("\${found[@]}")
  fi
}
complete -F _carpool carpool
`
}

function zsh(shapes: readonly CommandShape[]): string {
  const values = casesByValue(shapes).map(({ value, patterns }) => {
    const act = value === 'any' ? ':' : value === 'file' ? '_files' : `compadd -- ${wordsIn(value)}`
    return `    ${patterns.join('|')}) ${act}; return ;;`
  })
  const places = shapes.map(({ path, subcommands, flags, takesFiles, words }) => {
    const lines = [
      subcommands.length > 0 &&
        `items=(${subcommands.map(({ name, summary }) => described(name, summary)).join(' ')}); _describe command items`,
      words.length > 0 && `compadd -- ${wordsIn(words)}`,
      takesFiles && '_files',
    ].filter((line) => line !== false)
    const offered = flags.map(({ long, summary }) => described(long, summary)).join(' ')
    return `    ${at(path) || '""'})
      if [[ $PREFIX == -* ]]; then items=(${offered}); _describe flag items; return; fi
      ${lines.join('; ') || ':'} ;;`
  })
  return `#compdef carpool
# zsh completion for carpool, made by: carpool completion zsh
_carpool() {
  local at="" word
  local -a items
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in
      ${paths(shapes).join('|')}) at="$at/$word" ;;
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  case "$at" in
${places.join('\n')}
  esac
}
compdef _carpool carpool
`
}

function fish(shapes: readonly CommandShape[]): string {
  const lines = shapes.flatMap(({ path, subcommands, flags, takesFiles, words }) => {
    const here = `complete -c carpool -n '__carpool_at "${at(path)}"'`
    return [
      ...subcommands.map(({ name, summary }) => `${here} -f -a ${name} -d ${fishQuoted(summary)}`),
      ...(words.length > 0 ? [`${here} -f -a ${fishQuoted(wordsIn(words))}`] : []),
      ...(takesFiles ? [`${here} -F`] : [`${here} -f`]),
      ...flags.map(({ long, short, value, summary }) => {
        const names = `-l ${long.slice(2)}${short === null || short === long ? '' : ` -s ${short.slice(1)}`}`
        const given =
          value === 'none'
            ? ''
            : value === 'file'
              ? ' -r -F'
              : value === 'any'
                ? ' -x'
                : ` -x -a ${fishQuoted(wordsIn(value))}`
        return `${here} ${names}${given} -d ${fishQuoted(summary)}`
      }),
    ]
  })
  return `# fish completion for carpool, made by: carpool completion fish
function __carpool_at
  set -l at ""
  for word in (commandline -opc)[2..-1]
    switch "$at/$word"
      case ${paths(shapes).map(fishQuoted).join(' ')}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`
}

/** Words that a shell cuts at spaces. None of ours has any, nor a letter that means something to a shell. */
function wordsIn(words: readonly string[]): string {
  return words.join(' ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** `name:summary`, as zsh's _describe takes it. */
function described(name: string, summary: string): string {
  return quoted(`${name}:${summary.replaceAll('\\', '\\\\').replaceAll(':', '\\:')}`)
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
