/** The trust curve's models: the plan keeps its promise, and the rules it is compared with are those of the others. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { attackers } from '../../src/simulator/trust/attackers.ts'
import { type TrustPoint, trustPoint } from '../../src/simulator/trust/trust.ts'

const seed = Number(process.env.CARPOOL_SEED ?? 1)
const run = { seed, vehicles: 100, shardsLeast: 20_000, errorBound: 1e-3, colludingShare: 0.05 }

/** Three standard deviations of so few wrong results, so that a bound that is met does not fail by luck. */
function most(expected: number, { shards }: TrustPoint): number {
  return expected + 3 * Math.sqrt(expected / shards)
}

test('a plan keeps its bound against every attacker that it was bought against', (t) => {
  t.diagnostic(`seed ${seed}`)
  for (const attacker of attackers)
    for (const size of [10, 100]) {
      const point = trustPoint(run, 'carpool', attacker, size, run.colludingShare)
      assert(point.error <= most(run.errorBound, point), `${attacker}, ${size}: ${point.error}`)
    }
})

test('a large job costs a tenth more than the work itself, at most', (t) => {
  t.diagnostic(`seed ${seed}`)
  const { executionsPerShard, error } = trustPoint(run, 'carpool', 'cartel', 1_000, run.colludingShare)
  assert(executionsPerShard <= 1.1, `${executionsPerShard} executions`)
  assert(error > 0, 'a cartel that never lies shows nothing')
})

test('unanimous quorums are wrong where a cartel holds all replicas, and nowhere else', (t) => {
  t.diagnostic(`seed ${seed}`)
  for (const [policy, replicas] of [
    ['quorum 2', 2],
    ['quorum 3', 3],
  ] as const) {
    const point = trustPoint(run, policy, 'cartel', 100, 0.3)
    // Without replacement: (30/100)(29/99)(28/98).
    const expected = [0, 1, 2].slice(0, replicas).reduce((p, i) => (p * (30 - i)) / (100 - i), 1)
    assert(Math.abs(point.error - expected) < most(expected, point) - expected, `${policy}: ${point.error}`)
    assert.equal(trustPoint(run, policy, 'independent', 100, 0.3).error, 0)
  }
})

test('BOINC’s rule costs what it is known to cost, and pays sleepers (notes on reliability, §3)', (t) => {
  t.diagnostic(`seed ${seed}`)
  const honest = trustPoint(run, 'BOINC adaptive', 'sleepers', 1_000, 0)
  assert(honest.executionsPerShard > 1.02 && honest.executionsPerShard < 1.05, `${honest.executionsPerShard}`)
  // 45 wrong before the first check, of 1,000 shards a vehicle; and again after it has earned its trust anew.
  const { error } = trustPoint(run, 'BOINC adaptive', 'sleepers', 1_000, 0.05)
  assert(error > 0.05 * 0.03 && error < 0.05 * 0.2, `${error}`)
})
