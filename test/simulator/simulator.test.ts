/**
 * The protocol in virtual worlds: 18 seeds of ten minutes with 20 vehicles in each of 12 scenarios.
 *
 *   CARPOOL_SEED=17 node --test test/simulator/simulator.test.ts    replays one seed in every scenario
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerId } from '../../src/protocol/ids.ts'
import { Checkers } from '../../src/simulator/checkers.ts'
import { campaignScenarios, scenarios } from '../../src/simulator/scenario.ts'
import { World } from '../../src/simulator/world.ts'
import { bodyOf, cidNamed, peerNamed } from '../support/core-fakes.ts'

const given = process.env.CARPOOL_SEED
const seeds = given === undefined ? Array.from({ length: 18 }, (_, i) => i + 1) : [Number(given)]
const minutes = 10

for (const name of campaignScenarios)
  test(`${name}: nothing is accepted below its bound, nothing is lost, and stewards end equal`, () => {
    for (const seed of seeds) {
      const { violations, jobs, jobsComplete, lastEvents } = new World(scenarios[name]!, seed, minutes).run()
      const replay = `carpool sim --seed ${seed} --scenario ${name} --minutes ${minutes}`
      assert.deepEqual(violations, [], `${replay}\n${lastEvents.join('\n')}`)
      assert.equal(jobsComplete, jobs, replay)
    }
  })

test('the same seed gives the same trace, and another seed another', () => {
  const hashes = [1, 2, 3, 4, 5].map((seed) => {
    const [first, second] = [0, 1].map(() => new World(scenarios.chaos!, seed, minutes).run().traceHash)
    assert.equal(first, second, `seed ${seed}`)
    return first
  })
  assert.equal(new Set(hashes).size, 5)
})

test('checkers object: to two records under one serial, and to a slot that goes on', () => {
  const checkers = new Checkers()
  const body = bodyOf('holding', peerNamed('s'), {}, { job: cidNamed('job') })
  checkers.signed(cidNamed('a'), body, null, false)
  checkers.signed(cidNamed('a'), body, null, false)
  assert.deepEqual(checkers.violations, [])
  checkers.signed(cidNamed('b'), body, null, false)
  checkers.stopped('car' as PeerId, 1)
  assert.equal(checkers.violations.length, 2)
})
