import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { SessionRefused, SlotFailed, SlotKilled } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { usageOf } from '../../src/host/executor/usage.ts'
import { childPids, isAlive, sessionOf, silent, until, weightFile } from '../support/wasm/executor.ts'

const executor = new ProcessExecutor({ log: silent })
after(() => executor.close())

const bytes = (text: string) => new TextEncoder().encode(text)
/** Short enough to wait for, long enough for any honest record here on a slow machine. */
const short = { cpuMsMax: 500, wallMsMax: 20_000 }

test('thousands of runs may be asked for at once, and each gets its own answer', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('echo'))
  const asked = Array.from({ length: 3000 }, (_, index) => `document ${index}`)
  const records = await Promise.all(asked.map((text) => slot.run(bytes(text), 0)))
  assert.deepEqual(
    records.map(({ text }) => text),
    asked,
  )
  assert.deepEqual(JSON.parse(new TextDecoder().decode(records[7]!.output)), {
    text: 'document 7',
    bytes: 10,
  })
  assert.ok(records.every(({ error, cpuMs, wallMs }) => error === null && cpuMs >= 0 && wallMs >= 0))
  await slot.kill()
})

test('a document’s fault is its own: the ones behind it in the queue do not notice', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('moody'))
  const [pid] = childPids()
  const records = await Promise.all([...'zxztz'].map((letter) => slot.run(bytes(letter), 0)))
  assert.deepEqual(
    records.map(({ text, error }) => error?.code ?? text),
    ['z', 'exit-code', 'z', 'trap', 'z'],
  )
  assert.ok(isAlive(pid!), 'no process had to end for it')
  await slot.kill()
})

test('what a program writes to stderr comes beside its record, also where it fails', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('complains'))
  const records = await Promise.all(['a;', 'x;', 't;'].map((text) => slot.run(bytes(text), 0)))
  assert.deepEqual(
    records.map(({ text, error, log }) => [error?.code ?? text, log]),
    [
      ['ok', 'a;a;'],
      ['exit-code', 'x;x;'],
      ['trap', 't;t;'],
    ],
  )
  await slot.kill()
})

test('an endless loop ends as a record, and the runs behind it are done in a fresh child', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('moody'))
  const records = await Promise.all([...'zszzs'].map((letter) => slot.run(bytes(letter), 0, short)))
  assert.deepEqual(
    records.map(({ text, error }) => error?.code ?? text),
    ['z', 'cpu-limit', 'z', 'z', 'cpu-limit'],
  )
  assert.deepEqual(records[1]!.error, { code: 'cpu-limit', message: 'took too much CPU time' })
  assert.equal(records[1]!.output.byteLength, 0)
  await slot.kill()
})

test('wall-clock time is limited, too', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('moody'))
  const { error } = await slot.run(bytes('s'), 0, { wallMsMax: 200 })
  assert.deepEqual(error, { code: 'time-limit', message: 'took too long' })
  assert.equal((await slot.run(bytes('z'), 0)).text, 'z')
  await slot.kill()
})

test('a process that outgrows its memory ends as a record', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('moody'))
  const { privateBytes } = usageOf(childPids()[0]!)!
  await slot.kill()

  const tight = new ProcessExecutor({
    log: silent,
    limits: { privateBytesMax: privateBytes + 24 * 2 ** 20 },
  })
  const filling = tight.openSlot()
  await filling.prepare(sessionOf('moody'))
  const [held, after] = await Promise.all([...'hz'].map((letter) => filling.run(bytes(letter), 0)))
  assert.deepEqual(held!.error, { code: 'memory-limit', message: 'needed too much memory' })
  assert.equal(after!.text, 'z')
  await tight.close()
})

test('a refused module says why, and the slot takes the next session', async () => {
  const slot = executor.openSlot()
  const noise = {
    ...sessionOf('noise'),
    weights: async () => new Map([['module', weightFile(bytes('noise'))]]),
  }
  await assert.rejects(slot.prepare(noise), (error) => {
    assert.ok(error instanceof SessionRefused)
    assert.equal(error.code, 'not-a-wasi-command')
    return true
  })
  await assert.rejects(slot.run(bytes('z'), 0), SessionRefused)
  await slot.prepare(sessionOf('moody'))
  assert.equal((await slot.run(bytes('z'), 0)).text, 'z')
  await slot.kill()
})

test('a session that nobody can bring fails the slot with its cause, and not the document', async () => {
  const slot = executor.openSlot()
  const cause = new Error('the block is gone')
  await assert.rejects(
    slot.prepare({ ...sessionOf('lost'), weights: () => Promise.reject(cause) }),
    (error) => {
      assert.ok(error instanceof SlotFailed)
      assert.equal(error.cause, cause)
      return true
    },
  )
  await assert.rejects(slot.prepare({ ...sessionOf('echo'), runtime: 'constructor' }), SessionRefused)
})

