/** What the audit objects to in what leases promise, in what is written off and given, and in what statements say. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { RecordId } from '../../src/protocol/ids.ts'
import type { Allowance } from '../../src/protocol/job/allowance.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { Statement } from '../../src/protocol/ledger/statement.ts'
import { type StatedClaim, totalsOf } from '../../src/protocol/ledger/statement.ts'
import type { LeasePrice, Payment } from '../../src/protocol/price.ts'
import { peerNamed, placeOf, seed, sha256 } from '../support/core-fakes.ts'
import { owner, steward, vehicle, WrittenReport } from '../support/core-report.ts'

const other = peerNamed('other')
const stewards = [placeOf('steward'), placeOf('other')]
const price: LeasePrice = { currency: 'EUR', unitMicros: 100, operatorPpm: 0 }
/** An odd number of micros, of which the first of two stewards has one more. */
const payment: Payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 100, budgetMicros: 401 }

function paying(shards: number, changes: Partial<Manifest> = {}): WrittenReport {
  return new WrittenReport(shards, { stewards, payment, ...changes })
}

function isBlamed(report: WrittenReport, ...problems: RegExp[]): void {
  const found = report.problems
  assert.equal(found.length, problems.length, found.join('\n'))
  for (const [i, problem] of problems.entries()) assert.match(found[i]!, problem)
}

function allow(report: WrittenReport, by: typeof steward, allowance: Partial<Allowance>): void {
  report.add('allowance', by, { writtenOff: [], given: [], ...allowance } satisfies Allowance)
}

function endOf(report: WrittenReport): void {
  report.add('end', steward, { outcome: 'cancelled', reason: 'enough', secret: seed })
}

/** Each steward promises so many leases of one shard. */
function promised(
  mine: number,
  others: number,
  allowance?: (report: WrittenReport, ids: RecordId[]) => void,
) {
  const report = paying(1)
  const ids = Array.from({ length: mine + others }, (_, i) => {
    const signer = i < mine ? steward : other
    return report.lease(i, [0], { price }, { signer }).id
  })
  allowance?.(report, ids)
  endOf(report)
  return report
}

test('each steward promises from its own part, of which the first has what does not divide', () => {
  isBlamed(promised(2, 2))
  isBlamed(promised(2, 3), /other\.+ promised 0.0001 EUR more than its part/)
  isBlamed(promised(3, 1), /steward\.+ promised 0.000099 EUR more than its part/)
})

test('who gives a part of its allowance has less, and who is given it has more', () => {
  const gives = (from: typeof steward, to: typeof steward, micros: number) => (report: WrittenReport) =>
    allow(report, from, { given: [{ to, micros }] })
  isBlamed(promised(3, 1, gives(other, steward, 99)))
  isBlamed(promised(1, 3, gives(steward, other, 100)))
  isBlamed(promised(2, 2, gives(steward, other, 2)), /steward\.+ promised 0.000001 EUR more/)
})

test('what a steward wrote off of its own lease is free again, and of another’s it is not', () => {
  const writesOff =
    (by: typeof steward, lease: number, ...places: number[][]) =>
    (report: WrittenReport, ids: RecordId[]) => {
      for (const kept of places) allow(report, by, { writtenOff: [{ lease: ids[lease]!, places: kept }] })
    }
  isBlamed(promised(3, 0, writesOff(steward, 0, [])))
  isBlamed(promised(3, 0, writesOff(steward, 0, [0])), /more than its part/)
  isBlamed(promised(3, 0, writesOff(other, 0, [])), /more than its part/)
  // What is written off stays so, whatever is said later.
  isBlamed(promised(3, 0, writesOff(steward, 0, [], [0])))
})

/** The micros that are owed of a lease of two shards of which the second was written off, and a verdict counts one. */
function counted(by: typeof steward, deciding: typeof steward, position: number, isBefore = false) {
  const report = paying(2)
  const result = report.result('a')
  const leases = [0, 1].map((i) => report.lease(i, [0, 1], i === 0 ? { price } : {}))
  const receipts = leases.map((lease) => report.receipt(lease, [result, result]))
  const decide = () => report.verdict(position, result, receipts, {}, { signer: deciding })
  if (isBefore) decide()
  allow(report, by, { writtenOff: [{ lease: leases[0]!.id, places: [0] }] })
  if (!isBefore) decide()
  endOf(report)
  isBlamed(report)
  return report.audit().payments?.micros
}

