/** The small things below the protocol, each against the dumbest way to do it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromString, toString as toText } from 'uint8arrays'
import { compareBytes, compareText } from '../../src/base/bytes.ts'
import { PositionSet } from '../../src/base/position-set.ts'
import { RandomStream } from '../../src/base/prng.ts'
import { sha256 } from '../support/core-fakes.ts'

test('bytes are ordered as their hex strings are', () => {
  const bytes = fc.uint8Array({ maxLength: 4 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const [left, right] = [toText(a, 'base16'), toText(b, 'base16')]
      assert.equal(Math.sign(compareBytes(a, b)), compareText(left, right))
    }),
  )
})

test('a position set is walked in rising order, like a sorted list of numbers', () => {
  const change = fc.record({ add: fc.boolean(), position: fc.oneof(fc.nat(70), fc.nat(4_999)) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), fc.nat(4_999), (changes, from) => {
      const set = new PositionSet(5_000)
      const known = new Set<number>()
      for (const { add, position } of changes) {
        if (add) set.add(position)
        else set.delete(position)
        if (add) known.add(position)
        else known.delete(position)
      }
      const sorted = [...known].sort((a, b) => a - b)
      const walked: number[] = []
      for (let at = set.next(0); at !== undefined; at = set.next(at + 1)) walked.push(at)
      assert.deepEqual(walked, sorted)
      assert.equal(set.size, sorted.length)
      assert.equal(
        set.next(from),
        sorted.find((position) => position >= from),
      )
      assert.equal(set.has(from), known.has(from))
    }),
  )
})

test('a position set of every length finds its last position', () => {
  for (const length of [1, 31, 32, 33, 1_023, 1_024, 1_025, 2_048]) {
    const set = new PositionSet(length)
    assert.equal(set.next(0), undefined)
    set.add(length - 1)
    assert.equal(set.next(0), length - 1)
    assert.equal(set.next(length), undefined)
  }
})

test('a stream is the same for the same seed and name, and another for any other', () => {
  const series = (seed: string, name: string) => {
    const stream = new RandomStream(sha256, fromString(seed), name)
    return Array.from({ length: 20 }, () => stream.below(1_000)).join()
  }
  assert.equal(series('a', 'x'), series('a', 'x'))
  assert.equal(new Set([series('a', 'x'), series('b', 'x'), series('a', 'y')]).size, 3)
})

test('numbers below any bound stay below it, and each comes equally often', () => {
  const stream = new RandomStream(sha256, fromString('fixed'), 'uniform')
  for (const bound of [1, 2, 3, 7, 10, 2 ** 31 + 1, 2 ** 32])
    for (let i = 0; i < 200; i += 1) assert(stream.below(bound) < bound)
  const counts = new Array(10).fill(0)
  for (let i = 0; i < 10_000; i += 1) counts[stream.below(10)] += 1
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)
  assert(chiSquare < 27.9, `${chiSquare} is exceeded once in a thousand by chance; the seed is fixed`)
})
