/** Completion, in the shells that are installed: what each offers for half a command line. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Command } from 'commander'
import { addCommands, commandNames } from '../../src/cli/commands/all.ts'
import { type Shell, scriptFor, shells } from '../../src/cli/completion/scripts.ts'
import { shapesOf } from '../../src/cli/completion/shape.ts'
import { temporaryDirectory } from '../support/store.ts'

const program = new Command('carpool')
await addCommands(program, undefined)
const shapes = shapesOf(program)

/** The line before the cursor, and the words that have to be offered; a cross before what may not be. */
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['fleet ', ['approve', 'revoke', '!submit']],
  ['fleet ap', ['approve', '!revoke']],
  ['submit --runtime w', ['wasm', '!ocr']],
  ['submit --error-b', ['--error-bound']],
  ['node --log-level w', ['warn']],
  ['completion ', ['bash', 'zsh', 'fish', '!peers']],
  ['help wei', ['weights']],
  ['submit my-s', ['my-scans']],
  ['submit --budget ', ['!my-scans', '!--budget']],
]

/** A folder with the script, and one more that is called my-scans. */
function folderFor(t: TestContext, shell: Shell): string {
  const folder = temporaryDirectory(t)
  mkdirSync(join(folder, 'my-scans'))
  writeFileSync(join(folder, 'script'), scriptFor(shell, shapes))
  return folder
}

function check(output: string): void {
  const answers = output.split('\0').slice(0, cases.length)
  assert.equal(answers.length, cases.length, output)
  for (const [i, [line, expected]] of cases.entries()) {
    const offered = new Set(
      answers[i]!.split('\n').map((one) => one.split('\t')[0]!.replace(/\/$/, '').trim()),
    )
    for (const word of expected) {
      const [isThere, name] = word.startsWith('!') ? [false, word.slice(1)] : [true, word]
      assert.equal(offered.has(name), isThere, `${line}: ${word} of ${[...offered].join(' ')}`)
    }
  }
}

test('every command, and each below one, is known with its flags', () => {
  for (const name of commandNames)
    assert(
      shapes.some(({ path }) => path.join(' ') === name),
      name,
    )
  assert(shapes.some(({ path }) => path.join(' ') === 'fleet init'))
  for (const { path, flags } of shapes) assert(path[0] === 'help' || flags.length > 0, path.join(' '))
})

test('bash completes commands, flags, their values and files', { skip: lacks('bash') }, (t) => {
  const lines = cases.map(([line]) => `t ${line}${line.endsWith(' ') ? "''" : ''}`)
  const script = `source ./script
t() { COMP_WORDS=(carpool "$@"); COMP_CWORD=$#; _carpool; printf '%s\\n' "\${COMPREPLY[@]}"; printf '\\0'; }
${lines.join('\n')}`
  check(runIn(folderFor(t, 'bash'), 'bash', '--norc', '-c', script))
})

test('fish completes commands, flags, their values and files', { skip: lacks('fish') }, (t) => {
  const lines = cases.map(([line]) => `complete -C 'carpool ${line}'; printf '\\0'`)
  check(runIn(folderFor(t, 'fish'), 'fish', '--no-config', '-c', ['source ./script', ...lines].join('\n')))
})

for (const shell of shells)
  test(`the script for ${shell} is one that it reads`, { skip: lacks(shell) }, (t) => {
    runIn(folderFor(t, shell), shell, '-n', 'script')
  })

function lacks(shell: string): string | false {
  return spawnSync(shell, ['-c', 'exit 0']).status !== 0 && `there is no ${shell}`
}

function runIn(cwd: string, shell: string, ...args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(shell, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, HOME: cwd },
  })
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  return stdout
}
