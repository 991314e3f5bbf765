/** What a job costs, by what owners ask. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf, type Offers } from '../../src/protocol/verification/cost.ts'
import type { Plan } from '../../src/protocol/verification/plan.ts'
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
