/** Notes in a report say that a record of another steward does not count as it stands. The audit judges each of them anew. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Note } from '../../src/protocol/audit/report.ts'
import { packRecords, unpackRecords } from '../../src/protocol/audit/report.ts'
import type { Cid, RecordId } from '../../src/protocol/ids.ts'
import type { Allowance } from '../../src/protocol/job/allowance.ts'
import type { ShardVerdict } from '../../src/protocol/job/verdict.ts'
import type { Payment } from '../../src/protocol/price.ts'
import { peerNamed, placeOf } from '../support/core-fakes.ts'
import { steward, WrittenReport } from '../support/core-report.ts'

const other = peerNamed('other')
const stewards = [placeOf('steward'), placeOf('other')]
const price = { currency: 'EUR', unitMicros: 100, operatorPpm: 0 }
/** Each of the two may promise two pages. */
const payment: Payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 100, budgetMicros: 400 }

function isBlamed(report: WrittenReport, ...problems: RegExp[]): void {
  const found = report.problems
  assert.equal(found.length, problems.length, found.join('\n'))
  for (const [i, problem] of problems.entries()) assert.match(found[i]!, problem)
}

/** Notes the record that was written last. */
function note(report: WrittenReport, noted: Note): void {
  report.records.push({ ...report.records.pop()!, note: noted })
}

/** Two shards that v0 and v1 read alike, and of which the verdicts are still to be given. */
function worked(): { report: WrittenReport; result: Cid; receipts: RecordId[] } {
  const report = new WrittenReport(2, { stewards })
  const result = report.result('read')
  return { report, result, receipts: [0, 1].map((index) => report.work(index, [0, 1], result)) }
}

function verdicts(report: WrittenReport, by: typeof steward, shards: readonly Partial<ShardVerdict>[]): void {
  const fields = {
    outcome: 'accepted',
    status: 'final',
    because: 'unanimous',
    contradicting: [],
    settles: [],
  }
  const whole = shards.map((shard) => ({
    ...fields,
    shard: report.shards[shard.position!]!.shard,
    ...shard,
  }))
  report.add('verdict', by, { shards: whole })
}

test('of a verdict with a note only those shards are judged for which it says that it counts', () => {
  const halfTrue = (noted: Note | undefined, by = other) => {
    const { report, result, receipts: agreeing } = worked()
    const forged = report.result('forged')
    verdicts(report, by, [
      { position: 0, result, agreeing },
      { position: 1, result: forged, agreeing },
    ])
    if (noted !== undefined) note(report, noted)
    verdicts(report, steward, [{ position: 1, result, agreeing }])
    report.results.splice(report.results.indexOf(forged), 1)
    report.end()
    return report
  }
  isBlamed(halfTrue({ shards: [0] }))
  assert.match(halfTrue(undefined).problems.join(), /shard 1 is decided differently/)
  assert.match(halfTrue({ shards: [1] }).problems.join(), /shard 1 is decided differently/)
  isBlamed(halfTrue({ shards: [] }), /called complete, and 1 shards have no verdict/)
  assert.match(
    halfTrue({ shards: [0, 2] }).problems.join(),
    /says nothing of a shard for which it is to count/,
  )
})

test('a verdict that counts for no shard binds its signer all the same: what it names as agreeing is not written off', () => {
  const owed = (isThere: boolean) => {
    const report = new WrittenReport(1, { stewards, payment })
    const result = report.result('read')
    const leases = [0, 1].map((i) => report.lease(i, [0], i === 0 ? { price } : {}, { signer: other }))
    const agreeing = leases.map((lease) => report.receipt(lease, [result]))
    if (isThere) {
      verdicts(report, other, [{ position: 0, result: report.result('forged'), agreeing }])
      report.results.pop()
      note(report, { shards: [] })
    }
    const writtenOff = [{ lease: leases[0]!.id, places: [] }]
    report.add('allowance', other, { writtenOff, given: [] } satisfies Allowance)
    verdicts(report, steward, [{ position: 0, result, agreeing }])
    report.end()
    isBlamed(report)
    return report.audit().payments?.micros
  }
  assert.deepEqual([owed(false), owed(true)], [0n, 100n])
})

test('a note cannot prove what the records do not', () => {
  const { report, result, receipts } = worked()
  verdicts(report, other, [
    { position: 0, result, agreeing: receipts.slice(0, 1) },
    { position: 1, result, agreeing: receipts },
  ])
  note(report, { shards: [0, 1] })
  report.end()
  isBlamed(report, /shard 0 is not unanimous among 2 owners: 1 for/)
})