test('what a steward counts of its own lease it owes, whether it writes that off before or after', () => {
  for (const isBefore of [false, true]) {
    assert.equal(counted(steward, steward, 0, isBefore), 100n)
    assert.equal(counted(steward, steward, 1, isBefore), 100n)
    assert.equal(counted(steward, other, 1, isBefore), 0n, 'another steward’s verdict does not bind it')
    assert.equal(counted(other, steward, 1, isBefore), 100n)
  }
})

/** The other steward writes its lease off, gives that away, counts the work all the same, and leases once more. */
function countedWithoutMoney(gift: number, noted?: 'unpaid') {
  const report = paying(1)
  const result = report.result('a')
  const leases = [0, 1].map((i) => report.lease(i, [0], i === 0 ? { price } : {}, { signer: other }))
  const receipts = leases.map((lease) => report.receipt(lease, [result]))
  allow(report, other, { writtenOff: [{ lease: leases[0]!.id, places: [] }] })
  allow(report, other, { given: [{ to: steward, micros: gift }] })
  report.verdict(0, result, receipts, {}, { signer: other })
  report.lease(2, [0], { price: { ...price, unitMicros: 1 } }, { signer: other })
  if (noted !== undefined) report.records.push({ ...report.records.pop()!, note: noted })
  endOf(report)
  return report
}

test('a verdict promises nothing anew that its signer’s allowance does not reach for, and then nothing later is paid', () => {
  isBlamed(countedWithoutMoney(99))
  assert.equal(countedWithoutMoney(99).audit().payments?.micros, 100n)
  isBlamed(countedWithoutMoney(101, 'unpaid'))
  assert.equal(countedWithoutMoney(101, 'unpaid').audit().payments?.micros, 0n)
  isBlamed(countedWithoutMoney(101), /is paid, and .*, which other\.+ signed before it, is not/)
})

test('what the submitter’s node wrote off it counts only where it has the money, or where another steward counted it before', () => {
  const said = (isRepeated: boolean) => {
    const report = paying(1)
    const result = report.result('a')
    const leases = [0, 1].map((i) => report.lease(i, [0], i === 0 ? { price } : {}))
    const receipts = leases.map((lease) => report.receipt(lease, [result]))
    if (isRepeated) report.verdict(0, result, receipts, {}, { signer: other })
    allow(report, steward, { writtenOff: [{ lease: leases[0]!.id, places: [] }] })
    allow(report, steward, { given: [{ to: other, micros: 200 }] })
    report.verdict(0, result, receipts)
    endOf(report)
    return report
  }
  isBlamed(said(true))
  isBlamed(said(false), /counts work that steward\.+ wrote off and has no money for/)
})

test('units are pages, or begun kibibytes of which there is at least one, as the job says', () => {
  const leased = (changes: Partial<Lease>, unit: Payment['unit'], bytes: number) => {
    const report = paying(1, { payment: { ...payment, budgetMicros: 10_000, unit } })
    report.shards[0] = { ...report.shards[0]!, bytes }
    report.lease(0, [0], { price, ...changes })
    endOf(report)
    return report
  }
  isBlamed(leased({ units: [1] }, 'page', 5_000))
  isBlamed(leased({ units: [5] }, 'kibibyte', 4_097))
  isBlamed(leased({ units: [4] }, 'kibibyte', 4_097), /counts 4 units in shard 0, which has 5/)
  isBlamed(leased({ units: [1] }, 'kibibyte', 0))
  isBlamed(leased({ units: [1, 1] }, 'page', 1), /does not say how much work each of its shards is/)
})

/** What the two owners of one shard are said to be owed; 100 micros each. */
interface Owed {
  readonly lease?: Partial<Lease>
  readonly writeOff?: (report: WrittenReport, lease: RecordId) => void
  readonly said?: Partial<Statement>
  /** The shard that a verdict counts. */
  readonly position?: number
  readonly verdicts?: (report: WrittenReport, receipts: readonly RecordId[]) => void
}

function owed({ lease, writeOff, said, position = 0, verdicts }: Owed = {}): WrittenReport {
  const report = paying(2)
  const result = report.result('a')
  const leases = [0, 1].map((i) => report.lease(i, [0, 1], i === 0 ? { price, ...lease } : {}))
  writeOff?.(report, leases[0]!.id)
  const receipts = leases.map((taken) => report.receipt(taken, [result, result]))
  if (verdicts !== undefined) verdicts(report, receipts)
  else report.verdict(position, result, receipts)
  const claims: StatedClaim[] = [
    { receipt: receipts[0]!, place: position, units: 1, micros: 100, paid: true },
  ]
  if (said !== undefined)
    report.add('statement', steward, {
      vehicle: vehicle(0),
      owner: owner(0),
      currency: 'EUR',
      closed: true,
      paidMicros: 0,
      ...totalsOf(sha256, claims),
      ...said,
    } satisfies Statement)
  endOf(report)
  return report
}

