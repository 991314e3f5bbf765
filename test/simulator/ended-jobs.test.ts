/** Seeds of long campaigns in which stewards of a job that had ended owed different claims. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenarios } from '../../src/simulator/scenario.ts'
import { World } from '../../src/simulator/world.ts'

const violationsOf = (scenario: string, seed: number) =>
  new World(scenarios[scenario]!, seed, 10).run().violations

// One was away while a verdict of another, which says what stands already, waited for results; and nobody asked for them any more.
test('a job that has ended rests only once results were asked for that verdicts of others rest on', () => {
  assert.deepEqual(violationsOf('chaos', 5_000_022), [])
})

// It had ended between a record by which a lease counts no more and what that takes back.
test('a steward that begins again owes nothing for leases that do not count any more', () => {
  assert.deepEqual(violationsOf('lying-steward', 5_000_018), [])
})

// One steward's verdict said the same as the submitter's, and rested on two receipts, of which one counted nowhere else.
test('a claim that counts is owed by all stewards, though the verdict that names it counts on one alone', () => {
  assert.deepEqual(violationsOf('lying-steward', 6_000_011), [])
})
