/**
 * Scenario files, in the form of etcd raft's testdata: comment lines that say what is proved, then blocks of
 * one command, `----`, and the trace it must give, each ended by an empty line.
 */

interface Block {
  readonly comments: readonly string[]
  readonly command: string
  readonly expected: string
}

export function parseScript(text: string): Block[] {
  const blocks: Block[] = []
  let comments: string[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i]!
    if (line === '') continue
    if (line.startsWith('#')) {
      comments.push(line)
      continue
    }
    if (lines[i + 1] !== '----') throw new Error(`line ${i + 1}: '${line}' is not followed by ----`)
    const end = lines.indexOf('', i + 2)
    const expected = lines.slice(i + 2, end < 0 ? lines.length : end)
    blocks.push({ comments, command: line, expected: expected.join('\n') })
    comments = []
    i = end < 0 ? lines.length : end
  }
  return blocks
}

/** The same script with the traces that a run gave. */
export function printScript(blocks: readonly Block[], traces: readonly string[]): string {
  return blocks
    .map(({ comments, command }, i) => [...comments, command, '----', traces[i], ''].join('\n'))
    .join('\n')
}

/** `receipt L1 S0=a released=stopped` → its verb, its plain words and its settings. */
export interface Command {
  readonly verb: string
  readonly words: readonly string[]
  readonly settings: ReadonlyMap<string, string>
}

export function parseCommand(line: string): Command {
  const [verb, ...rest] = line.split(/\s+/)
  const words = rest.filter((part) => !part.includes('='))
  const settings = new Map(
    rest
      .filter((part) => part.includes('='))
      .map((part): [string, string] => {
        const cut = part.indexOf('=')
        return [part.slice(0, cut), part.slice(cut + 1)]
      }),
  )
  return { verb: verb!, words, settings }
}

/** '+31s', '250ms' or '2h' in milliseconds. */
export function parseDuration(text: string): number {
  const found = /^\+?(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  if (found === null) throw new Error(`'${text}' is not a duration`)
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[found[2] as 'ms' | 's' | 'm' | 'h']
  return Number(found[1]) * unit
}

export function printDuration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`
}
