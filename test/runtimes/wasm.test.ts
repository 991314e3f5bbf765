import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RuntimeOptions, Session } from '../../src/runtimes/runtime.ts'
import { wasm } from '../../src/runtimes/wasm/wasm.ts'
import { assemble, echoModule, noOpModule, wasmModule, wordCountModule } from '../support/wasm/modules.ts'

async function load(module: Uint8Array, options: RuntimeOptions = {}): Promise<Session> {
  return wasm.load('exact', new Map([['module', module]]), options)
}

async function run(session: Session, document: string | Uint8Array): Promise<unknown> {
  const { output } = await session.run(Buffer.from(document as string), 0)
  return JSON.parse(new TextDecoder().decode(output))
}

async function bytesOf(session: Session, document: string | Uint8Array): Promise<Buffer> {
  const { text, base64 } = (await run(session, document)) as { text: string | null; base64?: string }
  return text === null ? Buffer.from(base64!, 'base64') : Buffer.from(text)
}

const command = (body: string) => assemble(`(module (memory (export "memory") 1) ${body})`)

test('a record is what the program wrote', async () => {
  assert.deepEqual(await run(await load(await noOpModule()), 'abc'), { text: '', bytes: 0 })
  assert.deepEqual(await run(await load(await echoModule()), 'Grüße'), { text: 'Grüße', bytes: 7 })
  assert.deepEqual(await run(await load(await wordCountModule()), ' one two\nthree\t'), {
    text: '3\n',
    bytes: 2,
  })
})

test('output that is not UTF-8 comes back whole', async () => {
  const session = await load(await echoModule())
  assert.deepEqual(await run(session, Uint8Array.of(0xff, 0)), { text: null, base64: '/wA=', bytes: 2 })
  const mark = Buffer.from('\ufeffx')
  assert.deepEqual(await bytesOf(session, mark), mark, 'a byte order mark is a character like any other')
})

test('documents of any size pass through', async () => {
  const session = await load(await echoModule())
  for (const size of [0, 1, 65_535, 65_536, 65_537, 1_000_000]) {
    const document = Buffer.alloc(size, 'carpool ')
    assert.deepEqual(await bytesOf(session, document), document)
  }
})

test('a document leaves nothing behind for the next one', async () => {
  const session = await load(
    await assemble(`(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (global $seen (mut i32) (i32.const 65))
      (func (export "_start")
        (i32.store8 (i32.const 16) (i32.add (global.get $seen) (i32.load8_u (i32.const 17))))
        (i32.store8 (i32.const 17) (i32.const 1)) (global.set $seen (i32.const 66))
        (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 1))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`),
  )
  for (let document = 0; document < 3; document++) assert.equal((await session.run(Buffer.of(), 0)).text, 'A')
})

test('how a program fails is named in words that do not change with the engine', async () => {
  const session = await load(await wasmModule('moody'))
  const failure = { t: 'unreachable', d: 'integer divide by zero' }
  for (const [document, message] of Object.entries(failure)) {
    await assert.rejects(run(session, document), { code: 'trap', message })
  }
  await assert.rejects(run(session, 'r'), { code: 'stack-limit', message: 'needed too much stack' })
  await assert.rejects(run(session, 'x'), { code: 'exit-code', message: 'exit code 3' })
  await assert.rejects(run(session, 'f'), {
    code: 'output-limit',
    message: 'it writes more than 16777216 bytes',
  })
  assert.deepEqual(await run(session, 'z'), { text: 'z', bytes: 1 }, 'exit code 0 is success')
})

test('the end of stderr comes beside the record, whatever becomes of the document, and is no part of it', async () => {
  const session = await load(await wasmModule('complains'))
  const { output, log } = await session.run(Buffer.from('warning; '), 0)
  assert.equal(Buffer.from(output).toString(), '{"text":"ok","bytes":2}')
  assert.equal(log, 'warning; warning; ')
  for (const document of ['x: no such column', 't: cannot be'])
    await assert.rejects(session.run(Buffer.from(document), 0), { log: document + document })
  const long = await session.run(Buffer.from(`${'a'.repeat(5_000)}the end`), 0)
  assert.deepEqual([long.log?.length, long.log?.endsWith('aathe end')], [4096, true])
  const cut = await session.run(Buffer.from('ü'.repeat(2_500)), 0)
  assert.match(cut.log!, /^\ufffd?ü+$/u)
  assert.equal('log' in (await session.run(Buffer.of(), 0)), false)
  assert.equal((await (await load(await echoModule())).run(Buffer.from('a'), 0)).log, undefined)
})

