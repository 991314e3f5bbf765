/** The kinds of executions on a bill. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { billOf } from '../../src/host/ledger/billing.ts'
import type { Books } from '../../src/host/ledger/books.ts'
import type { Journal } from '../../src/host/store/journal.ts'
import type { Assurance } from '../../src/protocol/job/manifest.ts'
import type { LedgerInput } from '../../src/protocol/ledger/ledger.ts'
import { MemoryBooks } from '../../src/protocol/ledger/memory-books.ts'
import { encodeBody, type Verified } from '../../src/protocol/record/record.ts'
import { sha256 } from '../support/core-fakes.ts'
import { leaseOf, paidJob, receiptOf, verdictOf } from '../support/paid-work.ts'

const assurance: Assurance = {
  ...{
    replicas: 2,
    audits: null,
    lead: 3,
    errorBoundPpb: null,
    colludingSharePpm: 10_000,
    arbiter: 'steward',
  },
}
const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 10, budgetMicros: 1_000 }

test('after leases that came to nothing, those that took their turns are replicas, and one more is a copy', async () => {
  // Two were lost with a vehicle that was killed, or when the steward restarted.
  const leases = ['lost', 'gone', 'v1', 'v2', 'v3'].map((name, serial) => leaseOf(name, [0], { serial }))
  const receipts = leases.slice(2).map((lease) => receiptOf(lease, [0]))
  const books = new MemoryBooks(sha256)
  for (const [i, { id }] of receipts.entries()) {
    const { vehicle, owner } = leases[i + 2]!.payload
    const claim = { ...paidJob, lease: leases[i + 2]!.id, receipt: id, place: 0, position: 0 }
    for (const outcome of ['pending', 'paid'] as const)
      books.handle(
        {
          ...{ type: 'claim', outcome },
          claim: { ...claim, vehicle, owner, units: 3, ownerMicros: 19, operatorMicros: 2 },
        } as LedgerInput,
        i,
      )
  }
  const rows = (kind: string, records: readonly Verified[]) =>
    records.map(({ id, ...body }) => ({ id, kind, body: encodeBody(body), signature: new Uint8Array(64) }))
  const store = {
    journal: {
      *ofJob() {
        yield* [...rows('lease', leases), ...rows('receipt', receipts)]
      },
    } as unknown as Journal,
    books: { check: async () => null, standingOf: () => books.standing() } as unknown as Books,
  }
  const kindsOf = async (isForgotten: boolean) => {
    const verdicts = isForgotten ? [] : verdictOf(0, receipts).payload.shards
    const bill = billOf(store, paidJob.job, { assurance, payment }, verdicts, true, isForgotten)
    const { value, done } = await bill.next()
    assert(done !== true)
    return [value.outcome, ...value.executions.map(({ kind }) => kind)]
  }
  assert.deepEqual(await kindsOf(false), ['accepted', 'replica', 'replica', 'copy'])
  assert.deepEqual(await kindsOf(true), ['forgotten', 'replica', 'replica', 'copy'])
})
