/** The owners that a manifest lists. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ownersKnown } from '../../src/host/submission/blind-candidates.ts'
import { ownerTagBytes } from '../../src/protocol/job/owner-list.ts'
import { peerNamed, placeOf } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

test('in a fleet a manifest with standbys lists the owners that could execute the job, and no other manifest does', () => {
  const capacities = ['v1:o1', 'v2:o1', 'v3:o3', 'v4:b', 'v5:o5:engine=other'].map(capacityOf)
  const plan = { engine: { runtime: 'ocr', engine: 'wasm', id: 'engine-1' } } as Parameters<
    typeof ownersKnown
  >[1]
  const listed = (fleet: string | null, stewards: readonly string[], keyed?: readonly string[]) =>
    ownersKnown(
      { payment: null },
      plan,
      stewards.map(placeOf),
      keyed?.map((text) => capacityOf(text)),
      new Uint8Array(32),
      fleet === null ? null : peerNamed(fleet),
      capacities,
    ).owners
  assert.equal(listed('fleet', ['a', 'b'])?.byteLength, 2 * ownerTagBytes, 'o1 and o3: b stands by')
  assert.deepEqual(listed('fleet', ['a', 'b'], ['v3:o3', 'v1:o1']), listed('fleet', ['a', 'b']))
  assert.equal(listed('fleet', ['a']), undefined)
  assert.equal(listed(null, ['a', 'b']), undefined)
})