test('every kind of trap has its name', async () => {
  const traps: [string, string][] = [
    ['(drop (i32.load (i32.const 65536)))', 'out of bounds memory access'],
    ['(drop (i32.rem_s (i32.const 1) (i32.const 0)))', 'integer divide by zero'],
    ['(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))', 'integer overflow'],
    ['(drop (i32.trunc_f32_s (f32.const inf)))', 'invalid conversion to integer'],
    ['(call_indirect (i32.const 9))', 'out of bounds table access'],
    ['(call_indirect (i32.const 0))', 'indirect call type mismatch'],
    ['(call_indirect (i32.const 1))', 'indirect call type mismatch'],
  ]
  for (const [body, message] of traps) {
    const module = await command(
      `(table 2 funcref) (elem (i32.const 1) $other) (func $other (param i32)) (func (export "_start") ${body})`,
    )
    await assert.rejects(run(await load(module), ''), { code: 'trap', message })
  }
})

test('memory grows up to the job’s own cap and not a page further', async () => {
  const module = await wasmModule('moody')
  for (const memoryPagesMax of [1, 20, 1024]) {
    const pages = (await bytesOf(await load(module, { memoryPagesMax }), 'g')).readUInt32LE()
    assert.equal(pages, memoryPagesMax)
  }
  const own = await command('(func (export "_start"))')
  await load(own, { memoryPagesMax: 1 })
  const large = await assemble('(module (memory (export "memory") 3) (func (export "_start")))')
  await assert.rejects(load(large, { memoryPagesMax: 2 }), { message: 'needs more than 2 pages of memory' })
})

test('a table grows no further than the cap', async () => {
  const module = await command(`(table 1 funcref)
    (func (export "_start")
      (if (i32.ne (table.grow (ref.null func) (i32.const 2000000)) (i32.const -1)) (then unreachable)))`)
  await run(await load(module), '')
})

test('only WebAssembly 2.0 is admitted', async () => {
  const relaxed = await command(`(func (export "_start")
    (drop (f32x4.relaxed_madd
      (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0))))`)
  const threads = await assemble('(module (memory (export "memory") 1 1 shared) (func (export "_start")))')
  const atomics = await command('(func (export "_start") (drop (i32.atomic.load (i32.const 0))))')
  const wide = await assemble('(module (memory (export "memory") i64 1) (func (export "_start")))')
  const exceptions = await command('(tag $t) (func (export "_start") (throw $t))')
  const noise = Buffer.from('not a module at all')
  const cut = (await noOpModule()).subarray(0, 20)
  for (const module of [relaxed, threads, atomics, wide, exceptions, noise, cut, Buffer.of()]) {
    await assert.rejects(load(module), { code: 'not-a-wasi-command', message: /^not WebAssembly 2.0: / })
  }
})

test('only a WASI command is admitted, down to its types', async () => {
  const refused: [string, RegExp][] = [
    ['(module (memory (export "memory") 1))', /does not export the function _start/],
    ['(module (func (export "_start")))', /does not export its memory/],
    ['(module (memory (export "memory") 1) (func (export "_start") (param i64)))', /_start takes parameters/],
    ['(module (memory (export "_start") 1) (func (export "memory")))', /does not export the function _start/],
    [
      '(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)) (func (export "_start")))',
      /imports env.memory/,
    ],
    [
      '(module (import "env" "now" (func)) (memory (export "memory") 1) (func (export "_start")))',
      /imports env.now/,
    ],
    [
      '(module (import "wasi_snapshot_preview1" "sock_open" (func)) (memory (export "memory") 1) (func (export "_start")))',
      /imports wasi_snapshot_preview1.sock_open/,
    ],
    [
      '(module (import "wasi_snapshot_preview1" "toString" (func)) (memory (export "memory") 1) (func (export "_start")))',
      /imports wasi_snapshot_preview1.toString/,
    ],
    [
      '(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i64))) (memory (export "memory") 1) (func (export "_start")))',
      /proc_exit with another type/,
    ],
    [
      '(module (import "wasi_snapshot_preview1" "fd_close" (global i32)) (memory (export "memory") 1) (func (export "_start")))',
      /fd_close with another type/,
    ],
  ]
  for (const [wat, message] of refused) {
    await assert.rejects(load(await assemble(wat)), { code: 'not-a-wasi-command', message })
  }
})

test('a module is read from its own bytes, whatever lies around them', async () => {
  const module = await noOpModule()
  const surrounded = Buffer.concat([Buffer.alloc(100, 'x'), module, Buffer.alloc(100, 'x')])
  await run(await load(surrounded.subarray(100, 100 + module.byteLength)), '')
})

test('options are few, whole and bounded', async () => {
  const module = await noOpModule()
  const wrong: RuntimeOptions[] = [
    { memoryPagesMax: 0 },
    { memoryPagesMax: 1e9 },
    { outputBytesMax: 1.5 },
    { outputBytesMax: '1' },
    { speed: 1 },
    { toString: 1 },
  ]
  for (const options of wrong) await assert.rejects(load(module, options), { code: 'bad-weights' })
  await assert.rejects(wasm.load('exact', new Map(), {}), { code: 'bad-weights' })
  await assert.rejects(wasm.load('native', new Map([['module', module]]), {}), { code: 'bad-weights' })
})

