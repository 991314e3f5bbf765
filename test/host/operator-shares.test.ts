/** An operator's share of what one vehicle worked for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operatorShares, summed } from '../../src/host/ledger/operator-shares.ts'
import { MemoryBooks } from '../../src/protocol/ledger/memory-books.ts'
import { cidNamed, ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'
import { paidJob } from '../support/paid-work.ts'

const [vehicle, owner] = [peerNamed('v1'), ownerNamed('o1')]
const fleet = peerNamed('fleet')

/** Of so many jobs, in euros and in francs by turns, the share of each of which is its number; the last one is not decided yet. */
function sharesOf(jobs: number) {
  const books = new MemoryBooks(sha256)
  for (let i = 1; i <= jobs; i += 1) {
    const named = { ...paidJob, job: cidNamed(`job ${i}`), fleet, currency: i % 2 === 0 ? 'EUR' : 'CHF' }
    const work = {
      lease: cidNamed('lease'),
      receipt: cidNamed(`receipt ${i}`),
      place: 0,
      position: 0,
      units: 1,
    }
    const claim = { ...named, ...work, vehicle, owner, ownerMicros: 19, operatorMicros: i }
    books.handle({ type: 'claim', outcome: 'pending', claim }, i)
    if (i < jobs) books.handle({ type: 'claim', outcome: 'paid', claim }, i)
  }
  const periods = [{ name: 'late', sinceMs: 3 }]
  return operatorShares(books.entries, fleet, vehicle, periods)
}

test('of a long history the newest jobs are told one by one, and the others in a sum that lacks nothing', () => {
  const shares = sharesOf(7)
  assert.deepEqual(summed(shares, 7), shares)
  const [francs, euros, ...newest] = summed(shares, 3)
  assert.deepEqual(newest, shares.slice(4))
  const sum = (currency: string, micros: number, late: number) => ({
    ...{ vehicle, job: null, currency, pendingMicros: 0, verifiedMicros: micros },
    periods: [{ name: 'late', verifiedMicros: late }],
  })
  assert.deepEqual([francs, euros], [sum('CHF', 1 + 3, 3), sum('EUR', 2 + 4, 4)])
  assert.deepEqual(newest.at(-1)!.pendingMicros, 7)
})
