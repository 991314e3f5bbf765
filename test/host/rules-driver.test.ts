import assert from 'node:assert/strict'
import test from 'node:test'
import { ComputeEnergy } from '../../src/host/supervisor/compute-energy.ts'
import { type Kept, nothingKept } from '../../src/host/supervisor/kept.ts'
import { RulesDriver } from '../../src/host/supervisor/rules-driver.ts'
import { defaultPreferences, type Preferences } from '../../src/protocol/rules/preferences.ts'
import type { VehicleState } from '../../src/protocol/rules/signals.ts'
import { LocalTime } from '../../src/protocol/rules/week.ts'
import { driving, parked } from '../support/vehicle-bus.ts'

const utc = LocalTime.in('UTC')
const minute = 60_000
const dayMs = 86_400_000
const start = Date.UTC(2026, 2, 2, 12)

function stateOf(values: object, atMs: number): VehicleState {
  return Object.fromEntries(Object.entries(values).map(([path, value]) => [path, { value, atMs }]))
}

function guardWith(
  changes: Partial<Preferences>,
  { isVehicle = true, kept = nothingKept } = {},
): RulesDriver {
  const preferences = { ...defaultPreferences, settleMs: 0, ...changes }
  return new RulesDriver({ preferences, isVehicle, slotWatts: 10, kept }, start)
}

test('energy is the owner’s figure times CPU time where the pack shows nothing', () => {
  const energy = new ComputeEnergy(12, utc, null)
  energy.sample(0, null, start)
  energy.sample(5_000, null, start + 5_000)
  assert.equal(energy.powerWatts, 12)
  assert.deepEqual(energy.rate, { joulesPerCpuSecond: 12, basis: 'estimated' })
  energy.sample(10_000, null, start + 10_000)
  assert.equal(energy.powerWatts, 24, 'two slots')
  assert.equal(energy.today.wattHours, (15 * 12) / 3_600)
})

test('energy is measured once the pack has shown what idle and busy slots draw, and only while unplugged', () => {
  const energy = new ComputeEnergy(12, utc, null)
  let nowMs = start
  const pass = (times: number, cpuMs: number, watts: number | null) => {
    for (let i = 0; i < times; i += 1) {
      nowMs += 5_000
      energy.sample(cpuMs, watts, nowMs)
    }
  }
  energy.sample(0, 200, nowMs)
  pass(6, 0, 200)
  pass(5, 5_000, 230)
  assert.equal(energy.rate.basis, 'estimated')
  pass(1, 5_000, 230)
  assert.deepEqual(energy.rate, { joulesPerCpuSecond: 30, basis: 'measured' })
  assert.equal(energy.powerWatts, 30)
  pass(1, 10_000, 260)
  assert.equal(energy.powerWatts, 60)
  pass(1, 5_000, null)
  assert.deepEqual(energy.rate, { joulesPerCpuSecond: 12, basis: 'estimated' })
})

test('a day’s energy ends at midnight where the vehicle is, and a clock that is set back adds no power', () => {
  const energy = new ComputeEnergy(3_600, LocalTime.in('Europe/Berlin'), null)
  const lateMs = Date.UTC(2026, 2, 2, 22, 59, 50)
  energy.sample(0, null, lateMs)
  energy.sample(5_000, null, lateMs + 5_000)
  assert.equal(energy.today.wattHours, 5)
  energy.sample(5_000, null, lateMs + 10_000)
  assert.equal(energy.today.wattHours, 5, 'of the new day')
  energy.sample(1_000, null, lateMs + 10_000)
  assert.equal(energy.powerWatts, 0)
  assert.equal(energy.today.wattHours, 6)
})

test('a cap on the day’s energy holds the work when it is reached, and until midnight over a restart', () => {
  const guard = guardWith({ energyWhPerDayMax: 1 }, { isVehicle: false })
  assert.equal(guard.judgement.verdict, 'run', 'on a desk, which knows nothing of a vehicle')
  guard.count(300_000, 0, start + 5 * minute)
  assert.equal(guard.judgement.verdict, 'run')
  guard.count(60_001, 0, start + 6 * minute)
  assert.deepEqual([guard.judgement.verdict, guard.judgement.reasons], ['drain', ['energy-cap']])
  const kept = guard.takeKept(start + 6 * minute)!
  assert.equal(guardWith({ energyWhPerDayMax: 1 }, { isVehicle: false, kept }).judgement.verdict, 'drain')
  guard.count(0, 0, start + dayMs)
  assert.equal(guard.judgement.verdict, 'run')
})

test('bytes count while the network is metered or nobody knows, by the month, and hold the work at the cap', () => {
  const changes = { unmeteredOnly: false, meteredBytesPerMonthMax: 1_000, timeZone: 'UTC' }
  const say = (guard: RulesDriver, isMetered: boolean, atMs: number) => {
    const readings = stateOf({ ...parked, 'Carpool.Network.IsMetered': isMetered }, atMs)
    guard.handle({ type: 'readings', readings }, atMs)
  }
  const guard = guardWith(changes)
  say(guard, false, start)
  guard.count(0, 5_000, start + 1_000)
  assert.equal(guard.judgement.verdict, 'run')
  say(guard, true, start + 2_000)
  guard.count(0, 999, start + 3_000)
  assert.equal(guard.judgement.verdict, 'run')
  guard.count(0, 1, start + 4_000)
  assert.deepEqual(guard.judgement.reasons, ['metered-cap'])
  const april = Date.UTC(2026, 3, 1)
  say(guard, true, april)
  guard.count(0, 0, april)
  assert.equal(guard.judgement.verdict, 'run')

  const unsure = guardWith(changes)
  unsure.count(0, 1_000, start + 1_000)
  assert(unsure.judgement.reasons.includes('metered-cap'))
  const desk = guardWith(changes, { isVehicle: false })
  desk.count(0, 1_000, start + 1_000)
  assert.equal(desk.judgement.verdict, 'run', 'it pays for nothing unless it is told so')
})

test('a departure is to be kept at once, counters now and then', () => {
  const guard = guardWith({})
  let nowMs = start
  const pass = (values: object, times: number) => {
    for (let i = 0; i < times; i += 1) {
      nowMs += 5_000
      guard.handle({ type: 'readings', readings: stateOf({ ...parked, ...values }, nowMs) }, nowMs)
      guard.count(0, 0, nowMs)
    }
  }
  pass({}, 132)
  const counters = guard.takeKept(nowMs)
  assert.deepEqual((counters as Kept).departures, [])
  pass({}, 1)
  assert.equal(guard.takeKept(nowMs), null)
  pass(driving, 1)
  assert.deepEqual(guard.takeKept(nowMs)?.departures, [nowMs])
  pass(driving, 20)
  assert.equal(guard.takeKept(nowMs), null, 'nothing has changed')
})