test('only the shards that a verdict counts are owed, once for each owner', () => {
  isBlamed(owed({ said: {} }))
  isBlamed(owed({ said: {}, position: 1 }))
  assert.equal(owed().audit().payments?.micros, 100n)
  const twice = owed({
    verdicts: (report, receipts) => {
      const { id } = report.lease(0, [0], { price })
      assert.ok(id)
      report.verdict(0, report.results[0]!, receipts)
      report.verdict(0, report.results[0]!, receipts, {}, { signer: other })
    },
  })
  assert.equal(twice.audit().payments?.micros, 100n)
})

test('of an owner that did a shard twice, the work that sorts first is owed', () => {
  const owedTo = (order: readonly number[]) => {
    const report = paying(1)
    const result = report.result('a')
    const leases = [0, 1, 2].map((i) =>
      report.lease(i, [0], { price: { ...price, unitMicros: 90 + i }, owner: owner(0) }),
    )
    const receipts = leases.map((lease) => report.receipt(lease, [result]))
    report.verdict(
      0,
      result,
      order.map((i) => receipts[i]!),
    )
    const first = leases.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0]!
    endOf(report)
    return { micros: report.audit().payments?.micros, least: BigInt(first.lease.price!.unitMicros) }
  }
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    const { micros, least } = owedTo(order)
    assert.equal(micros, least)
  }
})

test('work of a lease in another currency, or that its steward wrote off, is not owed', () => {
  const dollars = owed({ lease: { price: { ...price, currency: 'USD' } } })
  assert.equal(dollars.audit().payments?.micros, 0n)
  const gone = (by: typeof steward, places: number[], units?: number[]) =>
    owed({
      writeOff: (report, lease) =>
        allow(report, by, { writtenOff: [{ lease, places, ...(units && { units }) }] }),
      verdicts: (report, receipts) => report.verdict(0, report.results[0]!, receipts, {}, { signer: other }),
    }).audit().payments?.micros
  assert.equal(gone(steward, []), 0n)
  assert.equal(gone(steward, [0]), 100n)
  assert.equal(gone(other, []), 100n)
  // Fewer units than its receipt counts, and as many.
  assert.deepEqual([gone(steward, [0], [0]), gone(steward, [0], [1])], [0n, 100n])
})

test('a verdict that was settled, or that another result stands against, owes nothing', () => {
  const settledAway = owed({
    verdicts: (report, [first, second]) => {
      const result = report.results[0]!
      const apart = report.verdict(0, report.result('b'), [second!], {}, { signer: other })
      report.verdict(0, result, [first!], { settles: [apart] })
    },
  })
  assert.equal(settledAway.audit().payments?.micros, 100n)
  const against = owed({
    verdicts: (report, [first]) => {
      // By epoch the other's stands, and it says something else.
      report.verdict(0, report.result('b'), [], {}, { signer: other })
      report.verdict(0, report.results[0]!, [first!], {}, { epoch: 1 })
    },
  })
  assert.equal(against.audit().payments?.micros, 0n)
  const taken = owed({
    verdicts: (report, [first]) => {
      const mine = report.verdict(0, report.results[0]!, [first!])
      report.verdict(0, report.result('b'), [], { settles: [mine] }, { signer: other })
    },
  })
  assert.equal(taken.audit().payments?.micros, 0n)
})

test('a steward’s newest statement counts, and before the job’s end it may say less, of fewer receipts', () => {
  const newest = (first: Partial<Statement>, second: Partial<Statement>) => {
    const report = owed({ said: first })
    const body = { vehicle: vehicle(0), owner: owner(0), currency: 'EUR', paidMicros: 0 } as const
    const claims = report.records.filter(({ kind }) => kind === 'statement')
    assert.equal(claims.length, 1)
    report.add('statement', steward, {
      ...body,
      closed: false,
      receipts: 0,
      units: 0,
      micros: 0,
      root: new Uint8Array(32),
      ...second,
    } satisfies Statement)
    return report
  }
  isBlamed(newest({ closed: false, micros: 101 }, {}))
  isBlamed(newest({}, { micros: 101 }), /says 101 micros/)
})
