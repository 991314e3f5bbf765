/**
 * A small campaign: a few seeds of ten minutes in each scenario. `carpool sim --campaign` runs thousands of them.
 *
 *   CARPOOL_SEEDS=100 node test/simulator/campaign.test.ts    a hundred seeds in each scenario
 *   CARPOOL_SEED=17 node test/simulator/campaign.test.ts      replays one seed in every scenario
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { campaignScenarios, scenarios } from '../../src/simulator/scenario.ts'
import { World } from '../../src/simulator/world.ts'

const given = process.env.CARPOOL_SEED
const count = Number(process.env.CARPOOL_SEEDS ?? 4)
const seeds = given === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(given)]
const minutes = 10

for (const name of campaignScenarios)
  test(`${name}: nothing is accepted below its bound, nothing is lost, and stewards end equal`, () => {
    for (const seed of seeds) {
      const { violations, jobs, jobsComplete, jobsLost, lastEvents } = new World(
        scenarios[name]!,
        seed,
        minutes,
      ).run()
      const replay = `carpool sim --seed ${seed} --scenario ${name} --minutes ${minutes}`
      assert.deepEqual(violations, [], `${replay}\n${lastEvents.join('\n')}`)
      // Where budgets are small, a steward that is lost takes with it what the job would have needed.
      if (name === 'budget' || name === 'cancellations') assert.equal(jobsLost, 0, replay)
      else assert.equal(jobsComplete, jobs, replay)
    }
  })
