/**
 * Random worlds: whatever the network, the vehicles and a restarting steward do, the promises of the core hold.
 * The checks know nothing of how the steward decides: they count owners in the receipts that it kept.
 *
 *   CARPOOL_SEED=17 node --test test/protocol/random-world.test.ts    replays one world
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from 'uint8arrays'
import { RandomStream } from '../../src/base/prng.ts'
import { sha256 } from '../support/core-fakes.ts'
import { type Nature, runWorld, truth, type WorldOptions, type WorldOutcome } from '../support/core-world.ts'

const deadlineMs = 3_600_000
const given = process.env.CARPOOL_SEED
const seeds = given === undefined ? Array.from({ length: 150 }, (_, i) => i + 1) : [Number(given)]

/** Enough honest owners for the lead rule, and a few of whom everything can be expected. */
function worldOf(seed: number, trace: boolean): WorldOptions {
  const chance = new RandomStream(sha256, fromString(`options ${seed}`), 'options')
  const between = (least: number, most: number) => least + chance.below(most - least + 1)
  const bad: Nature[] = ['mute', 'absent', 'miser', 'grumbler']
  const vehicles: { capacity: string; nature: Nature }[] = []
  for (let owner = 0, honest = between(6, 9); owner < honest; owner += 1)
    for (let i = between(1, 2); i > 0; i -= 1)
      vehicles.push({ capacity: `h${owner}-${i}:honest${owner}:slots=${between(1, 2)}`, nature: 'honest' })
  // All vehicles of the one lying owner tell the same lie: it must never be more than one voice.
  for (let i = between(0, 3); i > 0; i -= 1) vehicles.push({ capacity: `l${i}:liar:slots=2`, nature: 'liar' })
  for (let i = between(0, 3); i > 0; i -= 1)
    vehicles.push({ capacity: `b${i}:bad${i}:slots=2`, nature: bad[chance.below(bad.length)]! })
  return {
    seed,
    shards: between(1, 60),
    shardCostMs: between(50, 4_000),
    vehicles,
    manifest: {
      deadlineMs,
      assurance: { replicas: between(2, 3), arbiter: chance.below(2) === 0 ? 'owners' : 'steward' },
    },
    troubleEveryMs: [20_000, 60_000, Number.POSITIVE_INFINITY][chance.below(3)]!,
    restartEveryMs: [30_000, Number.POSITIVE_INFINITY][chance.below(2)]!,
    trace,
  }
}

function check(options: WorldOptions, outcome: WorldOutcome): void {
  const { verdicts, leases, claims, end, endedMs } = outcome
  const assurance = { replicas: 2, lead: 3, ...options.manifest?.assurance }
  assert(end !== null && endedMs <= deadlineMs + 2_000, 'the job ends by its deadline')
  assert.equal(end.outcome, 'complete', `with this many honest owners it completes: ${end.reason}`)
  assert.equal(verdicts.length, options.shards, 'every shard is decided, and none twice')
  assert.equal(new Set(verdicts.map((verdict) => verdict.position)).size, options.shards)
  for (const verdict of verdicts) {
    assert.equal(verdict.result, truth(verdict.position), `shard ${verdict.position} has the true result`)
    const agreeing = claims.filter(
      (claim) => claim.position === verdict.position && claim.result === verdict.result,
    )
    const named = agreeing.filter((claim) => verdict.agreeing.includes(claim.receipt))
    const voices = new Set(named.map((claim) => claim.lease.payload.owner)).size
    assert.equal(voices, verdict.agreeing.length, 'an owner is named once')
    if (verdict.because === 'unanimous') assert(voices >= assurance.replicas, 'm distinct owners claimed it')
    else if (verdict.because === 'lead') assert(voices >= assurance.lead, 'd distinct owners claimed it')
    else assert.equal(verdict.because, 'recomputed')
    for (const receipt of verdict.contradicting) {
      const claim = claims.find((c) => c.receipt === receipt && c.position === verdict.position)
      assert.notEqual(claim?.result, verdict.result, 'who is named as contradicting said something else')
    }
  }
  // Each shard may be tried a dozen times, and each vehicle may fail once a minute after its first failures.
  const perShard = 12 + assurance.replicas
  const perVehicle = 20 + endedMs / 30_000
  const most = options.shards * perShard + options.vehicles.length * 4 * perVehicle
  assert(leases.length <= most, `${leases.length} leases are more than ${most}`)
}

for (const seed of seeds)
  test(`world ${seed}: only what enough owners claim is accepted, every shard once, and the job ends`, () => {
    const options = worldOf(seed, false)
    try {
      check(options, runWorld(options))
    } catch (error) {
      console.error(`replay: CARPOOL_SEED=${seed} node --test test/protocol/random-world.test.ts`)
      throw error
    }
  })

test('the same seed gives the same trace, line by line', () => {
  for (const seed of seeds.slice(0, 10)) {
    const { trace } = runWorld(worldOf(seed, true))
    assert(trace.length > 20)
    assert.deepEqual(runWorld(worldOf(seed, true)).trace, trace, `seed ${seed}`)
  }
})
