import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { childCommand, type Isolation, probeIsolation } from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { childPids, isAlive, sessionOf, silent, until } from '../support/wasm/executor.ts'

const isolation = await probeIsolation(defaultLimits, silent)
const without = (...tools: string[]) => {
  const missing = tools.filter((tool) => isolation.missing.includes(tool))
  return missing.length > 0 && `needs ${missing.join(', ')}`
}

/** Runs JavaScript where a child's main would run, with all that confines it; resolves with what it prints. */
async function inChild(code: string, how: Isolation = isolation): Promise<string> {
  const [program, ...args] = childCommand(how, defaultLimits, false).slice(0, -1)
  const { stdout } = await promisify(execFile)(program!, [...args, '--eval', code], { env: {}, cwd: '/' })
  return stdout.trim()
}

const attempt = (code: string) =>
  inChild(`try { ${code}; console.log('did it') } catch (error) { console.log(error.code) }`)

test('nothing of this machine can be read, written, started or loaded', async () => {
  const attempts = [
    `require('fs').readFileSync('/etc/passwd')`,
    `require('fs').readdirSync('/proc')`,
    `require('fs').writeFileSync('/tmp/carpool-was-here', '')`,
    `require('child_process').execFileSync('/bin/true')`,
    `new (require('worker_threads').Worker)('0', { eval: true })`,
    `process.dlopen({ exports: {} }, '/nowhere.node')`,
  ]
  for (const code of attempts)
    assert.match(await attempt(code), /^ERR_(ACCESS_DENIED|DLOPEN_DISABLED)$/, code)
  assert.equal(await attempt(`require('node:sqlite')`), 'ERR_UNKNOWN_BUILTIN_MODULE')
  assert.equal(await inChild(`try { eval('1') } catch (error) { console.log(error.name) }`), 'EvalError')
})

/** What code could do that has broken out of V8 and of node's permissions: the rest of the chain alone. */
async function brokenOut(code: string): Promise<string> {
  const [program, ...args] = [...isolation.chain, process.execPath, '--eval', code]
  const { stdout } = await promisify(execFile)(program!, args, { env: {}, cwd: '/' })
  return stdout.trim()
}

const tried = (code: string) =>
  `try { ${code}; console.log('did it') } catch (error) { console.log(error.code) }`

test('code that breaks out of node finds no file of the machine, and can write none', {
  skip: without('unshare', 'root', 'setpriv', 'prlimit'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-test-'))
  const key = join(folder, 'node.key')
  writeFileSync(key, 'secret')
  try {
    for (const path of [key, '/etc/passwd', '/root', '/home', '/proc/1', '/bin/sh', '/old/etc'])
      assert.equal(await brokenOut(tried(`require('fs').statSync('${path}')`)), 'ENOENT', path)
    const beside = join(import.meta.dirname, '../../src/carpool-was-here')
    for (const path of ['/x', '/usr/lib/x', beside])
      assert.equal(await brokenOut(tried(`require('fs').writeFileSync('${path}', '')`)), 'EROFS', path)
    assert.equal(await brokenOut(`console.log(require('fs').readdirSync('/old').length)`), '0')
    // Not even a shell to start.
    assert.equal(await brokenOut(tried(`require('child_process').execFileSync('/bin/true')`)), 'ENOENT')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('code that breaks out of node gets no more memory than its bound', {
  skip: without('prlimit'),
}, async () => {
  const mib = defaultLimits.dataBytesMax / 2 ** 20
  const grow = `const held = []; try { for (;;) { held.push(Buffer.alloc(64 * 2 ** 20, 1)); console.log(held.length * 64) } } catch {}`
  const printed = await brokenOut(grow).catch((error) => error.stdout as string)
  const reached = Number(printed.trim().split('\n').at(-1))
  assert(reached > 64 && reached <= mib, `${reached} MiB of ${mib}`)
})

test('a child has no capabilities, so that its mounts are final', {
  skip: process.platform !== 'linux' || without('setpriv'),
}, async () => {
  const executor = new ProcessExecutor({ log: silent })
  await executor.openSlot().prepare(sessionOf('echo'))
  const status = readFileSync(`/proc/${childPids()[0]}/status`, 'utf8')
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.match(status, new RegExp(`^${set}:\\t0+$`, 'm'))
  assert.match(status, /^NoNewPrivs:\t1$/m)
  await executor.close()
})

test('the environment is empty', { skip: process.platform !== 'linux' }, async () => {
  const executor = new ProcessExecutor({ log: silent })
  await executor.openSlot().prepare(sessionOf('echo'))
  assert.equal(readFileSync(`/proc/${childPids()[0]}/environ`, 'utf8'), '')
  await executor.close()
})

test('the network is not there', { skip: without('unshare') }, async () => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const connect = `require('net').connect(${port}, '127.0.0.1')
    .on('connect', () => { console.log('connected'); process.exit() })
    .on('error', (error) => console.log(error.code))`
  try {
    assert.equal(await inChild(connect), 'ENETUNREACH')
    assert.equal(await inChild(connect, { chain: [], missing: [] }), 'connected', 'the test can tell')
  } finally {
    server.close()
  }
})

test('every tool of the chain is tried, and one that is missing is said and left out', async () => {
  const warnings: object[] = []
  const path = process.env.PATH
  process.env.PATH = ''
  try {
    const bare = await probeIsolation(defaultLimits, { ...silent, warn: (facts) => warnings.push(facts) })
    assert.deepEqual(bare.chain, [])
    assert.deepEqual(warnings, [{ missing: ['prlimit', 'nice', 'unshare', 'root', 'setpriv'] }])
    const executor = new ProcessExecutor({ log: silent })
    const slot = executor.openSlot()
    await slot.prepare(sessionOf('echo'))
    assert.equal((await slot.run(Buffer.from('still works'), 0)).text, 'still works')
    await executor.close()
  } finally {
    process.env.PATH = path
  }
})

test('a child has one pid from the first tool of the chain to the last', {
  skip: process.platform !== 'linux',
}, async () => {
  const executor = new ProcessExecutor({ log: silent })
  await executor.openSlot().prepare(sessionOf('echo'))
  const [pid, ...others] = childPids()
  assert.deepEqual(others, [])
  assert.deepEqual(childPids(pid), [])
  await executor.close()
})

test('kill -9 of the parent leaves no child, be it frozen, in an endless loop or idle', {
  skip: without('setpriv'),
}, async () => {
  const script = new URL('../support/wasm/doomed-parent.ts', import.meta.url).pathname
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(parent.stdout, 'data')
  const children = childPids(parent.pid)
  assert.equal(children.length, 3)
  assert.ok(children.every(isAlive))
  parent.kill('SIGKILL')
  await until(() => !children.some(isAlive))
})

test('every engine of this machine is described', async (t) => {
  const executor = new ProcessExecutor({ log: silent })
  t.after(() => executor.close())
  const engines = await executor.describeEngines()
  const wasm = engines.find(({ runtime }) => runtime === 'wasm')
  assert.equal(wasm?.engine, 'exact')
  assert.ok(engines.every(({ id }) => /^[0-9a-f]{32}$/.test(id)))
})
