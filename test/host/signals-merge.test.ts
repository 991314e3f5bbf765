import assert from 'node:assert/strict'
import test from 'node:test'
import pino from 'pino'
import { Latest } from '../../src/host/signals/latest.ts'
import { merged } from '../../src/host/signals/merge.ts'
import type { SignalProvider } from '../../src/host/signals/provider.ts'
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