test('a document has one page', async () => {
  await assert.rejects((await load(await noOpModule())).run(Buffer.of(), 1), { code: 'no-such-page' })
  assert.equal((await wasm.inspect(Buffer.of(1), { options: {}, passwords: [] })).pages, 1)
})

test('pointers that lead nowhere get an error number and touch nothing', async () => {
  const errors = await bytesOf(await load(await wasmModule('hostile')), '')
  const [badf, fault, inval] = [8, 21, 28]
  assert.deepEqual(
    [...errors],
    [
      ...[fault, fault, inval, inval],
      ...[fault, fault, fault, fault],
      ...[fault, fault, fault, fault, fault, fault, fault, fault, fault],
      ...[inval, badf, badf, badf, badf],
    ],
  )
})

test('a start section that calls the host before there is a memory gets an error number', async () => {
  const module = await assemble(`(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $early (if (i32.ne (call $random (i32.const 0) (i32.const 0)) (i32.const 21)) (then unreachable)))
    (start $early)
    (func (export "_start")))`)
  await run(await load(module), '')
})

test('a thousand vectors over the same bytes meet the output cap before they are copied', async () => {
  const module = await assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1024)
    (func (export "_start")
      (local $at i32)
      (loop $next
        (i32.store (i32.add (local.get $at) (i32.const 4)) (i32.const 67108864))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 8192))))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 8192)))))`)
  await assert.rejects(run(await load(module), ''), { code: 'output-limit' })
})

test('a program observes the same world wherever and whenever it runs', async () => {
  const session = await load(await wasmModule('observer'))
  const seen = await bytesOf(session, '')
  assert.deepEqual(await bytesOf(session, 'another document'), seen)
  assert.equal(seen.readBigUInt64LE(8) - seen.readBigUInt64LE(0), 1_000_000n, 'one step of the clock')
  assert.deepEqual(
    [seen.readUInt32LE(48), seen.readUInt32LE(52), seen.readUInt32LE(56), seen.readUInt32LE(60)],
    [1, 5, 0, 0],
    'one argument of five bytes, no environment',
  )
  assert.equal(seen.subarray(64, 69).toString(), 'task\0')
  assert.equal(sha256(seen), '15856cc377e05722202bde8854e1fccc90932b3c6b89c57ec4eddf5e1aa10edb')
})

test('rounding is the same on every machine, and that of IEEE 754', async () => {
  const rounds = 16
  const output = await bytesOf(await load(await wasmModule('floats')), Uint8Array.of(rounds))
  assert.equal(sha256(output), '9e79e7dacd23c812772015761c1a94c58bb3ce7a0388677a99951b6671db9102')
  assert.deepEqual(output, chaos(rounds * 65_536))
})

test('the engine is named by its host and its limits, so that a change of either is another engine', async () => {
  assert.deepEqual(await wasm.engines(), [
    {
      runtime: 'wasm',
      engine: 'exact',
      id: 'c04acb2f1245f4446e391f99f7edacd9',
      isa: null,
      agreement: 'bytes',
    },
  ])
})

test('a damaged module is refused by name or admitted, and nothing else happens', async () => {
  const modules = await Promise.all([wasmModule('moody'), wasmModule('hostile'), wordCountModule()])
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...modules), damage, fc.nat(), async (module, changes, cut) => {
      const damaged = module.slice(0, cut % 4 === 0 ? cut % module.byteLength : module.byteLength)
      for (const [at, byte] of changes) damaged[at % module.byteLength] = byte
      await load(damaged).catch((error) => assert.equal(error.code, 'not-a-wasi-command', error))
    }),
    { numRuns: 200 },
  )
})

/** What floats.wat computes, in JavaScript's arithmetic. */
function chaos(steps: number): Buffer {
  const { fround, sqrt } = Math
  const r = fround(3.99)
  const logistic = (x: number) => fround(r * fround(x * fround(1 - x)))
  let x = 0.3
  let singles = [0.3, 0.1, 0.2, 0.3, 0.4].map(fround)
  for (let step = 0; step < steps; step++) {
    x = 3.99 * (x * (1 - x))
    x = sqrt(x * 7) / sqrt(7 / x)
    singles = singles.map(logistic)
  }
  const output = Buffer.alloc(32)
  output.writeDoubleLE(x, 0)
  output.writeFloatLE(singles[0]!, 8)
  output.writeFloatLE(x, 12)
  for (const [lane, y] of singles.slice(1).entries()) output.writeFloatLE(y, 16 + 4 * lane)
  return output
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
