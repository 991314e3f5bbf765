/** Whom a node asks for the results behind another steward's verdict. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CouncilEffect } from '../../src/protocol/council/contract.ts'
import { lookAtProofs } from '../../src/protocol/council/judging.ts'
import type { Seat } from '../../src/protocol/council/seat.ts'
import { cidNamed, nameOfPeer, peerNamed, placeOf } from '../support/core-fakes.ts'

/** Names whom `a` asks, at each try, for a result behind a verdict of `c`; null: nobody. */
function askedFor(connected: readonly string[], left: string | null = null): (string | null)[] {
  return [0, 1, 2, 3].map((tries) => {
    const want = { result: cidNamed('x'), pages: 1, position: 0, signer: peerNamed('c'), tries }
    const effects: CouncilEffect[] = []
    const seat = {
      options: { self: peerNamed('a') },
      connected: new Set(connected.map(peerNamed)),
      places: {
        stewards: ['a', 'b', 'c', 'd'].map(placeOf),
        heirOf: (peer: string) => (left !== null && peer === peerNamed(left) ? peerNamed('d') : undefined),
      },
      records: { decisions: { takeWanted: () => [want], examined: () => {} } },
      effects,
    } as unknown as Seat
    lookAtProofs(seat)
    const asked = effects.flatMap((effect) => (effect.type === 'collect' ? effect.wanted : []))
    return asked.length === 0 ? null : nameOfPeer(asked[0]!.from)
  })
}

test('the steward that gave the verdict is asked first, then those that hold its results, each in its turn', () => {
  assert.deepEqual(askedFor(['b', 'c', 'd']), ['c', 'b', 'd', 'c'])
  assert.deepEqual(askedFor(['b', 'd']), ['b', 'd', 'b', 'd'])
  assert.deepEqual(askedFor(['b', 'c', 'd'], 'c'), ['b', 'd', 'c', 'b'])
  assert.deepEqual(askedFor([]), [null, null, null, null])
})
