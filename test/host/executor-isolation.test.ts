import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Executor } from '../../src/host/executor/executor.ts'
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

test('the environment is empty', { skip: process.platform !== 'linux' }, async () => {
  const executor = new Executor({ log: silent })
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
    assert.deepEqual(warnings, [{ missing: ['prlimit', 'unshare', 'setpriv', 'nice'] }])
    const executor = new Executor({ log: silent })
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
  const executor = new Executor({ log: silent })
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

test('every engine of this machine is described', async () => {
  const engines = await Executor.describeEngines()
  const wasm = engines.find(({ runtime }) => runtime === 'wasm')
  assert.equal(wasm?.engine, 'exact')
  assert.ok(engines.every(({ id }) => /^[0-9a-f]{32}$/.test(id)))
})
