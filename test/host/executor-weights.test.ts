/** How a child gets the weights of its job: as read-only files, which it maps and shares with other slots. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { SessionRefused, type SessionSpec, type WeightFile } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import {
  childCommand,
  type GivenFile,
  type Isolation,
  pathInChild,
  probeIsolation,
} from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { findTool, systemFolders } from '../../src/host/executor/tools.ts'
import { usageOf } from '../../src/host/executor/usage.ts'
import { diskFolder, toolsWithout } from '../support/tools.ts'
import { silent, weightFile } from '../support/wasm/executor.ts'
import { wasmModule } from '../support/wasm/modules.ts'

const isolation = await probeIsolation(defaultLimits, silent)
const hasRoot = !isolation.missing.includes('root')
const MiB = 2 ** 20

function fileWith(
  t: TestContext,
  bytes: Uint8Array | string,
  { name = 'weights', place = tmpdir() } = {},
): string {
  const folder = mkdtempSync(join(place, 'carpool-weights-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, name)
  writeFileSync(path, bytes, { mode: 0o400 })
  return path
}

/** Runs JavaScript where a child's main would run, with these files; resolves with what it prints. */
async function inChild(how: Isolation, files: readonly GivenFile[], code: string): Promise<string> {
  const [program, ...args] = childCommand(how, defaultLimits, false, { files }).slice(0, -1)
  const { stdout } = await promisify(execFile)(program!, [...args, '--eval', code], { env: {}, cwd: '/' })
  return stdout.trim()
}

for (const root of ['with a root of its own', 'without'])
  test(`a child reads the files that it is given, ${root}, and can neither change them nor see others`, {
    skip: root !== 'without' && !hasRoot,
  }, async (t) => {
    const how =
      root === 'without'
        ? await probeIsolation(defaultLimits, silent, toolsWithout(t, 'pivot_root'))
        : isolation
    const [first, second, secret] = ['one', 'two', 'secret'].map((text) => fileWith(t, text))
    const files = [
      { path: first!, name: 'model-00001-of-00002.gguf' },
      { path: second!, name: 'model-00002-of-00002.gguf' },
    ]
    const paths = files.map((file) => pathInChild(how, file))
    if (root !== 'without')
      assert.deepEqual(paths, ['/weights/model-00001-of-00002.gguf', '/weights/model-00002-of-00002.gguf'])
    const say = (code: string) =>
      inChild(how, files, `try { console.log(${code}) } catch (error) { console.log(error.code) }`)
    const read = (path: string) => say(`require('fs').readFileSync(${JSON.stringify(path)}, 'utf8')`)
    assert.deepEqual(await Promise.all(paths.map(read)), ['one', 'two'])
    const write = `require('fs').writeFileSync(${JSON.stringify(paths[0])}, 'x')`
    assert.match(await say(write), /^(EROFS|EACCES|ERR_ACCESS_DENIED)$/)
    assert.equal(await read(secret!), 'ERR_ACCESS_DENIED')
    assert.equal(readFileSync(first!, 'utf8'), 'one')
  })

test('code that breaks out of node cannot write what it was given, though its user owns it', {
  skip: !hasRoot,
}, async (t) => {
  const file = { path: fileWith(t, 'one'), name: 'model' }
  const command = childCommand(isolation, defaultLimits, false, { files: [file] })
  const [program, ...args] = command.slice(0, command.indexOf('--permission'))
  const fs = `require('fs')`
  const tries = [
    `${fs}.chmodSync('/weights/model', 0o600)`,
    `${fs}.openSync('/weights/model', 'r+')`,
    `${fs}.writeFileSync('/weights/x', '')`,
  ]
  for (const attempt of tries) {
    const code = `try { ${attempt}; console.log('did it') } catch (error) { console.log(error.code) }`
    const { stdout } = await promisify(execFile)(program!, [...args, '--eval', code], { env: {}, cwd: '/' })
    assert.match(stdout.trim(), attempt.includes('chmod') ? /^EROFS$/ : /^(EROFS|EACCES)$/, attempt)
  }
})

