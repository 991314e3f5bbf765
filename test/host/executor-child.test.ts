/** Children that have been broken into: what they may say to their parent, and what it costs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Child } from '../../src/host/executor/child.ts'
import { encodeFrame, type FromChild, fromChildBytesMax } from '../../src/runtimes/messages.ts'

interface Heard {
  readonly frames: FromChild[]
  readonly reason: string
  /** The most that this process grew by meanwhile, in bytes. */
  readonly grown: number
}

/** A child that writes these bytes over and over, as fast as they are taken. */
async function hostile(bytes: Uint8Array, times = Number.MAX_SAFE_INTEGER): Promise<Heard> {
  const code = `
    const bytes = Buffer.from('${Buffer.from(bytes).toString('base64')}', 'base64')
    let left = ${times}
    const write = () => { while (left-- > 0) if (!process.stdout.write(bytes)) return process.stdout.once('drain', write) }
    write()
    setInterval(() => {}, 1000)`
  const frames: FromChild[] = []
  const before = process.memoryUsage.rss()
  let grown = 0
  const { promise, resolve } = Promise.withResolvers<string>()
  const child = new Child([process.execPath, '--eval', code], {
    onFrame: (header) => {
      frames.push(header)
      grown = Math.max(grown, process.memoryUsage.rss() - before)
    },
    onClose: resolve,
  })
  const reason = await promise
  await child.exited
  return { frames, reason, grown: Math.max(grown, process.memoryUsage.rss() - before) }
}

const frame = (header: unknown, body = new Uint8Array(0)) =>
  Buffer.concat(encodeFrame(header as FromChild, body))
const record = { type: 'record', id: 0, text: '', error: null, cpuMs: 1 }

test('a child that says what no child says is killed at the first word', { timeout: 400_000 }, async () => {
  const nasty = [
    null,
    [],
    'loaded',
    {},
    { type: 'hello', engines: [{}], absent: [] },
    { type: 'loaded', more: 1 },
    { ...record, id: -1 },
    { ...record, id: 0.5 },
    { ...record, text: 5 },
    { ...record, cpuMs: -1 },
    { ...record, cpuMs: '1' },
    { ...record, error: { code: 'x'.repeat(65), message: '' } },
    { ...record, error: { code: 'crash', message: 'x'.repeat(65_537) } },
    { type: 'shape', id: 0, pages: 1.5, pageCostMs: 1 },
    { type: 'drawn', id: 0, size: { width: 0, height: 1, dpi: null } },
    { type: 'drawn', id: 0, size: { width: 1e9, height: 1, dpi: null } },
  ]
  const heard = await Promise.all(nasty.map((header) => hostile(frame(header), 1)))
  for (const [i, { frames, reason }] of heard.entries()) {
    assert.deepEqual(frames, [], JSON.stringify(nasty[i]))
    assert.match(reason, /^SIGKILL/, JSON.stringify(nasty[i]))
  }
})

test('a child that announces more than a result may be is killed before it is taken', {
  timeout: 400_000,
}, async () => {
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32LE(10, 0)
  prefix.writeUInt32LE(fromChildBytesMax, 4)
  const { frames, reason, grown } = await hostile(prefix, 1)
  assert.deepEqual(frames, [])
  assert.match(reason, /^SIGKILL/)
  assert(grown < fromChildBytesMax, `${grown} bytes`)
})

test('a child that writes to its error output without end costs no memory', {
  timeout: 400_000,
}, async () => {
  const before = process.memoryUsage.rss()
  const code = `const line = 'x'.repeat(2 ** 20); let left = 200
    const write = () => { while (left-- > 0) if (!process.stderr.write(line)) return process.stderr.once('drain', write) }
    write()`
  const { promise, resolve } = Promise.withResolvers<string>()
  const child = new Child([process.execPath, '--eval', code], { onFrame: () => {}, onClose: resolve })
  assert((await promise).length < 4_000)
  await child.exited
  assert(process.memoryUsage.rss() - before < 100 * 2 ** 20)
})
