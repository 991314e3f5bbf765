/** Which of a job's records a steward puts into its report. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { LeaseId } from '../../src/protocol/ids.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { JobRecord } from '../../src/protocol/records.ts'
import { RecordedView } from '../../src/protocol/state/job-view.ts'
import { reportedOf } from '../../src/protocol/state/reported.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { JobBench } from '../support/job-bench.ts'

test('a report has what counts here and what that rests on, and nothing that nobody believes', () => {
  const bench = new JobBench()
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  const proven = bench.verdict('b', 'x', claims)
  const forged = bench.verdict('c', 'z', claims)
  const cancelled = bench.end('c', 'cancelled')
  bench.look()
  const end = bench.end('a', 'complete')
  const reported = reportedOf(bench.state)
  const left = bench.records.filter(({ record }) => !reported.has(record.id)).map(({ record }) => record.id)
  assert.deepEqual(left, [forged.id, cancelled.id])
  assert.deepEqual([reported.get(proven.id), reported.get(end.id)], [null, null])
})

test('the report of a job that a standby ended on the submitter’s word has that word', () => {
  const bench = new JobBench()
  const cancellation = bench.cancellation()
  const end = bench.end('b', 'cancelled')
  bench.state.decisions.review(0)
  const reported = reportedOf(bench.state)
  assert.deepEqual([reported.get(cancellation.record.id), reported.get(end.id)], [null, null])
})

test('a verdict that counts for some of its shards is in the report with a note of these', () => {
  const bench = new JobBench({ shards: 2 })
  const claims = [bench.claim('b', 'v1', 'x', [0]), bench.claim('b', 'v2', 'x', [0])]
  const verdict = bench.verdict('b', 'x', claims, {}, [{ position: 1, agreeing: [] }])
  bench.look()
  assert.deepEqual(reportedOf(bench.state).get(verdict.id), { shards: [0] })
})

test('a lease that does not count is not in the report, whoever ended the job', () => {
  const bench = new JobBench()
  bench.claim('b', 'v3', 'z', [0], { units: [1000] })
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  const [bogus, lease] = bench.records.filter(({ kind }) => kind === 'lease').map(({ record }) => record.id)
  bench.verdict('b', 'x', claims)
  bench.look()
  bench.end('b', 'complete')
  bench.state.decisions.review(0)
  const reported = reportedOf(bench.state)
  assert.deepEqual([reported.has(bogus!), reported.get(lease!)], [false, null])
})

test('a verdict that nobody believes is in the report where it names what its signer wrote off, and counts for no shard', () => {
  const price = { currency: 'EUR', unitMicros: 1, operatorPpm: 0 }
  const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 1, budgetMicros: 30 } as const
  const bench = new JobBench({ payment })
  const claim = bench.claim('b', 'v1', 'x', [0], { price })
  const forged = bench.verdict('b', 'z', [claim])
  const others = bench.verdict('c', 'z', [claim])
  bench.look()
  assert.equal(reportedOf(bench.state).has(forged.id), false)
  const lease = bench.records.find(({ kind }) => kind === 'lease')!.record.id
  bench.sign('allowance', peerNamed('b'), { writtenOff: [{ lease, places: [] }], given: [] })
  const reported = reportedOf(bench.state)
  assert.deepEqual(reported.get(forged.id), { shards: [] })
  assert.equal(reported.has(others.id), false, 'it binds nobody')
})

test('a standby’s verdict that differs from the one that stands after the end is not in its report', () => {
  let overruled = 0
  // Either of them may have the lower id.
  for (let i = 0; i < 8; i += 1) {
    const bench = new JobBench({ self: 'b', serial: 100 * i })
    const own = ['v1', 'v2'].map((vehicle) => bench.claim('b', vehicle, 'x'))
    const submitters = ['v3', 'v4'].map((vehicle) => bench.claim('a', vehicle, 'y'))
    const mine = bench.verdict('b', 'x', own)
    assert.equal(reportedOf(bench.state).get(mine.id), null)
    const theirs = bench.verdict('a', 'y', submitters)
    const both = reportedOf(bench.state)
    assert.deepEqual([both.get(mine.id), both.get(theirs.id)], [null, null], 'nothing stands yet')
    bench.end('a', 'complete')
    const reported = reportedOf(bench.state)
    assert.equal(reported.get(theirs.id), null, 'the submitter answers for what its own node signed')
    if (bench.stands() === 'y') overruled += 1
    assert.equal(reported.has(mine.id), bench.stands() === 'x')
  }
  assert(overruled > 0)
})

test('what is shown as owed is what the ledger owes, where an owner worked for nothing at another steward', () => {
  const price = { currency: 'EUR', unitMicros: 1, operatorPpm: 0 }
  const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 1, budgetMicros: 30 } as const
  // Either of them may have the lower id.
  for (let i = 0; i < 4; i += 1) {
    const bench = new JobBench({ payment, serial: 100 * i })
    const paid = [bench.claim('a', 'v1', 'x', [0], { price }), bench.claim('a', 'v2', 'x')]
    const free = [bench.claim('b', 'v1y', 'x'), bench.claim('b', 'v3', 'x')]
    bench.verdict('a', 'x', paid)
    bench.verdict('b', 'x', free)
    bench.look()
    assert.equal(new RecordedView(bench.state, bench.shards).view().payment?.owedMicros, 1)
  }
})

test('the report shows that an owner contradicts itself, also where its lease is not paid any more: it may have lost its voice by that', () => {
  const price = { currency: 'EUR', unitMicros: 10, operatorPpm: 0 }
  const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 10, budgetMicros: 30 } as const
  const twofold = (changes: Partial<Lease>, isListed: boolean) => {
    const bench = new JobBench({ payment, shards: 2 })
    // All that the steward has to promise.
    bench.claim('b', 'v4', 'w', [1], { price })
    const state = isListed ? bench.state : bench.newState('a')
    if (!isListed) for (const entry of bench.records) state.admit(entry)
    const receipts = [bench.claim('b', 'v3', 'y', [0], changes), bench.contradict('z')]
    const lease = bench.records.findLast(({ kind }) => kind === 'lease')!.record.id
    if (!isListed) for (const entry of lateDraws(bench.records)) state.admit(entry)
    const reported = reportedOf(state)
    return {
      counts: state.counts(lease as LeaseId),
      note: reported.get(lease),
      receipts: receipts.filter((id) => reported.has(id)).length,
    }
  }
  // … also where what it was drawn from comes after all that.
  for (const isListed of [true, false])
    assert.deepEqual(twofold({ price }, isListed), {
      ...{ counts: false, note: 'unpaid', receipts: 2 },
    })
  assert.deepEqual(twofold({ price, units: [1_000] }, true), {
    ...{ counts: false, note: undefined, receipts: 0 },
  })
})

/** The same records, those that list candidates after all others. */
function lateDraws(records: readonly JobRecord[]): JobRecord[] {
  return records.toSorted((a, b) => Number(a.kind === 'draw') - Number(b.kind === 'draw'))
}
