import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chance } from '../../src/simulator/chance.ts'
import { Cell } from '../../src/simulator/week/cell.ts'
import { Presence, presences } from '../../src/simulator/week/presence.ts'
import { habitsOf, hourMs, type Kind, tripsOf } from '../../src/simulator/week/trips.ts'

const small = { seed: 7, vehicles: 8, robotaxis: 2, days: 2 }

test('no vehicle computes when its owner would not have it, and its work is owed for once it is verified', () => {
  const { vehicles, violations, shardsVerified } = new Cell(small).run()
  assert.deepEqual(violations, [])
  const sum = (key: 'computedMs' | 'allowedMs' | 'owedMicros' | 'pendingMs' | 'brokenOffMs') =>
    vehicles.reduce((total, vehicle) => total + vehicle[key], 0)
  assert.ok(sum('computedMs') > vehicles.length * 4 * hourMs, 'they work some hours each')
  assert.ok(sum('owedMicros') > 0)
  // Two replicas of a shard, 150 pages each, at no more than what a page may cost.
  assert.ok(sum('owedMicros') <= shardsVerified * 2 * 150 * 130)
  for (const vehicle of vehicles) {
    assert.ok(vehicle.computedMs <= vehicle.parkedMs)
    assert.ok(vehicle.brokenOffMs + vehicle.unpaidMs + vehicle.pendingMs <= vehicle.computedMs)
    // What is under way when the rules say drain is finished: a quarter of an hour for each time.
    assert.ok(vehicle.computedMs <= vehicle.allowedMs + 12 * hourMs)
  }
})

test('one seed is one week', () => {
  const day = { seed: 7, vehicles: 4, robotaxis: 1, days: 1 }
  const once = new Cell(day).run()
  assert.deepEqual(new Cell(day).run(), once)
  assert.notDeepEqual(new Cell({ ...day, seed: 8 }).run(), once)
})

test('work that has time waits for cheap power: no deadline is missed, and no owner pays for it', () => {
  const cell = { seed: 3, vehicles: 9, robotaxis: 3, days: 2 }
  const [before, after] = [false, true].map((follows) =>
    new Cell({ ...cell, market: { follows, shardsPerDay: 120 } }).run(),
  )
  const unitCost = ({ vehicles, shardsVerified }: NonNullable<typeof after>) =>
    vehicles.reduce((sum, { costMicros }) => sum + costMicros, 0) / shardsVerified
  assert.deepEqual([after!.violations, after!.jobsMissed, before!.jobsMissed], [[], 0, 0])
  assert.ok(after!.jobsDone === before!.jobsDone && after!.jobsDone > 0)
  assert.ok(unitCost(after!) < 0.9 * unitCost(before!), `${unitCost(after!)} and ${unitCost(before!)}`)
  for (const { owedMicros, costMicros } of after!.vehicles) assert.ok(owedMicros >= costMicros)
})

test('private cars are on the road about seven hours a week, robotaxis fifty', () => {
  const hours = (kind: Kind) => {
    const chance = new Chance(1, kind)
    const each = Array.from({ length: 200 }, () =>
      tripsOf(chance, kind, habitsOf(chance, kind), 0, 7).reduce(
        (sum, { leavesMs, arrivesMs }) => sum + arrivesMs - leavesMs,
        0,
      ),
    )
    return each.reduce((sum, ms) => sum + ms, 0) / each.length / hourMs
  }
  assert.ok(Math.abs(hours('private') - 7) < 1.5, `${hours('private')}`)
  assert.ok(Math.abs(hours('robotaxi') - 50) < 3, `${hours('robotaxi')}`)
})

test('what vehicles do adds up to all of them at every time of the day', () => {
  const presence = new Presence()
  presence.add(0, 5 * hourMs, 'working')
  presence.add(5 * hourMs, 24 * hourMs, 'driving')
  presence.add(23.9 * hourMs, 24.2 * hourMs, 'unplugged')
  const sums = presences.reduce(
    (sums, what) => presence.shares(false, what).map((share, i) => share + sums[i]!),
    new Array<number>(96).fill(0),
  )
  for (const sum of sums) assert.ok(Math.abs(sum - 1) < 1e-9)
  const merged = new Presence()
  merged.merge(Presence.of(presence.bins()))
  assert.deepEqual(merged.shares(false, 'working'), presence.shares(false, 'working'))
  assert.equal(presence.shares(false, 'working')[19], 1)
  assert.equal(presence.shares(false, 'working')[20], 0)
})
