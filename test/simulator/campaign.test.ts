/**
 * A small campaign: ten minutes of each scenario, and what else its worlds show, each of which runs once.
 * `carpool sim --campaign` runs thousands of seeds.
 *
 *   CARPOOL_SEEDS=100 node test/simulator/campaign.test.ts    a hundred seeds in each scenario
 *   CARPOOL_SEED=17 node test/simulator/campaign.test.ts      replays one seed in every scenario
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ways } from '../../src/simulator/lying/ways.ts'
import type { Outcome } from '../../src/simulator/outcome.ts'
import { campaignScenarios, scenarios } from '../../src/simulator/scenario.ts'
import { World } from '../../src/simulator/world.ts'

const given = process.env.CARPOOL_SEED
const count = Number(process.env.CARPOOL_SEEDS ?? 1)
const seeds = given === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(given)]
const minutes = 10
const outcomes = new Map<string, Outcome>()

function outcomeOf(name: string, seed: number): Outcome {
  const key = `${name} ${seed}`
  const known = outcomes.get(key)
  if (known !== undefined) return known
  const outcome = run(name, seed)
  outcomes.set(key, outcome)
  return outcome
}

/** Those of these seeds, in a scenario of the campaign. */
function outcomesOf(name: string, count: number): readonly Outcome[] {
  return Array.from({ length: count }, (_, i) => outcomeOf(name, i + 1))
}

function run(name: string, seed: number): Outcome {
  return new World(scenarios[name]!, seed, minutes).run()
}

for (const name of campaignScenarios)
  test(`${name}: nothing is accepted below its bound, nothing is lost, and stewards end equal`, () => {
    for (const seed of seeds) {
      const { violations, jobs, jobsComplete, jobsLost, lastEvents } = outcomeOf(name, seed)
      const replay = `carpool sim --seed ${seed} --scenario ${name} --minutes ${minutes}`
      assert.deepEqual(violations, [], `${replay}\n${lastEvents.join('\n')}`)
      // Where budgets are small, a steward that is lost takes with it what the job would have needed.
      if (name === 'budget' || name === 'cancellations') assert.equal(jobsLost, 0, replay)
      else assert.equal(jobsComplete, jobs, replay)
    }
  })

test('the same seed gives the same trace, and another seed another', () => {
  const { traceHash } = outcomeOf('chaos', 1)
  assert.equal(run('chaos', 1).traceHash, traceHash)
  assert.notEqual(outcomeOf('cartel', 2).traceHash, outcomeOf('cartel', 1).traceHash)
})

test('an informed cartel gets no more through than chance gives it all leases of a shard', (t) => {
  const { cartel, jobs, shardsPerJob } = scenarios.cartel!
  const runs = outcomesOf('cartel', 12)
  const wrong = runs.reduce((sum, { wrongAccepted }) => sum + wrongAccepted, 0)
  const shards = runs.length * jobs * shardsPerJob
  const expected = shards * cartel ** 2
  t.diagnostic(`${wrong} of ${shards} wrong results were accepted; f² allows ${expected.toFixed(0)}`)
  assert.ok(wrong <= expected + 3 * Math.sqrt(expected))
})

test('audited jobs keep their bound against accomplices, at less than two executions a shard', (t) => {
  const { errorBound, jobs, shardsPerJob } = scenarios.audits!
  const runs = outcomesOf('audits', 2)
  const wrong = runs.reduce((sum, { wrongAccepted }) => sum + wrongAccepted, 0)
  const expected = runs.length * jobs * shardsPerJob * errorBound
  const executions = runs.reduce((sum, { executionsPerShard }) => sum + executionsPerShard, 0) / runs.length
  t.diagnostic(`${wrong} wrong, the bound allows ${expected}; ${executions.toFixed(2)} executions a shard`)
  assert.ok(wrong <= expected && executions < 1.7)
})

test('stewards that are lost for good are replaced', () => {
  assert.ok(outcomesOf('lost-stewards', 1).some(({ handovers }) => handovers > 0))
})

/** Seeds that are tried for a way by itself: some need a liar that acts, and a shard in dispute. */
const alone = 12

test('each way of lying occurs', (t) => {
  const lying = ['lying-steward', 'lying-stewards'] as const
  const told: Record<string, number> = {}
  const add = ({ lies }: Outcome) => {
    for (const [way, times] of Object.entries(lies)) told[way] = (told[way] ?? 0) + times
  }
  for (const name of lying) for (const seed of seeds) add(outcomeOf(name, seed))
  // A world ends at its first violation, perhaps before a liar has come to this way.
  for (const way of ways)
    for (let seed = 1; told[way] === undefined && seed <= alone; seed += 1)
      for (const name of lying)
        if (told[way] === undefined)
          add(new World({ ...scenarios[name]!, lyingWay: ways.indexOf(way) + 1 }, seed, minutes).run())
  t.diagnostic(ways.map((way) => `${way} ${told[way] ?? 0}`).join(', '))
  assert.deepEqual(
    ways.filter((way) => told[way] === undefined),
    [],
  )
})
