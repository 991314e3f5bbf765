/** What a child can reach of its machine: with the whole chain around it, and where links of the chain are missing. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { childCommand, type Isolation, probeIsolation } from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { toolsWithout } from '../support/tools.ts'
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
    for (const path of [key, '/etc/passwd', '/root', '/home', '/proc/1', '/bin/sh', '/empty/etc'])
      assert.equal(await brokenOut(tried(`require('fs').statSync('${path}')`)), 'ENOENT', path)
    const beside = join(import.meta.dirname, '../../src/carpool-was-here')
    for (const path of ['/x', '/usr/lib/x', beside])
      assert.equal(await brokenOut(tried(`require('fs').writeFileSync('${path}', '')`)), 'EROFS', path)
    // Not even a shell to start, nor another process to start it in.
    assert.match(
      await brokenOut(tried(`require('child_process').execFileSync('/bin/true')`)),
      /^(ENOENT|EPERM)$/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('devices are in the root of a child that was given them, and of no other', {
  skip: without('unshare', 'root', 'setpriv', 'prlimit'),
}, async () => {
  const read = tried(
    `const { readSync, openSync } = require('fs'); readSync(openSync('/dev/zero'), Buffer.alloc(8))`,
  )
  const withDevices = async (devices: readonly string[]) => {
    const command = childCommand(isolation, defaultLimits, true, { devices })
    const [program, ...args] = [...command.slice(0, command.indexOf('--permission')), '--eval', read]
    const { stdout } = await promisify(execFile)(program!, args, { env: {}, cwd: '/' })
    return stdout.trim()
  }
  assert.equal(await withDevices(['/dev/zero']), 'did it')
  assert.equal(await withDevices([]), 'ENOENT')
})

test('a child stands in an empty folder, so that a path in a stranger’s file leads nowhere', {
  skip: without('unshare', 'root', 'setpriv'),
}, async () => {
  const look = `const fs = require('fs'); console.log(process.cwd(), fs.readdirSync('.').length)`
  assert.equal(await brokenOut(look), '/empty 0')
  assert.equal(await brokenOut(tried(`require('fs').writeFileSync('x', '')`)), 'EROFS')
})

test('where children have no root of their own, each stands in an empty folder that goes with it', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const executor = new ProcessExecutor({ log: silent, toolFolders: [] })
  t.after(() => executor.close())
  for (const key of ['one', 'other']) await executor.openSlot().prepare(sessionOf('echo', key))
  const folders = childPids().map((pid) => readlinkSync(`/proc/${pid}/cwd`))
  assert.equal(new Set(folders).size, 2)
  for (const folder of folders) {
    assert.notEqual(folder, '/')
    assert.deepEqual(readdirSync(folder), [])
  }
  await executor.close()
  for (const folder of folders) assert(!existsSync(folder), folder)
})

test('files that the node itself was given do not reach its children', {
  skip: without('seccomp'),
}, async () => {
  const script = new URL('../support/wasm/parent-with-files.ts', import.meta.url).pathname
  // Above the first gap, where Node does not look for what it was given.
  const shell = ['-c', 'exec "$0" "$1" 40<"$2" 57<"$2"', process.execPath, script, import.meta.filename]
  const parent = spawn('/bin/bash', shell, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  parent.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(parent, 'close')
  const { given, reached } = JSON.parse(said) as { given: number; reached: number }
  assert.equal(given, 2, 'the test can tell')
  assert.equal(reached, 0)
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

test('the environment is empty, but for the place of compiled code', {
  skip: process.platform !== 'linux',
}, async () => {
  const executor = new ProcessExecutor({ log: silent })
  await executor.openSlot().prepare(sessionOf('echo'))
  const expected = isolation.compilesAs === null ? '' : 'NODE_COMPILE_CACHE=/compiled\0'
  assert.equal(readFileSync(`/proc/${childPids()[0]}/environ`, 'utf8'), expected)
  await executor.close()
})

test('the network is not there', { skip: without('unshare') }, async (t) => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const connect = `require('net').connect(${port}, '127.0.0.1')
    .on('connect', () => { console.log('connected'); process.exit() })
    .on('error', (error) => console.log(error.code))`
  try {
    assert.match(await inChild(connect), /^(ENETUNREACH|EPERM)$/)
    const unfiltered = await probeIsolation(defaultLimits, silent, toolsWithout(t, 'perl'))
    assert.deepEqual(unfiltered.missing, [
      ...isolation.missing.filter((name) => name !== 'seccomp'),
      'seccomp',
    ])
    assert.equal(await inChild(connect, unfiltered), 'ENETUNREACH')
    assert.equal(
      await inChild(connect, { chain: [], missing: [], filesAt: null, compilesAs: null }),
      'connected',
      'the test can tell',
    )
  } finally {
    server.close()
  }
})

test('every tool of the chain is tried, and one that is missing is said and left out', async () => {
  const warnings: object[] = []
  const log = { ...silent, warn: (facts: object) => warnings.push(facts) }
  const bare = await probeIsolation(defaultLimits, log, [])
  assert.deepEqual(bare.chain, [])
  assert.deepEqual(warnings, [{ missing: ['prlimit', 'nice', 'unshare', 'root', 'setpriv', 'seccomp'] }])
  const executor = new ProcessExecutor({ log: silent, toolFolders: [] })
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('echo'))
  assert.equal((await slot.run(Buffer.from('still works'), 0)).text, 'still works')
  await executor.close()
})

/** Runs with this PATH. */
async function withPath<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  const before = process.env.PATH
  process.env.PATH = path
  try {
    return await run()
  } finally {
    process.env.PATH = before
  }
}

