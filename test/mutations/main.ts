/**
 * Are the tests able to fail? Plants known bugs, one at a time, in a temporary copy of the tree, and shows which test
 * catches each. A bug that none catches is an ESCAPED one, and the answer is 1.
 *
 *   npm run mutations -- --only receipt    those whose sentence has the word
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Mutation, mutations } from './mutations.ts'

/** All that the named tests read. */
const copied = ['src', 'test', 'bin', 'package.json', 'tsconfig.json']
/** The slowest of the test files takes a tenth of it. A bug may make a test run for ever: that counts as caught. */
const timeLimitMs = 180_000
/** One virtual world for each scenario of the simulator is enough for these bugs. */
const simulatorSeed = '1'
const nothing: ReadonlySet<string> = new Set()

interface TestRun {
  readonly passed: ReadonlySet<string>
  readonly failed: ReadonlySet<string>
  readonly timedOut: boolean
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const tree = mkdtempSync(join(tmpdir(), 'carpool-mutations-'))
let running: ChildProcess | undefined
process.on('exit', () => {
  if (running !== undefined) killGroup(running)
  rmSync(tree, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const { only = '' } = parseArgs({ options: { only: { type: 'string' } } }).values
const chosen = mutations.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()))
process.exitCode = await check(chosen)

async function check(bugs: readonly Mutation[]): Promise<number> {
  for (const name of copied) cpSync(join(root, name), join(tree, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  const obsolete = bugs.filter((bug) => mutated(bug) === undefined)
  for (const { name, file } of obsolete) say(`no longer applies: ${name} Its text is not once in ${file}.`)
  if (bugs.length === 0) say(`no bug has '${only}' in its sentence`)
  if (obsolete.length > 0 || bugs.length === 0) return 1

  const files = [...new Set(bugs.flatMap(({ caughtBy }) => caughtBy))]
  const before = new Map<string, TestRun>()
  say(`Without a bug, in ${files.length} test files:`)
  for (const file of files) {
    const run = await runTests(file)
    before.set(file, run)
    const isGreen = run.failed.size === 0 && run.passed.size > 0 && !run.timedOut
    say(`  ${isGreen ? 'green' : 'RED'}  ${file}`)
    for (const test of run.failed) say(`         ${test}`)
  }
  const isGreen = [...before.values()].every(({ failed, passed, timedOut }) => {
    return failed.size === 0 && passed.size > 0 && !timedOut
  })
  if (!isGreen) say('A test that is red without a bug catches none.')

  say(`\nWith each of ${bugs.length} bugs:`)
  const width = Math.max(...bugs.map(({ name }) => name.length))
  let escaped = 0
  for (const bug of bugs) {
    const caught = await catching(bug, before)
    if (caught === undefined) escaped += 1
    say(`  ${bug.name.padEnd(width)}  ${caught ?? `ESCAPED ${bug.caughtBy.join(', ')}`}`)
  }
  say(`\n${bugs.length - escaped} of ${bugs.length} bugs are caught`)
  return escaped > 0 || !isGreen ? 1 : 0
}

/** The first test that goes red with the bug, and was green without. */
async function catching(bug: Mutation, before: ReadonlyMap<string, TestRun>): Promise<string | undefined> {
  const path = join(tree, bug.file)
  const original = readFileSync(path)
  writeFileSync(path, mutated(bug)!)
  try {
    for (const file of bug.caughtBy) {
      const { passed = nothing, timedOut: wasSlow } = before.get(file) ?? {}
      const { failed, timedOut } = await runTests(file)
      const [test] = [...failed].filter((name) => passed.has(name))
      if (test !== undefined) return `${file.slice('test/'.length)}: ${test}`
      if (timedOut && !wasSlow) return `${file.slice('test/'.length)}: (it never ends)`
    }
    return undefined
  } finally {
    writeFileSync(path, original)
  }
}

/** Undefined when the text to replace is not in the file exactly once. */
function mutated({ file, find, replace }: Mutation): string | undefined {
  const parts = readFileSync(join(tree, file), 'utf8').split(find)
  return parts.length === 2 ? parts.join(replace) : undefined
}

/** A file that cannot be loaded fails under its own name, which no test has: a bug that breaks the syntax is not caught. */
async function runTests(file: string): Promise<TestRun> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = ['--test', '--test-reporter=tap', file]
  const child = spawn(process.execPath, args, {
    cwd: tree,
    env: { ...env, CARPOOL_SEED: simulatorSeed },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true, // a group of its own, so that it is stopped with the processes that it starts
  })
  running = child
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child)
  }, timeLimitMs)
  let said = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) said += chunk
  clearTimeout(timer)
  running = undefined
  const passed = new Set<string>()
  const failed = new Set<string>()
  for (const [, not, name] of said.matchAll(/^(not )?ok \d+ - (.*)$/gm))
    if (!name!.includes(' # TODO ')) (not === undefined ? passed : failed).add(name!.replaceAll('\\#', '#'))
  return { passed, failed, timedOut }
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
