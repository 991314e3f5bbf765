/** The chance that a budget suffices, as a quote says it, beside what jobs of a virtual world do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OwnerId } from '../../src/protocol/ids.ts'
import { leasesPerSlot } from '../../src/protocol/limits.ts'
import { chanceOf, quantileOf, spreadOf } from '../../src/protocol/verification/spread.ts'
import { calm } from '../../src/simulator/scenario.ts'
import { askOf } from '../../src/simulator/submission.ts'
import { World } from '../../src/simulator/world.ts'

/** Owners that ask from nothing to the cap. */
const scenario = {
  ...calm,
  ...{ name: 'asks', vehicles: 10, stewards: 3, standbys: 0, jobs: 1, shardsPerJob: 40, unitMicros: 400 },
}
const { vehicles, shardsPerJob: shards, unitMicros } = scenario
const minutes = 10

test('a budget that suffices by the quote does, one that hardly ever does mostly does not, and no job is lost to it', () => {
  const asks = Array.from({ length: vehicles }, (_, i) => askOf(scenario, i)?.unitMicros ?? 0)
  const offers = asks.map((micros, i) => ({ owner: `owner ${i}` as OwnerId, unitMicros: micros }))
  const [executions, places] = [2, vehicles * leasesPerSlot]
  const leaseShards = (shards * executions) / places
  const expectedMicros = (executions * shards * asks.reduce((sum, one) => sum + one, 0)) / vehicles
  const spread = spreadOf({ executions, units: shards, shards, leaseShards, places }, offers)
  const complete = (budgetMicros: number, seeds: readonly number[]) => {
    let count = 0
    for (const seed of seeds) {
      const budget = budgetMicros / unitMicros / shards
      const { violations, jobsComplete, jobsLost } = new World({ ...scenario, budget }, seed, minutes).run()
      assert.deepEqual([violations, jobsLost], [[], 0], `seed ${seed}`)
      count += jobsComplete
    }
    return count
  }
  const enough = quantileOf(0.95, expectedMicros, spread) + spread.reserveMicros
  assert(chanceOf(enough, expectedMicros, spread) > 0.94)
  const eight = [1, 2, 3, 4, 5, 6, 7, 8]
  assert(complete(enough, eight) >= 7, `${enough} is enough for 95 of 100`)
  const little = 2 * expectedMicros + spread.reserveMicros - enough
  assert(chanceOf(little, expectedMicros, spread) < 0.06)
  assert(complete(little, eight.slice(4)) <= 1, `${little} is enough for 5 of 100`)
})
