/** The supervisor with real processes: a shell that loops plays a slot, and this process its node. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { pino } from 'pino'
import { statOf } from '../../src/host/executor/usage.ts'
import { SupervisedWatch } from '../../src/host/supervisor/supervised-watch.ts'
import type { Judgement } from '../../src/protocol/rules/judgement.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { temporaryDirectory } from '../support/store.ts'
import { driving, parked, VehicleBus } from '../support/vehicle-bus.ts'
import { isAlive, stateOf, until } from '../support/wasm/executor.ts'

const skip = process.platform === 'linux' ? false : 'reads /proc'
const options = { skip, timeout: 400_000 }

function settingsOf(entries: Readonly<Record<string, string>> = {}) {
  const settings = new Map(Object.entries(entries))
  return {
    settings,
    getSetting: (name: string) => settings.get(name),
    putSetting: (name: string, value: string) => void settings.set(name, value),
  }
}

async function startWatch(t: TestContext, source: string, journal = settingsOf()): Promise<SupervisedWatch> {
  const watch = await SupervisedWatch.start({
    preferences: { ...defaultPreferences, settleMs: 0 },
    signals: [source],
    network: 'unmetered',
    slotWatts: 10,
    journal,
    trafficBytes: () => 0,
    log: pino({ level: 'silent' }),
  })
  t.after(() => watch.stop())
  return watch
}

function startBus(t: TestContext): VehicleBus {
  const bus = new VehicleBus(temporaryDirectory(t))
  t.after(() => bus.close())
  bus.say(parked)
  return bus
}

/** At work, and known to the watch. */
function startSlot(t: TestContext, watch: SupervisedWatch): number {
  const slot = loop(t)
  watch.began(slot.pid!, statOf(slot.pid!)!.startedTicks)
  return slot.pid!
}

function loop(t: TestContext): ChildProcess {
  const slot = spawn('nice', ['-n', '19', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' })
  t.after(() => slot.kill('SIGKILL'))
  return slot
}

function judged(watch: SupervisedWatch, fits: (judgement: Judgement) => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = (judgement: Judgement) => fits(judgement) && resolve()
  watch.onChange(look)
  look(watch.judgement())
  return promise
}

const says =
  (verdict: Judgement['verdict'], reason?: string) =>
  (judgement: Judgement): boolean =>
    judgement.verdict === verdict && (reason === undefined || judgement.reasons.includes(reason))

test(
  'slots stand still by the supervisor alone, while the node does not even turn its event loop',
  options,
  async (t) => {
    const bus = startBus(t)
    const watch = await startWatch(t, bus.source)
    await judged(watch, says('run'))
    const slots = [startSlot(t, watch), startSlot(t, watch)]
    await until(() => slots.every((pid) => stateOf(pid) === 'R'))
    bus.say(driving)
    const cell = new Int32Array(new SharedArrayBuffer(4))
    const endMs = performance.now() + 30_000
    while (!slots.every((pid) => stateOf(pid) === 'T') && performance.now() < endMs)
      Atomics.wait(cell, 0, 0, 1)
    assert.deepEqual(slots.map(stateOf), ['T', 'T'])
    const before = slots.map((pid) => statOf(pid)!.cpuMs)
    await judged(watch, says('stop', 'driving'))
    bus.say(parked)
    await judged(watch, says('run'))
    assert.deepEqual(
      slots.map((pid) => statOf(pid)!.cpuMs - before[slots.indexOf(pid)]! < 20),
      [true, true],
      'no work between the stop and the verdict to run; 10 ms are a tick',
    )
    await until(() => slots.every((pid) => stateOf(pid) === 'R'))
  },
)

test(
  'a process that starts during a stop stands still from the beginning, and one that is not ours is left alone',
  options,
  async (t) => {
    const bus = startBus(t)
    bus.say(driving)
    const watch = await startWatch(t, bus.source)
    const other = loop(t).pid!
    watch.began(other, statOf(other)!.startedTicks - 1)
    const slot = startSlot(t, watch)
    await until(() => stateOf(slot) === 'T')
    await until(() => stateOf(other) === 'R')
  },
)

test(
  'a supervisor that was killed is a verdict to stop, until another one has started and knows the slots',
  options,
  async (t) => {
    const bus = startBus(t)
    const watch = await startWatch(t, bus.source)
    const slot = startSlot(t, watch)
    await judged(watch, says('run'))
    const first = watch.pid!
    process.kill(first, 'SIGKILL')
    await judged(watch, says('stop', 'unwatched'))
    await judged(watch, says('run'))
    assert.notEqual(watch.pid, first)
    bus.say(driving)
    await until(() => stateOf(slot) === 'T')
  },
)

test('a supervisor that does not answer is a verdict to stop, and is replaced', options, async (t) => {
  const bus = startBus(t)
  const watch = await startWatch(t, bus.source)
  await judged(watch, says('run'))
  const first = watch.pid!
  process.kill(first, 'SIGSTOP')
  await judged(watch, says('stop', 'unwatched'))
  await judged(watch, says('run'))
  assert(!isAlive(first))
})

test('a bus that falls silent is a verdict to stop', options, async (t) => {
  const bus = startBus(t)
  const watch = await startWatch(t, bus.source)
  const slot = startSlot(t, watch)
  await judged(watch, says('run'))
  bus.fallSilent()
  await judged(watch, says('stop', 'driving'))
  await until(() => stateOf(slot) === 'T')
})

test(
  'when the node is killed, its supervisor and its slots end with it, also a frozen one',
  options,
  async (t) => {
    const bus = startBus(t)
    bus.say(driving)
    const node = fork(join(import.meta.dirname, '../support/supervised-node.ts'), [bus.source])
    t.after(() => node.kill('SIGKILL'))
    const [{ supervisor, slot }] = (await once(node, 'message')) as [{ supervisor: number; slot: number }]
    await until(() => stateOf(slot) === 'T')
    node.kill('SIGKILL')
    await until(() => !isAlive(supervisor) && !isAlive(slot))
  },
)

test(
  'a pause is kept before it is acted on, holds over a restart, and ends when the owner says so',
  options,
  async (t) => {
    const bus = startBus(t)
    const journal = settingsOf()
    const first = await startWatch(t, bus.source, journal)
    await judged(first, says('run'))
    await first.pause(null)
    assert.deepEqual(first.judgement().reasons, ['paused'])
    await first.stop()
    const second = await startWatch(t, bus.source, journal)
    await judged(second, ({ reasons }) => reasons.join() === 'paused')
    await second.resume()
    assert.equal(second.judgement().verdict, 'run')
    await second.stop()
    const third = await startWatch(t, bus.source, journal)
    await judged(third, says('run'))
  },
)

test('a pause that cannot be read any more is one', options, async (t) => {
  const bus = startBus(t)
  const watch = await startWatch(t, bus.source, settingsOf({ pause: '{"untilMs": "soon"}' }))
  await judged(watch, ({ reasons }) => reasons.join() === 'paused')
})

test('a source of signals that is not there is refused in one sentence', options, async (t) => {
  await assert.rejects(
    startWatch(t, 'trace:/nowhere/at-all.jsonl'),
    /\/nowhere\/at-all\.jsonl cannot be read/,
  )
})