test('the same session keeps its process, another one gets another', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('echo'))
  const [first] = childPids()
  await slot.prepare(sessionOf('echo'))
  assert.deepEqual(childPids(), [first])
  const last = slot.run(bytes('to be finished first'), 0)
  await slot.prepare(sessionOf('echo', 'another job with the same module'))
  assert.equal((await last).text, 'to be finished first')
  assert.equal(childPids().length, 1)
  assert.ok(!isAlive(first!))
  await slot.kill()
  assert.deepEqual(childPids(), [])
})

test('a killed slot rejects what is pending with SlotKilled, and may be prepared again', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('moody'))
  const pending = [slot.run(bytes('s'), 0), slot.run(bytes('z'), 0)].map((run) =>
    assert.rejects(run, SlotKilled),
  )
  const preparing = assert.rejects(slot.prepare(sessionOf('echo')), SlotKilled)
  await slot.kill()
  assert.deepEqual(childPids(), [], 'its process is gone')
  await Promise.all([...pending, preparing])
  await assert.rejects(slot.run(bytes('z'), 0), SlotKilled)
  await slot.prepare(sessionOf('echo'))
  assert.equal((await slot.run(bytes('z'), 0)).text, 'z')
  await slot.kill()
})

test('a child that somebody else killed is nobody’s fault', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('floats'))
  const [pid] = childPids()
  const records = [slot.run(Uint8Array.of(255), 0), slot.run(Uint8Array.of(1), 0)]
  process.kill(pid!, 'SIGKILL')
  assert.deepEqual(
    (await Promise.all(records)).map(({ error }) => error),
    [null, null],
  )
  const [idle] = childPids()
  process.kill(idle!, 'SIGKILL')
  await until(() => !isAlive(idle!))
  assert.equal((await slot.run(Uint8Array.of(1), 0)).error, null)
  await slot.kill()
})

test('a full queue refuses, and says that it is the vehicle’s doing', async () => {
  const small = new ProcessExecutor({ log: silent, limits: { queuedRunsMax: 2, queuedBytesMax: 10 } })
  const slot = small.openSlot()
  await slot.prepare(sessionOf('echo'))
  const large = slot.run(bytes('a single large document passes'), 0)
  await assert.rejects(slot.run(bytes('x'), 0), SlotFailed)
  assert.equal((await large).error, null)
  const two = [slot.run(bytes('x'), 0), slot.run(bytes('x'), 0)]
  await assert.rejects(slot.run(bytes('x'), 0), SlotFailed)
  assert.equal((await Promise.all(two)).length, 2)
  await small.close()
})

test('documents are inspected without a session', async () => {
  const shapes = await Promise.all([1, 2, 3].map((size) => executor.inspect('wasm', new Uint8Array(size))))
  assert.deepEqual(
    shapes.map(({ pages }) => pages),
    [1, 1, 1],
  )
  const breaking = await executor.inspect('no such runtime', Buffer.of())
  assert.equal(breaking.refused?.what, 'breaks its reader')
})

test('a closed executor has no children and starts none', async () => {
  const closing = new ProcessExecutor({ log: silent })
  const [busy, frozen] = [closing.openSlot(), closing.openSlot()]
  await Promise.all([busy.prepare(sessionOf('moody')), frozen.prepare(sessionOf('moody', 'frozen'))])
  frozen.freeze()
  const pending = [busy, frozen].map((slot) => assert.rejects(slot.run(bytes('s'), 0), SlotKilled))
  const before = childPids().length
  await closing.close()
  await Promise.all(pending)
  assert.equal(before - childPids().length, 2)
  await assert.rejects(busy.prepare(sessionOf('echo')), SlotKilled)
})

test('a slot’s process is the first that the kernel ends when memory runs out, and its node is not', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('echo'))
  const [pid] = childPids()
  const scoreOf = (of: number | 'self') => Number(readFileSync(`/proc/${of}/oom_score_adj`, 'utf8'))
  assert.equal(scoreOf(pid!), 1_000)
  assert(scoreOf('self') < 1_000)
  await slot.kill()
})

test('a process that the kernel ends as memory runs out ends as a record, and is not begun again for it', async () => {
  let kills = 3
  const reasons: string[] = []
  const scarce = new ProcessExecutor({
    log: { ...silent, warn: (facts) => void reasons.push(String((facts as { reason?: string }).reason)) },
    readText: (path) => (path === '/proc/vmstat' ? `oom_kill ${kills}\n` : null),
  })
  const slot = scarce.openSlot()
  await slot.prepare(sessionOf('moody'))
  const [pid] = childPids()
  const limits = { cpuMsMax: 5_000 }
  const [spinning, after] = [slot.run(bytes('s'), 0, limits), slot.run(bytes('z'), 0)]
  await until(() => (usageOf(pid!)?.cpuMs ?? 0) > 0)
  kills += 1
  process.kill(pid!, 'SIGKILL')
  assert.deepEqual((await spinning).error, { code: 'memory-limit', message: 'needed too much memory' })
  assert.equal((await after).text, 'z', 'the next one is not to blame')
  assert.equal(scarce.killedByMemory, 1)
  assert.match(reasons.join('\n'), /out of memory: the kernel ended it/)
  await scarce.close()
})
