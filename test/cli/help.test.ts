/** The examples that help shows: each is parsed by the parser itself, and those that need a node or none are run against one. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { pino } from 'pino'
import { commandNames } from '../../src/cli/commands/all.ts'
import { createProgram } from '../../src/cli/main.ts'
import { serveLocal } from '../../src/host/local/server.ts'
import { fakeNode } from '../support/fake-node.ts'
import { temporaryDirectory } from '../support/store.ts'

const manyCommands = fileURLToPath(new URL('../support/many-commands.ts', import.meta.url))

/** The commands of all examples, as a shell cuts them. */
async function examples(): Promise<string[][]> {
  const program = await createProgram([])
  const lines = [program, ...below(program)].flatMap((command) => examplesOf(command))
  assert(lines.length > 30, 'help has examples')
  return lines.map(wordsOf)
}

function below(command: Command): Command[] {
  return command.commands.flatMap((one) => [one, ...below(one)])
}

function examplesOf(command: Command): string[] {
  let text = ''
  command.configureOutput({ writeOut: (more) => (text += more) })
  command.outputHelp()
  const after = text.split('\nExamples:\n')[1] ?? ''
  return after.split('\n').flatMap((line) => /^ +\$ (.+)$/.exec(line)?.[1] ?? [])
}

/** The words of the command that begins with `carpool`, without what a shell does with it, and without the words beside an example. */
function wordsOf(line: string): string[] {
  const [, command = ''] = /\bcarpool (.*)$/.exec(line) ?? []
  const [mine = ''] = command.split(/ {2,}| [>|] | && | </)
  const script = `set -f; printf '%s\\0' ${mine.replaceAll('…', 'X').replaceAll('~', '/home/me')}`
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  assert.equal(stderr, '', line)
  return stdout.split('\0').slice(0, -1)
}

test('each example is taken by the parser of its command', async () => {
  for (const words of await examples()) {
    const [first] = words
    if (first === 'help') assert(commandNames.includes(words[1]!), words.join(' '))
    const program = await createProgram([])
    let ran: string | undefined
    for (const command of below(program)) {
      command.action(() => {
        ran = command.name()
      })
      command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} })
    }
    await program.parseAsync(words, { from: 'user' }).catch((error) => {
      if (first !== 'help') assert.fail(`${words.join(' ')}: ${error.message}`)
    })
    assert(first === 'help' || ran !== undefined, words.join(' '))
  }
})

/** Those that ask a node once, or none. A submission that is followed ends with its job, which nobody does here. */
const areRun = ['quote', 'submit', 'metrics', 'completion']
const follow = ['-o', '--output-dir', '--detach', '-']

test('examples that ask a node, or need none, do what they say', async (t) => {
  const folder = temporaryDirectory(t)
  const dataDir = join(folder, 'data')
  mkdirSync(join(folder, 'scans'), { recursive: true })
  mkdirSync(dataDir)
  for (const file of ['scans/a.png', 'a.txt', 'texts.jsonl', 'prompts.jsonl', 'count.wasm', 'model.gguf'])
    writeFileSync(join(folder, file), '')
  const node = fakeNode()
  const server = await serveLocal(node, dataDir, pino({ level: 'silent' }))
  t.after(() => server.close())
  const run = (await examples())
    .filter(([first, ...rest]) => areRun.includes(first!) && !rest.some((word) => follow.includes(word)))
    .map((words) => words.map((word) => (word === '*.txt' ? 'a.txt' : word)))
  const child = spawn(process.execPath, [manyCommands], {
    cwd: folder,
    env: { ...process.env, CARPOOL_DATA_DIR: dataDir },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  child.stdin.end(run.map((args) => `${JSON.stringify(args)}\n`).join(''))
  const lines = (await text(child.stdout)).trimEnd().split('\n')
  const ended = lines.map((line) => JSON.parse(line) as { code: number; err: string })
  assert.equal(ended.length, run.length)
  assert(ended.length >= 10)
  for (const [i, { code, err }] of ended.entries())
    assert.equal(code, 0, `carpool ${run[i]!.join(' ')}: ${err}`)
})