test('what the submitter’s own node signed counts as it stands, and only some kinds have notes', () => {
  const { report, result, receipts: agreeing } = worked()
  verdicts(report, steward, [
    { position: 0, result, agreeing },
    { position: 1, result, agreeing },
  ])
  note(report, { shards: [0] })
  report.end()
  assert.match(report.problems.join(), /the submitter’s own node signed it, so it counts as it stands/)
  const own = worked().report
  own.lease(2, [0])
  note(own, 'unpaid')
  own.end()
  assert.match(own.problems.join(), /the submitter’s own node signed it/)
  const misplaced = worked().report
  misplaced.end(other)
  note(misplaced, 'unpaid')
  assert.match(misplaced.problems.join(), /a end has a note that it may not have/)
})

/** `other` promises so many pages, and notes those at these places as unpaid. v0 and v1 agree on the first two. */
function promised(pages: number, unpaid: readonly number[]): WrittenReport {
  const report = new WrittenReport(1, { stewards, payment })
  const result = report.result('read')
  const leases = Array.from({ length: pages }, (_, i) => {
    const lease = report.lease(i, [0], { price }, { signer: other })
    if (unpaid.includes(i)) note(report, 'unpaid')
    return lease
  })
  const receipts = leases.slice(-2).map((lease) => report.receipt(lease, [result]))
  report.verdict(0, result, receipts)
  report.end()
  return report
}

test('what a steward promised beyond its allowance may be unpaid, and has its voice; what it had the money for may not', () => {
  isBlamed(promised(3, []), /other\.+ promised 0.0001 EUR more than its part/)
  const beyond = promised(3, [2])
  isBlamed(beyond)
  assert.equal(beyond.audit().payments?.micros, 100n)
  isBlamed(promised(3, [1, 2]), /is not paid, and other\.+ had the money for it/)
  isBlamed(promised(3, [0]), /is paid, and .* before it, is not/, /is paid, and .* before it, is not/)
  isBlamed(promised(2, [1]), /is not paid, and other\.+ had the money for it/)
})

test('an owner that contradicts itself is not against a verdict, also where its lease is not paid', () => {
  const contradicted = (said: readonly string[]) => {
    const report = new WrittenReport(1, { stewards, payment })
    const result = report.result('read')
    const receipts = [0, 1].map((i) => report.work(i, [0], result))
    for (let i = 3; i < 5; i += 1) report.lease(i, [0], { price }, { signer: other })
    const lease = report.lease(2, [0], { price }, { signer: other })
    note(report, 'unpaid')
    const against = said.map((text) => report.receipt(lease, [report.result(text)]))
    report.verdict(0, result, receipts, { contradicting: against.slice(0, 1) })
    report.end()
    return report
  }
  isBlamed(contradicted(['liar', 'liar too']))
  isBlamed(contradicted(['differs']), /not unanimous among 2 owners: 2 for, 1 against/)
})

test('a gift beyond its giver’s allowance gives nothing', () => {
  const report = promised(2, [])
  const given = [{ to: steward, micros: 1 }]
  report.add('allowance', other, { writtenOff: [], given } satisfies Allowance)
  isBlamed(report, /other\.+ promised 0.000001 EUR more/)
  note(report, 'unpaid')
  isBlamed(report)
})

test('how another steward than the submitter’s numbers its draws says nothing, whether it ended the job or not', () => {
  const { report, result, receipts: agreeing } = worked()
  const lease = (costMs: number, index: number) => {
    const { lease } = report.lease(2, [0], { costMs }, { signer: other })
    const draw = { ...lease.draw, index }
    report.records.pop()
    report.add('lease', other, { ...lease, draw })
  }
  lease(1, 7)
  lease(2, 7)
  for (const position of [0, 1]) report.verdict(position, result, agreeing)
  report.end()
  isBlamed(report)
  report.end(other)
  isBlamed(report)
})

test('an owner that says the same is not contradicted', () => {
  const { report, result, receipts } = worked()
  const third = report.work(2, [0], result)
  report.verdict(0, result, receipts, { contradicting: [third] })
  report.verdict(1, result, receipts)
  report.end()
  assert.match(report.problems.join(), /contradicts 2+, which says the same/)
})

test('a note comes back from a report’s pages as it was', () => {
  const { report } = worked()
  report.lease(2, [0], {}, { signer: other })
  note(report, 'unpaid')
  report.end(other)
  note(report, { shards: [3, 1] })
  const read = [...packRecords(report.records)].flatMap((page) => unpackRecords(page))
  assert.deepEqual(
    read.map((entry) => entry.note),
    report.records.map((entry) => entry.note),
  )
})
