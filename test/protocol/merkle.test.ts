/** The Merkle root, against RFC 9162's recursive definition written down as it stands. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat, equals } from 'uint8arrays'
import { merkleRoot } from '../../src/protocol/record/merkle.ts'
import { sha256 } from '../support/core-fakes.ts'

/** MTH of RFC 9162 §2.1.1: split at the largest power of two below the number of leaves. */
function reference(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0))
  if (leaves.length === 1) return sha256(concat([Uint8Array.of(0), leaves[0]!]))
  let cut = 1
  while (cut * 2 < leaves.length) cut *= 2
  return sha256(concat([Uint8Array.of(1), reference(leaves.slice(0, cut)), reference(leaves.slice(cut))]))
}

const leaves = fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 70 })

test('the root is the one that RFC 9162 defines', () => {
  fc.assert(fc.property(leaves, (all) => equals(merkleRoot(sha256, all), reference(all))))
})

test('another leaf, another order or another number of leaves is another root', () => {
  fc.assert(
    fc.property(leaves, leaves, (one, other) => {
      const same = one.length === other.length && one.every((leaf, i) => equals(leaf, other[i]!))
      assert.equal(equals(merkleRoot(sha256, one), merkleRoot(sha256, other)), same)
    }),
  )
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(255), { minLength: 2, maxLength: 70 }),
      fc.nat(),
      fc.nat(),
      (all, a, b) => {
        const before = all.map((byte) => Uint8Array.of(byte))
        const after = [...before]
        const [i, j] = [a % all.length, b % all.length]
        ;[after[i], after[j]] = [after[j]!, after[i]!]
        assert.equal(equals(merkleRoot(sha256, before), merkleRoot(sha256, after)), i === j)
        const changed = before.with(i, Uint8Array.of(all[i]! ^ 1, 0))
        assert(!equals(merkleRoot(sha256, before), merkleRoot(sha256, changed)))
      },
    ),
  )
})

test('a node cannot be passed off as a leaf', () => {
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)]
  const children = concat([a, b].map((leaf) => sha256(concat([Uint8Array.of(0), leaf]))))
  assert(!equals(merkleRoot(sha256, [a, b]), merkleRoot(sha256, [children])))
})
