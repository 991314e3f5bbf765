/**
 * The launcher, as the machine's own older Node runs it. The copy stands in a temporary folder, with a stub for
 * src/cli/main.ts and the repository's node_modules, so that these tests are about the launcher alone.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const olderNode = findOlderNode()
const needsOlderNode = {
  timeout: 400_000,
  skip: olderNode === null ? 'no Node older than 24 on PATH' : (false as const),
}
const hasPinnedNode = existsSync(
  join(repository, `node_modules/node-${process.platform}-${process.arch}/bin/node`),
)
const needsBoth = hasPinnedNode
  ? needsOlderNode
  : { timeout: 400_000, skip: 'the pinned Node is not installed' }

test('a Node that is new enough runs the commands itself, with its arguments and no warnings', (t) => {
  const { run } = installed(t, `console.log(JSON.stringify([args, process.ppid]))`)
  const { stdout, stderr, status } = run(process.execPath, ['swarm', '--slots', '2'])
  assert.deepEqual(JSON.parse(stdout), [['swarm', '--slots', '2'], process.pid])
  assert.deepEqual([stderr, status], ['', 0])
})

test('node:sqlite and type stripping bring no warning of their own, and other warnings are not hidden', (t) => {
  const { run } = installed(t, `await import('node:sqlite'); process.emitWarning('look here')`)
  const { stderr } = run(process.execPath, [])
  assert.match(stderr, /look here/)
  assert.doesNotMatch(stderr, /ExperimentalWarning/)
})

test('the published package runs what was compiled', (t) => {
  const { folder, run } = installed(t, '')
  rmSync(join(folder, 'src'), { recursive: true })
  mkdirSync(join(folder, 'dist/cli'), { recursive: true })
  writeFileSync(
    join(folder, 'dist/cli/main.js'),
    `export function main(args) { console.log('compiled', ...args) }`,
  )
  assert.equal(run(process.execPath, ['why']).stdout, 'compiled why\n')
})

test('an older Node starts the pinned one, with arguments, input, output and exit code', needsBoth, (t) => {
  const { run } = installed(
    t,
    `let input = ''
     for await (const chunk of process.stdin) input += chunk
     console.log(JSON.stringify([process.versions.node.split('.')[0], args, input, process.env.MALLOC_ARENA_MAX]))
     console.error('to stderr')
     process.exitCode = 7`,
  )
  const { stdout, stderr, status } = run(olderNode!, ['run', 'a b', "c'd"], 'piped')
  assert.deepEqual(JSON.parse(stdout), ['24', ['run', 'a b', "c'd"], 'piped', '1'])
  assert.deepEqual([stderr, status], ['to stderr\n', 7])
})

test('signals are passed on, and the launcher stays until the node has finished', needsBoth, async (t) => {
  const { start } = installed(
    t,
    `const alive = setInterval(() => {}, 1000)
     for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
       process.on(signal, () => { console.log('got ' + signal); if (signal === 'SIGTERM') { clearInterval(alive); process.exitCode = 3 } })
     console.log('ready')`,
  )
  const child = start(olderNode!)
  const lines = linesOf(child)
  assert.equal(await next(lines), 'ready')
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    child.kill(signal)
    assert.equal(await next(lines), `got ${signal}`)
  }
  assert.deepEqual(await exitOf(child), [3, null])
})

test('a node that a signal ended makes the launcher end by the same signal', needsBoth, async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const { start } = installed(t, `process.kill(process.pid, '${signal}')`)
    assert.deepEqual(await exitOf(start(olderNode!)), [null, signal])
  }
})

test('Ctrl-C in a terminal reaches the node once, not twice', needsTerminal(), async (t) => {
  const { launcher } = installed(
    t,
    `let count = 0
     process.on('SIGINT', () => { count += 1; console.log('got SIGINT') })
     process.on('SIGTERM', () => { console.log('count ' + count); process.exit() })
     console.log('launcher ' + process.ppid)
     setInterval(() => {}, 1000)`,
  )
  const command = `exec '${olderNode}' '${launcher}'`
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines = linesOf(child)
  const launcherPid = Number((await lineWith(lines, 'launcher ')).split(' ')[1])
  child.stdin.write('\x03')
  await lineWith(lines, 'got SIGINT')
  // The launcher has had its SIGINT too, and would pass it on before the SIGTERM that comes after.
  process.kill(launcherPid, 'SIGTERM')
  assert.match(await lineWith(lines, 'count '), /count 1/)
})

test('without the pinned Node, one line says what is missing and what to do', needsOlderNode, (t) => {
  const { folder, run } = installed(t, '')
  rmSync(join(folder, 'node_modules'))
  const { stdout, stderr, status } = run(olderNode!, ['swarm'])
  const version = spawnSync(olderNode!, ['--version'], { encoding: 'utf8' }).stdout.trim()
  assert.equal(
    stderr,
    `carpool needs Node 24 or newer (this is ${version}): install Node 24, or reinstall carpool without --omit=optional\n`,
  )
  assert.deepEqual([stdout, status], ['', 1])
})

test('with the optional packages missing, a Node that is new enough needs none of them', (t) => {
  const { folder, run } = installed(t, `console.log('fine')`)
  rmSync(join(folder, 'node_modules'))
  assert.equal(run(process.execPath, []).stdout, 'fine\n')
})

test('what Carpool writes is for its user alone, and its commands learn what the user’s own shell allows', (t) => {
  const { launcher } = installed(t, 'console.log(JSON.stringify([userUmask, process.umask()]))')
  const command = ['-c', 'umask 027; exec "$@"', 'sh', process.execPath, launcher]
  const { stdout } = spawnSync('/bin/sh', command, { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(stdout), [0o027, 0o077])
})

test('files that the launcher was given go no further', { skip: process.platform !== 'linux' }, (t) => {
  const { launcher } = installed(
    t,
    `const { readdirSync, readlinkSync } = await import('node:fs')
     const { execFileSync } = await import('node:child_process')
     const print = "const fs = require('fs'); for (const fd of fs.readdirSync('/proc/self/fd')) try { console.log(fs.readlinkSync('/proc/self/fd/' + fd)) } catch {}"
     console.log(execFileSync(process.execPath, ['--eval', print], { encoding: 'utf8' }))`,
  )
  // Above the first gap, where Node does not look for what it was given.
  const command = ['-c', 'exec "$1" "$2" 40<"$2" 57<"$2"', 'bash', process.execPath, launcher]
  const { stdout, stderr } = spawnSync('/bin/bash', command, { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.match(stdout, /pipe/, 'the test can tell')
  assert.doesNotMatch(stdout, /carpool\.js/)
})

/** A copy of the launcher beside a stub of src/cli/main.ts, whose main() has this body. */
function installed(t: TestContext, body: string) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'carpool-launcher-')))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const path of ['bin', 'src/cli']) mkdirSync(join(folder, path), { recursive: true })
  const launcher = join(folder, 'bin/carpool.js')
  copyFileSync(join(repository, 'bin/carpool.js'), launcher)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(folder, 'src/cli/main.ts'),
    `export async function main(args: string[], userUmask: number): Promise<void> {\n${body}\n}\n`,
  )
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  const run = (node: string, args: string[], input = '') =>
    spawnSync(node, [launcher, ...args], { input, encoding: 'utf8' })
  const start = (node: string) => {
    const child = spawn(node, [launcher], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    return child
  }
  return { folder, launcher, run, start }
}

