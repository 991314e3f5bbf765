/**
 * Stewards that lie in every way that the wire allows: one of a job's, and a third of all. What honest nodes show is as
 * if they were not there, but for time and for the bound that owners give. campaign.test.ts has them together.
 *
 *   CARPOOL_WAYS=1 node test/simulator/lying-stewards.test.ts       each way by itself
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ways } from '../../src/simulator/lying/ways.ts'
import { scenarios } from '../../src/simulator/scenario.ts'
import { ShownChecker } from '../../src/simulator/shown-checker.ts'
import { World } from '../../src/simulator/world.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'

const minutes = 10
const lying = ['lying-steward', 'lying-stewards'] as const

if (process.env.CARPOOL_WAYS === '1')
  for (const [i, way] of ways.entries())
    test(`a steward that lies only in this way changes nothing: ${way}`, () => {
      for (const name of lying) {
        const scenario = { ...scenarios[name]!, lyingWay: i + 1 }
        const { violations, jobs, jobsComplete, lastEvents } = new World(scenario, 1, minutes).run()
        assert.deepEqual(violations, [], `${name}\n${lastEvents.join('\n')}`)
        assert.equal(jobsComplete, jobs, name)
      }
    })

test('the checker objects to forged results, to an honest owner called a liar, and to money beyond the budget', () => {
  const violations: string[] = []
  const [job, node] = [cidNamed('job'), peerNamed('s')]
  const checker = new ShownChecker(
    (violation) => violations.push(violation),
    (owner) => owner === ownerNamed('liar'),
    (_, position) => (position === 0 ? [ownerNamed('outvoted')] : []),
  )
  checker.job(job, { truth: () => cidNamed('true'), wrongMax: 1, budgetMicros: 10 })
  const look = (results: readonly string[], owner: string, owedMicros: number) => {
    const verdicts = results.map((name, position) => ({
      position,
      shard: cidNamed('shard'),
      outcome: 'accepted' as const,
      status: 'final' as const,
      result: cidNamed(name),
      because: 'unanimous' as const,
      agreeing: [],
      contradicting: [],
      settles: [],
    }))
    const payment = { currency: 'EUR', budgetMicros: 10, promisedMicros: 10, owedMicros }
    const view = { contradicted: [ownerNamed(owner)], payment }
    checker.look(node, job, { verdicts: () => verdicts, view: () => view as never })
  }
  look(['true', 'false'], 'liar', 10)
  assert.deepEqual(violations, [])
  assert.equal(checker.wrongShown, 1)
  look(['false', 'true'], 'liar', 10)
  assert.match(violations.pop()!, /forged results of job .*, 2 so far; its owners allow 1/)
  look([], 'honest', 10)
  assert.match(violations.pop()!, /which is honest/)
  violations.length = 0
  look(['false'], 'outvoted', 10)
  assert.equal(violations.length, 1, 'two forged results are too many, and who is against one is no liar')
  look(['true'], 'outvoted', 10)
  assert.match(violations.pop()!, /which is honest/)
  violations.length = 0
  look([], 'liar', 11)
  assert.match(violations.join(), /shows 11 micros promised or owed .* of a budget of 10/)
})