/** A session whose module is a file. */
function sessionAt(path: string, bytes: number, name = 'module'): SessionSpec {
  const file: WeightFile = { bytes, path, read: () => assert.fail('a file is not sent') }
  return {
    key: name,
    runtime: 'wasm',
    engine: 'exact',
    options: {},
    weights: async () => new Map([[name, file]]),
  }
}

for (const root of ['with a root of their own', 'without'])
  test(`slots load a session from a file, ${root}, whatever a stranger calls it`, async (t) => {
    const executor = new ProcessExecutor({
      log: silent,
      ...(root === 'without' ? { toolFolders: toolsWithout(t, 'pivot_root') } : {}),
    })
    t.after(() => executor.close())
    const module = await wasmModule('echo')
    const path = fileWith(t, module)
    const slots = [executor.openSlot(), executor.openSlot()]
    for (const slot of slots) {
      await slot.prepare(sessionAt(path, module.byteLength))
      const { text } = await slot.run(new TextEncoder().encode('hello'), 0)
      assert.equal(text, 'hello')
    }
    for (const name of root === 'without' ? [] : ['../../etc/passwd', '--', ''])
      await assert.rejects(slots[0]!.prepare(sessionAt(path, module.byteLength, name)), (error) => {
        assert(error instanceof SessionRefused, String(error))
        assert.equal(error.message, 'wasm takes one weight, called module')
        return true
      })
    const sent = {
      ...sessionAt(path, 1, 'sent'),
      weights: async () => new Map([['module', weightFile(module)]]),
    }
    await slots[0]!.prepare(sent)
  })

test('a weight above what an engine holds in memory is refused by name', async (t) => {
  const executor = new ProcessExecutor({ log: silent })
  t.after(() => executor.close())
  const path = fileWith(t, '')
  const bytes = 300 * MiB
  truncateSync(path, bytes)
  await assert.rejects(executor.openSlot().prepare(sessionAt(path, bytes)), (error) => {
    assert(error instanceof SessionRefused)
    assert.deepEqual(
      [error.code, error.message],
      ['bad-weights', `a weight has ${bytes} bytes, and this engine takes at most ${256 * MiB}`],
    )
    return true
  })
})

const perl = findTool('perl', systemFolders)
const mapCall = { x64: 9, arm64: 222 }[process.arch as string]

test('a child that maps a file larger than its memory may be is within its limit, and what it allocates counts', {
  skip: !hasRoot || isolation.missing.includes('prlimit') || perl === null || mapCall === undefined,
}, async (t) => {
  const limits = { ...defaultLimits, dataBytesMax: 256 * MiB }
  const how = await probeIsolation(limits, silent)
  const bytes = 384 * MiB
  // The pages of a file on a disk; those of one in memory count as shared memory.
  const path = fileWith(t, '', { place: diskFolder })
  truncateSync(path, bytes)
  // PROT_READ; MAP_SHARED | MAP_POPULATE.
  const code = `
    open(my $file, '<', '/weights/model') or die $!;
    my $at = syscall(${mapCall}, 0, ${bytes}, 1, 0x8001, fileno($file), 0);
    my $own = 'x' x ${32 * MiB};
    $| = 1; print $at == -1 ? "refused" : "mapped"; <STDIN>`
  const command = childCommand(how, limits, false, { files: [{ path, name: 'model' }] })
  const chain = command.slice(0, command.indexOf(process.execPath))
  // Without the filter of system calls, which is a program of its own.
  const end = how.missing.includes('seccomp') ? chain.length : chain.lastIndexOf(perl!)
  const [program, ...args] = [...chain.slice(0, end), perl!, '-e', code]
  const child = spawn(program!, args, { stdio: 'pipe', env: {}, cwd: '/' })
  t.after(() => child.kill('SIGKILL'))
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  assert.equal(said, 'mapped')
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
  const mapped = Number(/^RssFile:\s*(\d+)/m.exec(status)![1]) * 1024
  assert(mapped >= bytes, `${mapped} bytes of files are mapped`)
  const { privateBytes } = usageOf(child.pid!)!
  assert(privateBytes > 32 * MiB && privateBytes < 128 * MiB, `${privateBytes} bytes are its own`)
})
