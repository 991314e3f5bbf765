/** What a job costs, by what owners ask. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf } from '../../src/protocol/verification/cost.ts'
import type { Plan } from '../../src/protocol/verification/plan.ts'
import {
  belowNormal,
  chanceOf,
  type Offers,
  quantileOf,
  spreadOf,
} from '../../src/protocol/verification/spread.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { ownerNamed } from '../support/core-fakes.ts'

const plan: Plan = {
  replicas: 2,
  lead: 3,
  audits: null,
  executionsPerShard: 2,
  errorBound: 1e-4,
  ownersNeeded: 2,
}
const offers = (...rows: readonly (readonly [string, number])[]): Offers =>
  rows.map(([owner, unitMicros]) => ({ owner: ownerNamed(owner), unitMicros }))

test('the mean price is over owners, as the draw is, and not over their vehicles', () => {
  const found = costOf(
    plan,
    { units: 100, shards: 10 },
    offers(['a', 100], ['b', 200], ['b', 200], ['b', 500]),
    'owners',
  )
  assert.equal(found!.expectedMicros, 100 * 2 * ((100 + 300) / 2))
})

test('at worst every shard is disputed and copied at the highest price', () => {
  const asks = offers(['a', 100], ['b', 200])
  assert.equal(costOf(plan, { units: 10, shards: 1 }, asks, 'owners')!.worstMicros, 10 * (3 + 2 + 1) * 200)
  assert.equal(costOf(plan, { units: 10, shards: 1 }, asks, 'steward')!.worstMicros, 10 * (2 + 1 + 1) * 200)
})

test('checks by other owners are paid, those of the steward are not', () => {
  const audits = { replicas: 1, checks: 40, windowShards: 1_000, auditor: 'owners' } as const
  const audited = { ...plan, audits, executionsPerShard: 1.04 }
  assert.equal(
    costOf(audited, { units: 100, shards: 10 }, offers(['a', 100]), 'owners')!.expectedMicros,
    10_400,
  )
  const alone = { ...audited, audits: { ...audits, auditor: 'steward' as const } }
  assert.equal(
    costOf(alone, { units: 100, shards: 10 }, offers(['a', 100]), 'owners')!.expectedMicros,
    10_000,
  )
})

test('nobody offers, or nobody can count it: no cost', () => {
  assert.equal(costOf(plan, { units: 100, shards: 10 }, [], 'owners'), null)
  assert.equal(costOf(plan, { units: 1e9, shards: 1 }, offers(['a', 1e9]), 'owners'), null)
})

test('equal prices leave nothing to chance', () => {
  const alike = costOf(
    plan,
    { units: 100, shards: 10 },
    offers(['a', 100], ['b', 100], ['c', 100]),
    'owners',
  )!
  assert.deepEqual(alike.spread, {
    ...{ deviationMicros: 0, reserveMicros: 0, leastMicros: 20_000, mostMicros: 20_000 },
  })
  assert.deepEqual(
    [19_999, 20_000].map((budget) => chanceOf(budget, alike.expectedMicros, alike.spread)),
    [0, 1],
  )
  const others = offers(['a', 0], ['b', 100], ['c', 200])
  const { spread } = costOf(plan, { units: 100, shards: 10 }, others, 'owners')!
  assert.deepEqual([spread.leastMicros, spread.mostMicros], [10_000, 30_000])
})

test('the spread is that of leases that are drawn from places without return, and so is the chance', () => {
  const prices = [0, 50, 50, 100, 120, 200, 400]
  const rows = offers(...prices.map((price, i) => [`owner ${i}`, price] as const))
  // Six places each, of which half are drawn, for three shards each.
  const [places, leaseShards, shards] = [6 * prices.length, 5, (3 * 3 * prices.length) / 2]
  const expectedMicros = 2 * shards * (prices.reduce((sum, price) => sum + price, 0) / prices.length)
  const spread = spreadOf({ executions: 2, units: shards, shards, leaseShards, places }, rows)
  const chance = new Chance(1, 'spread')
  const sums = Array.from({ length: 4_000 }, () => {
    const left = prices.flatMap((price) => Array.from({ length: 6 }, () => price))
    let sum = 0
    for (let lease = 0; lease < (2 * shards) / 3; lease += 1)
      sum += 3 * left.splice(chance.between(0, left.length - 1), 1)[0]!
    return sum
  })
  const mean = sums.reduce((all, one) => all + one, 0) / sums.length
  const deviation = Math.sqrt(sums.reduce((all, one) => all + (one - mean) ** 2, 0) / sums.length)
  assert(Math.abs(mean / expectedMicros - 1) < 0.01, `${mean} of ${expectedMicros}`)
  assert(Math.abs(deviation / spread.deviationMicros - 1) < 0.05, `${deviation} of ${spread.deviationMicros}`)
  for (const share of [0.05, 0.5, 0.9, 0.99]) {
    const cost = quantileOf(share, expectedMicros, spread)
    const found = sums.filter((sum) => sum <= cost).length / sums.length
    assert(Math.abs(found - share) < 0.03, `${found} of jobs cost at most ${cost}, and ${share} were to`)
    const likely = chanceOf(cost + spread.reserveMicros, expectedMicros, spread)
    assert(Math.abs(likely - share) < 1e-3)
  }
  for (const [x, share] of [
    [0, 0.5],
    [1.6449, 0.95],
    [-2.3263, 0.01],
  ] as const)
    assert(Math.abs(belowNormal(x) - share) < 1e-4)
})
