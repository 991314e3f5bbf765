/** Who is to blame when a child ends, played through with children that end on demand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChildHandlers } from '../../src/host/executor/child.ts'
import { SlotFailed, SlotKilled } from '../../src/host/executor/contract.ts'
import { Lane, type LaneChild, type LaneOptions } from '../../src/host/executor/lane.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import type { ToChild } from '../../src/runtimes/messages.ts'
import { sessionOf, silent } from '../support/wasm/executor.ts'

const none = new Uint8Array(0)
const limits = { cpuMsMax: 1e9, wallMsMax: 1e9 }

class FakeChild implements LaneChild {
  readonly pid = 2 ** 22 + 1
  readonly sent: ToChild[] = []
  readonly exited: Promise<void>
  readonly #handlers: ChildHandlers
  readonly #gone = Promise.withResolvers<void>()
  frozen = false
  /** Takes its time to die: a kill is noted, and `end` is up to the test. */
  lingering = false

  constructor(handlers: ChildHandlers) {
    this.#handlers = handlers
    this.exited = this.#gone.promise
  }

  send(header: ToChild): void {
    this.sent.push(header)
  }

  async stream(header: ToChild): Promise<void> {
    this.sent.push(header)
  }

  freeze(): void {
    this.frozen = true
  }

  resume(): void {
    this.frozen = false
  }

  kill(): void {
    if (!this.lingering) this.end('SIGKILL')
  }

  end(reason: string): void {
    this.#handlers.onClose(reason)
    this.#gone.resolve()
  }

  loaded(): void {
    this.#handlers.onFrame({ type: 'loaded' }, none)
  }

  answer(id: number, text = `answer ${id}`): void {
    this.#handlers.onFrame({ type: 'record', id, text, error: null, cpuMs: 1 }, none)
  }
}

/** A lane, and its children in the order in which it starts them. */
function setUp(options: Partial<LaneOptions> = {}) {
  const children: FakeChild[] = []
  let arrived = Promise.withResolvers<void>()
  const lane = new Lane({
    spawn: async (handlers) => {
      children.push(new FakeChild(handlers))
      // One turn later, when the lane has taken the child over.
      setImmediate(() => {
        arrived.resolve()
        arrived = Promise.withResolvers()
      })
      return children.at(-1)!
    },
    session: { ...sessionOf('fake'), weights: async () => new Map() },
    limits: defaultLimits,
    log: silent,
    frozen: false,
    ...options,
  })
  const nextChild = async () => {
    await arrived.promise
    return children.at(-1)!
  }
  const ask = () => lane.ask({ type: 'run', page: 0 }, none, limits).then(({ said }) => said)
  return { lane, children, nextChild, ask }
}

async function settled<Value>(promise: Promise<Value>): Promise<Value | 'pending'> {
  const turn = new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))
  return Promise.race([promise, turn])
}

test('a child that says twice that it is loaded is killed, and is sent nothing again', async () => {
  const { nextChild, ask } = setUp()
  const answer = ask()
  const first = await nextChild()
  first.loaded()
  first.loaded()
  assert.equal(first.sent.filter(({ type }) => type === 'run').length, 1)
  const second = await nextChild()
  second.loaded()
  second.answer(0)
  assert.equal((await answer).type, 'record')
})

test('a record that crashed two children is a crash, and the rest of the queue goes on', async () => {
  const { nextChild, ask } = setUp()
  const answers = [ask(), ask(), ask()]
  const first = await nextChild()
  first.loaded()
  first.answer(0)
  first.end('SIGSEGV')
  const second = await nextChild()
  assert.equal(await settled(answers[1]!), 'pending', 'one crash proves nothing')
  second.loaded()
  assert.deepEqual(
    second.sent.map((header) => (header.type === 'run' ? header.id : header.type)),
    ['load', 1, 2],
    'what was not answered is sent again',
  )
  second.end('SIGSEGV')
  const third = await nextChild()
  third.loaded()
  third.answer(2)
  const [zero, one, two] = await Promise.all(answers)
  assert.equal(zero!.type, 'record')
  assert.deepEqual(one, { type: 'fault', code: 'crash' })
  assert.equal(two!.type, 'record')
})

test('crashes are counted for each record apart', async () => {
  const { nextChild, ask } = setUp()
  const answers = [ask(), ask()]
  for (const id of [0, 1]) {
    const crashing = await nextChild()
    crashing.loaded()
    if (id > 0) crashing.answer(0)
    crashing.end('exit code 70')
  }
  const last = await nextChild()
  last.loaded()
  last.answer(1)
  for (const said of await Promise.all(answers)) assert.equal(said.type, 'record')
})

