import assert from 'node:assert/strict'
import test from 'node:test'
import pino from 'pino'
import { Latest } from '../../src/host/signals/latest.ts'
import { merged } from '../../src/host/signals/merge.ts'
import type { SignalProvider } from '../../src/host/signals/provider.ts'
import { Readings } from '../../src/protocol/rules/readings.ts'
import type { VehicleState } from '../../src/protocol/rules/signals.ts'

const log = pino({ level: 'silent' })

test('of a path that two sources know, the newest reading counts, whoever speaks last', async () => {
  const abort = new AbortController()
  const provider = merged(
    [
      fixed('a', speed(10, 2_000)),
      fixed('b', { ...speed(99, 1_000), 'Vehicle.IsMoving': { value: true, atMs: 1_000 } }),
    ],
    log,
  )
  assert.equal(provider.name, 'a, b')
  let known: VehicleState = {}
  for await (const state of provider.readings(abort.signal)) {
    known = { ...known, ...state }
    if ('Vehicle.IsMoving' in known) abort.abort()
  }
  assert.deepEqual(known, { ...speed(10, 2_000), 'Vehicle.IsMoving': { value: true, atMs: 1_000 } })
})

test('what one source calls unavailable takes back its own value, and not what another one reads', async () => {
  const abort = new AbortController()
  const latest = new Latest(abort.signal)
  const next = async () => (await latest[Symbol.asyncIterator]().next()).value
  latest.put({ 'Vehicle.Speed': { value: null, atMs: 0 } }, 'a')
  latest.put(speed(10, 1_000), 'b')
  latest.put({ 'Vehicle.Speed': { value: null, atMs: 2_000 } }, 'a')
  assert.deepEqual(await next(), speed(10, 1_000))
  latest.put({ 'Vehicle.Speed': { value: null, atMs: 0 } }, 'b')
  assert.deepEqual(await next(), { 'Vehicle.Speed': { value: null, atMs: 1_000 } })
  latest.put(speed(12, 1_500), 'a')
  assert.deepEqual(await next(), speed(12, 1_500))
  abort.abort()
})

test('when the clock is set back, what is read from then on counts, and not what was read before', async () => {
  for (const stepMs of [3_000, 4_900, 2 * 3_600_000]) {
    const abort = new AbortController()
    let [wallMs, monotonicMs] = [10 * 3_600_000, 0]
    const latest = new Latest(abort.signal, { now: () => wallMs, monotonicMs: () => monotonicMs })
    const say = (kmh: number) => latest.put(speed(kmh, wallMs))
    const pass = (ms: number) => {
      wallMs += ms
      monotonicMs += ms
    }
    say(0)
    pass(1_000)
    say(0)
    latest.put(speed(99, wallMs - 500)) // late, by a clock that runs on
    wallMs -= stepMs
    pass(1_000)
    say(50)
    for await (const state of latest) {
      assert.deepEqual(state, speed(50, wallMs))
      abort.abort()
    }
  }
})

test('a car that drives off as the clock is set back is known to drive with the next reading', () => {
  const readings = new Readings()
  for (const stepMs of [1, 3_000, 4_900, 6_000, 2 * 3_600_000]) {
    const nowMs = 10 * 3_600_000
    readings.take(speed(0, nowMs), nowMs)
    const setBackMs = nowMs - stepMs
    assert(readings.take(speed(50, setBackMs), setBackMs))
    readings.look(setBackMs)
    assert.equal(readings.get('Vehicle.Speed'), 50, `${stepMs} ms`)
  }
})

test('a source that breaks leaves the others heard', async () => {
  const abort = new AbortController()
  const broken: SignalProvider = {
    name: 'broken',
    // biome-ignore lint/correctness/useYield: it breaks before it says anything.
    async *readings() {
      throw new Error('broken')
    },
  }
  for await (const state of merged([broken, fixed('a', speed(10, 2_000))], log).readings(abort.signal)) {
    assert.deepEqual(state, speed(10, 2_000))
    abort.abort()
  }
})

test('a slow consumer gets one newest part and no queue; an older reading is no news', async () => {
  const abort = new AbortController()
  const latest = new Latest(abort.signal)
  for (let atMs = 0; atMs < 10_000; atMs += 1) latest.put(speed(atMs, atMs))
  latest.put(speed(-1, 5))
  const taken = latest[Symbol.asyncIterator]()
  assert.deepEqual((await taken.next()).value, speed(9_999, 9_999))
  latest.put(speed(-1, 5))
  const next = taken.next()
  latest.put(speed(1, 10_000))
  assert.deepEqual((await next).value, speed(1, 10_000))
  const last = taken.next()
  abort.abort()
  assert.equal((await last).done, true)
})

function speed(value: number, atMs: number): VehicleState {
  return { 'Vehicle.Speed': { value, atMs } }
}

function fixed(name: string, state: VehicleState): SignalProvider {
  return {
    name,
    async *readings(signal) {
      yield state
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  }
}
