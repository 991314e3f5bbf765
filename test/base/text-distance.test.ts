import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { characterErrorRate, editDistance, withinEdits } from '../../src/base/text-distance.ts'

test('a text is at distance 0 from itself and at its length from nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(editDistance(text, text), 0)
      assert.equal(editDistance(text, ''), text.length)
      assert.equal(editDistance('', text), text.length)
    }),
  )
})

test('the one-row table agrees with the recursive definition', () => {
  const short = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(short, short, (from, to) => {
      assert.equal(editDistance(from, to), distanceByDefinition(from, to))
    }),
  )
})

test('white space of any kind and amount counts as one space', () => {
  assert.equal(characterErrorRate('to be\n or  not', ' to be or\tnot\n'), 0)
})

test('the rate is edits per character of truth', () => {
  assert.equal(characterErrorRate('kitten', 'sitting'), 3 / 6)
  assert.equal(characterErrorRate('a', 'bcd'), 3)
  assert.equal(characterErrorRate('', ''), 0)
  assert.equal(characterErrorRate('', 'x'), Number.POSITIVE_INFINITY)
})

function distanceByDefinition(from: string, to: string): number {
  if (from === '' || to === '') return from.length + to.length
  const replaced = distanceByDefinition(from.slice(1), to.slice(1)) + (from[0] === to[0] ? 0 : 1)
  return Math.min(
    replaced,
    distanceByDefinition(from.slice(1), to) + 1,
    distanceByDefinition(from, to.slice(1)) + 1,
  )
}

test('whether some edits are enough agrees with how many it takes', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
  fc.assert(
    fc.property(text, text, fc.nat(6), (from, to, most) => {
      assert.equal(withinEdits(from, to, most), editDistance(from, to) <= most)
    }),
    { numRuns: 5_000 },
  )
})