/** npm puts the pinned Node first on PATH; the machine's own stands behind it. */
function findOlderNode(): string | null {
  for (const folder of new Set((process.env.PATH ?? '').split(delimiter))) {
    const node = join(folder, 'node')
    if (!existsSync(node)) continue
    const { stdout } = spawnSync(node, ['-p', 'parseInt(process.versions.node)'], { encoding: 'utf8' })
    if (Number(stdout) >= 12 && Number(stdout) < 24) return node
  }
  return null
}

function needsTerminal(): { timeout: number; skip: string | false } {
  if (needsBoth.skip !== false) return needsBoth
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  return {
    timeout: 400_000,
    skip: !stdout?.includes('util-linux') && 'no util-linux script to make a terminal with',
  }
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string, void, undefined> {
  let rest = ''
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    const lines: string[] = (rest + chunk).split(/\r?\n/)
    rest = lines.pop()!
    yield* lines
  }
}

async function next(lines: AsyncGenerator<string, void, undefined>): Promise<string> {
  const { value } = await lines.next()
  return value ?? assert.fail('the launcher ended before it said so')
}

async function lineWith(lines: AsyncGenerator<string, void, undefined>, text: string): Promise<string> {
  let line = await next(lines)
  while (!line.includes(text)) line = await next(lines)
  return line
}

function exitOf(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))
}