test('a child that dies frozen is nobody’s fault, and its successor waits for the thaw', async () => {
  const { lane, children, nextChild, ask } = setUp()
  const answer = ask()
  for (let death = 0; death < 3; death++) {
    const child = await nextChild()
    child.loaded()
    lane.freeze()
    assert.ok(child.frozen)
    child.end('SIGKILL')
    assert.equal(await settled(answer), 'pending')
    assert.equal(children.length, death + 1, 'nothing is started while frozen')
    lane.resume()
  }
  const last = await nextChild()
  last.loaded()
  last.answer(0)
  assert.equal((await answer).type, 'record')
})

test('a frozen child that the kernel ends, as others need the memory, is nobody’s fault either', async () => {
  const { lane, nextChild, ask } = setUp()
  const answer = ask()
  const first = await nextChild()
  first.loaded()
  lane.freeze()
  first.end('out of memory: the kernel ended it, as memory ran out SIGKILL')
  assert.equal(await settled(answer), 'pending')
  lane.resume()
  const second = await nextChild()
  second.loaded()
  second.answer(0)
  assert.equal((await answer).type, 'record')
})

test('a limit is held against the record that overran it, not against the one after it', {
  timeout: 400_000,
}, async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const { nextChild, lane } = setUp()
  const samples = async () => {
    context.mock.timers.tick(10 * defaultLimits.sampleMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const overrun = { cpuMsMax: 1e9, wallMsMax: 0 }
  const answers = [1, 2].map(() => lane.ask({ type: 'run', page: 0 }, none, overrun))
  const dying = await nextChild()
  dying.lingering = true
  dying.loaded()
  await samples()
  dying.answer(0)
  await samples()
  dying.end('SIGKILL')
  const next = await nextChild()
  next.loaded()
  next.answer(1)
  for (const { said } of await Promise.all(answers)) assert.equal(said.type, 'record')
})

test('a record that overran its limit is ended for good', { timeout: 400_000 }, async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const { nextChild, lane, children } = setUp()
  const answer = lane.ask({ type: 'run', page: 0 }, none, { cpuMsMax: 1e9, wallMsMax: 0 })
  const child = await nextChild()
  child.loaded()
  context.mock.timers.tick(defaultLimits.sampleMs)
  assert.deepEqual((await answer).said, { type: 'fault', code: 'time-limit' })
  assert.equal(children.length, 1)
})

test('running out of memory is no crash: trying again would not help', async () => {
  const { nextChild, ask } = setUp()
  const answer = ask()
  const child = await nextChild()
  child.loaded()
  child.end('SIGABRT FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory')
  assert.deepEqual(await answer, { type: 'fault', code: 'memory-limit' })
})

test('a session that ends two children while it loads fails the lane', async () => {
  const { lane, nextChild, ask } = setUp()
  const ready = assert.rejects(lane.ready(), SlotFailed)
  const answer = assert.rejects(ask(), SlotFailed)
  for (let attempt = 0; attempt < 2; attempt++) (await nextChild()).end('SIGSEGV')
  await Promise.all([ready, answer])
  await assert.rejects(ask(), SlotFailed)
})

test('an answer out of turn ends the child, and is believed for no document', async () => {
  const { nextChild, ask } = setUp()
  const answers = [ask(), ask()]
  const lying = await nextChild()
  lying.loaded()
  lying.answer(1, 'a lie')
  const honest = await nextChild()
  honest.loaded()
  honest.answer(0)
  honest.answer(1)
  assert.deepEqual(
    (await Promise.all(answers)).map((said) => said.type === 'record' && said.text),
    ['answer 0', 'answer 1'],
  )
})

test('what a killed lane’s child still says reaches nobody', async () => {
  const { lane, nextChild, ask } = setUp()
  const answer = assert.rejects(ask(), SlotKilled)
  const child = await nextChild()
  child.loaded()
  await lane.kill()
  child.answer(0)
  await answer
})

test('a lane is idle when its last answer is in', async () => {
  const { lane, nextChild, ask } = setUp()
  await lane.idle()
  const answers = [ask(), ask()]
  const idle = lane.idle()
  const child = await nextChild()
  child.loaded()
  child.answer(0)
  assert.notEqual(await settled(idle), undefined, 'one still waits')
  child.answer(1)
  await Promise.all([idle, ...answers])
})

test('without a session the child is asked at once', async () => {
  const { nextChild, lane } = setUp({ session: null })
  const request = { type: 'inspect', runtime: 'wasm', options: {}, passwords: [] } as const
  const answer = lane.ask(request, none, limits)
  const child = await nextChild()
  assert.deepEqual(child.sent, [{ ...request, id: 0 }])
  child.answer(0)
  assert.equal((await answer).said.type, 'record')
})