test('the chain is the same for every PATH, also for that of an ordinary Debian login', async () => {
  for (const path of ['/usr/local/bin:/usr/bin:/bin:/usr/games', '/usr/bin', ''])
    assert.deepEqual(await withPath(path, () => probeIsolation(defaultLimits, silent)), isolation, path)
})

test('an ordinary user with the PATH of a login gets the links that this one gets', {
  skip: process.getuid?.() !== 0 && 'only root can become another user',
}, async (t) => {
  const script = `
    import { probeIsolation } from ${JSON.stringify(new URL('../../src/host/executor/isolation.ts', import.meta.url))}
    import { defaultLimits } from ${JSON.stringify(new URL('../../src/host/executor/limits.ts', import.meta.url))}
    const log = { debug() {}, info() {}, warn() {} }
    console.log(JSON.stringify((await probeIsolation(defaultLimits, log)).missing))`
  const ordinary = ['--reuid=12345', '--regid=12345', '--clear-groups']
  const run = (...command: string[]) =>
    promisify(execFile)('/usr/bin/setpriv', [...ordinary, ...command], {
      env: { PATH: '/usr/bin' },
      cwd: '/',
    })
  const readable = await run('/usr/bin/test', '-r', import.meta.filename).then(
    () => true,
    () => false,
  )
  if (!readable) return t.skip('this checkout is not readable for others')
  const { stdout } = await run(process.execPath, '--no-warnings', '--input-type=module', '--eval', script)
  assert.deepEqual(JSON.parse(stdout), isolation.missing)
})

test('a tool that somebody has put first in PATH is not run', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-planted-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const mark = join(folder, 'mark')
  for (const tool of [
    'prlimit',
    'nice',
    'unshare',
    'sh',
    'mount',
    'pivot_root',
    'mkdir',
    'setpriv',
    'perl',
    'true',
  ]) {
    writeFileSync(join(folder, tool), `#!/bin/bash\necho ${tool} >> ${mark}\n`)
    chmodSync(join(folder, tool), 0o755)
  }
  assert.deepEqual(
    await withPath(`${folder}:${process.env.PATH}`, () => probeIsolation(defaultLimits, silent)),
    isolation,
  )
  assert(!existsSync(mark), existsSync(mark) ? readFileSync(mark, 'utf8') : '')
})

test('where the kernel gives no user namespaces, the links that need them are missing', {
  skip: without('unshare'),
}, async (t: TestContext) => {
  const script = `
    import { probeIsolation } from ${JSON.stringify(new URL('../../src/host/executor/isolation.ts', import.meta.url))}
    import { defaultLimits } from ${JSON.stringify(new URL('../../src/host/executor/limits.ts', import.meta.url))}
    const log = { debug() {}, info() {}, warn() {} }
    console.log(JSON.stringify((await probeIsolation(defaultLimits, log)).missing))`
  const node = [process.execPath, '--no-warnings', '--input-type=module', '--eval', script]
  const shell = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
  const nested = ['--user', '--map-root-user', 'sh', '-c', shell, 'sh', ...node]
  const ran = await promisify(execFile)('/usr/bin/unshare', nested).catch(() => null)
  if (ran === null) return t.skip('the kernel keeps the bound on namespaces from us')
  assert.deepEqual(
    JSON.parse(ran.stdout).filter((name: string) => name !== 'setpriv'),
    ['unshare', 'root'],
  )
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
