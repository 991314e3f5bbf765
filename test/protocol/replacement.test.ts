/** Who seeks the takers of lost stewards' places, also once the steward that acts has signed all handovers that it may. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeksTakers } from '../../src/protocol/council/replacement.ts'
import type { Seat } from '../../src/protocol/council/seat.ts'
import { successionOf } from '../../src/protocol/job/handover.ts'
import { cidNamed, manifestWith, nameOfPeer, peerNamed, placeOf } from '../support/core-fakes.ts'
import { handoverOf } from '../support/handovers.ts'

const job = cidNamed('job')
const manifest = manifestWith({ stewards: [placeOf('a'), placeOf('b'), placeOf('c')] })

/** Each replaces the one that the last has named. */
function handovers(signer: string, count: number) {
  return Array.from({ length: count }, (_, i) =>
    handoverOf({
      job,
      signer,
      lost: i === 0 ? 'lost' : `${signer}-${i - 1}`,
      taker: `${signer}-${i}`,
      serial: i,
    }),
  )
}

/** Those that seek, of all stewards of which these live, while one of them acts. */
function seeking(acting: string, living: readonly string[], signed: ReturnType<typeof handovers>): string[] {
  const succession = successionOf(job, manifest, signed)
  const seek = ({ peer: self }: { readonly peer: ReturnType<typeof peerNamed> }) =>
    seeksTakers(
      {
        steward: nameOfPeer(self) === acting ? {} : undefined,
        options: { self, job, manifest },
        records: { succession },
        places: { stewards: succession.stewards },
        attendance: {
          acting: () => peerNamed(acting),
          lives: (peer: typeof self) => living.includes(nameOfPeer(peer)),
        },
      } as unknown as Seat,
      0,
    )
  return succession.stewards
    .filter(({ peer }) => living.includes(nameOfPeer(peer)))
    .filter(seek)
    .map(({ peer }) => nameOfPeer(peer))
}

test('the steward that acts seeks, and nobody else as long as it may sign a handover', () => {
  assert.deepEqual(seeking('b', ['a', 'b', 'c'], []), ['b'])
  assert.deepEqual(seeking('b', ['b', 'c', 'b-8'], handovers('b', 9)), ['b'])
})

test('once it has signed its ten, the first that lives and may sign one seeks in its place, and then the next', () => {
  const ten = handovers('b', 10)
  // It goes on asking nobody: what it signed would not hold.
  const inItsPlace = (living: readonly string[], signed = ten) =>
    seeking('b', living, signed).filter((name) => name !== 'b')
  assert.deepEqual(inItsPlace(['a', 'b', 'c']), ['a'])
  assert.deepEqual(inItsPlace(['b', 'c', 'b-0']), ['c'])
  const twenty = [...ten, ...handovers('c', 10)]
  assert.deepEqual(inItsPlace(['b', 'c', 'b-0', 'c-9'], twenty), ['b-0'])
  assert.deepEqual(inItsPlace(['b', 'c', 'b-9', 'c-9'], twenty), [], 'the last takers may sign none')
})
