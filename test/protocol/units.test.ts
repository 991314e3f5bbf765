/** Units that a result has as many of as it turns out to have: what is promised, claimed, believed and paid of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { withinTolerance } from '../../src/protocol/job/agreement.ts'
import { type Lease, type Receipt, worthOf } from '../../src/protocol/job/lease.ts'
import { decodeShardList, encodeList } from '../../src/protocol/job/lists.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import { decodeShard, encodeShard, unitCountOf } from '../../src/protocol/job/shard.ts'
import { readShardEntry } from '../../src/protocol/job/shard-entry.ts'
import { ShardCutter } from '../../src/protocol/job/split.ts'
import { claimsOfReceipt } from '../../src/protocol/ledger/claims.ts'
import { shardUnitsMax } from '../../src/protocol/limits.ts'
import { costOfUnits, isAffordable, parsePrice, type UnitCount, unitsOf } from '../../src/protocol/price.ts'
import { encodeCbor } from '../../src/protocol/record/block.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { costOf } from '../../src/protocol/verification/cost.ts'
import { countsTruly } from '../../src/protocol/verification/counted-units.ts'
import { ComparedPages, examineResult } from '../../src/protocol/verification/examination.ts'
import { cidNamed, sha256 } from '../support/core-fakes.ts'
import { owner, vehicle, WrittenReport } from '../support/core-report.ts'
import { JobBench } from '../support/job-bench.ts'

const stated: UnitCount = { input: 10, output: 20 }
const taken: UnitCount = { input: 10, output: 5 }
const price = { currency: 'EUR', unitMicros: 300, per: 1000, operatorPpm: 0 }
const payment = { currency: 'EUR', unit: 'token', unitMicrosMax: 300, per: 1000, budgetMicros: 1_000 }

test('a price for a thousand is read as such, and is like no price for one', () => {
  assert.deepEqual(parsePrice('0.0002EUR/1k'), { currency: 'EUR', micros: 200, per: 1000 })
  assert.deepEqual(parsePrice('0.0002EUR'), { currency: 'EUR', micros: 200, per: 1 })
  for (const text of ['0.0002EUR/2k', '/1k', '0.0002/1k']) assert.equal(parsePrice(text), undefined)
  assert(isAffordable({ currency: 'EUR', unitMicros: 300, per: 1000 }, payment))
  assert(!isAffordable({ currency: 'EUR', unitMicros: 300 }, payment))
})

test('fewer units never cost more, no units cost nothing, and a begun micro is a whole one', () => {
  const units = fc.nat(shardUnitsMax)
  fc.assert(
    fc.property(
      units,
      units,
      fc.nat(1_000_000_000),
      fc.constantFrom(undefined, 1000),
      (a, b, unitMicros, per) => {
        const cost = (count: number) => costOfUnits(count, { unitMicros, ...(per && { per }) })
        assert(cost(Math.min(a, b)) <= cost(Math.max(a, b)))
        const exact = (BigInt(a) * BigInt(unitMicros) + BigInt(per ?? 1) - 1n) / BigInt(per ?? 1)
        assert.equal(BigInt(cost(a)), exact)
      },
    ),
  )
  assert.equal(costOfUnits(1, { unitMicros: 1, per: 1000 }), 1)
  assert.equal(costOfUnits(0, { unitMicros: 300, per: 1000 }), 0)
})

test('a quote is for results as long as they may be, and no less than all leases can promise', () => {
  const plan = {
    replicas: 2,
    lead: 3,
    audits: null,
    executionsPerShard: 2,
    errorBound: 1e-4,
    ownersNeeded: 2,
  }
  const work = { units: 3 * 30, shards: 3, per: 1000 }
  const cost = costOf(plan, work, [{ owner: owner(0), unitMicros: 300 }], 'owners')!
  assert(cost.expectedMicros >= 2 * 3 * costOfUnits(30, price))
})

test('a shard and its entry say what its pages may take, and are read as they were written', () => {
  const page = { document: cidNamed('file'), bytes: 9, key: new Uint8Array(40) }
  const shard = { pages: [0, 1].map((number) => ({ ...page, page: number, units: stated })) }
  assert.deepEqual(unitCountOf(decodeShard(encodeShard(shard))), { input: 20, output: 40 })
  const halved = { pages: [shard.pages[0]!, { ...page, page: 1 }] }
  assert.throws(() => decodeShard(encodeShard(halved)), /1 of its 2 pages/)
  const plain = { shard: cidNamed('shard'), pages: 2, bytes: 9, costMs: 7 }
  const entry = { ...plain, units: { input: 20, output: 40 } }
  for (const one of [plain, entry]) {
    assert.deepEqual(readShardEntry(encodeCbor(one)), one, 'without a decoder')
    assert.deepEqual(decodeShardList(encodeList([one])), [one])
  }
  assert.equal(unitsOf(entry, 'token'), 60)
  assert.equal(unitsOf(plain, 'token'), 2)
})

test('no shard has more units than a lease can name', () => {
  const cutter = new ShardCutter({ costMsMax: 1e9, pagesMax: 256 })
  const units = { input: shardUnitsMax / 4, output: shardUnitsMax / 4 }
  const document = { name: 'a', file: cidNamed('a'), bytes: 1, pages: 5, pageCostMs: 1, units }
  const shards = [...cutter.push(document), ...cutter.end()]
  assert.deepEqual(
    shards.map(({ pages }) => pages.length),
    [2, 2, 1],
  )
})

test('what was taken is a part of what is compared, whatever relation results have', () => {
  const record = (units?: UnitCount) => ({
    output: new Uint8Array(0),
    text: 'x',
    error: null,
    ...(units && { units }),
  })
  const textOf = (units?: UnitCount) => {
    const compared = new ComparedPages(sha256, 'class-text')
    compared.add(record(units))
    return compared.facts().text
  }
  assert.equal(new Set([textOf(), textOf(taken), textOf(stated)]).size, 3)
  const page = { error: null, text: 'x', output: undefined }
  const tolerance = { relation: 'text-distance', editsMax: 3 } as const
  assert(withinTolerance(tolerance, [{ ...page, units: taken }], [{ ...page, units: taken }]))
  assert(!withinTolerance(tolerance, [{ ...page, units: taken }], [{ ...page, units: stated }]))
  const examined = (...counts: (UnitCount | undefined)[]) => {
    const bytes = encodeResult({ engine: 'e', records: counts.map(record) })
    return examineResult(sha256, bytes, counts.length, 'e', 'bytes')
  }
  const found = examined(taken, taken)
  assert(found.state === 'good')
  assert.deepEqual(found.units, { input: 20, output: 10 })
  assert.equal(examined(taken, undefined).state, 'invalid')
})

test('a claim counts what its result took, and that within what its shard states', () => {
  const entry = { units: stated }
  assert(countsTruly(entry, taken, taken) && countsTruly({}, undefined, undefined))
  for (const [claimed, found] of [
    [stated, taken],
    [undefined, taken],
    [taken, undefined],
    [{ input: 5, output: 10 }, taken],
    [
      { input: 10, output: 21 },
      { input: 10, output: 21 },
    ],
  ] as const)
    assert(!countsTruly(entry, claimed, found))
  assert(!countsTruly({}, taken, taken))
})

test('a verdict that would have somebody paid for more than its result took never counts', () => {
  const honest = new JobBench({ units: stated })
  honest.verdict('b', 'x', [
    honest.claim('b', 'v1', 'x', [0], {}, taken),
    honest.claim('b', 'v2', 'x', [0], {}, taken),
  ])
  honest.look({ units: taken })
  assert.equal(honest.stands(), 'x')
  const greedy = new JobBench({ units: stated })
  const claims = [taken, taken, stated].map((units, i) => greedy.claim('b', `v${i + 1}`, 'x', [0], {}, units))
  greedy.verdict('b', 'x', claims)
  greedy.look({ units: taken })
  assert.equal(greedy.stands(), 'open')
})

const more = { payment, shards: { file: cidNamed('list'), bytes: 1, count: 1, pages: 1 } }

/** A report in which two vehicles claim these units for a result that took `taken`. */
function reported(claimed: readonly (UnitCount | undefined)[], leased = 30): readonly string[] {
  const report = new WrittenReport(1, more)
  report.shards[0] = { ...report.shards[0]!, units: stated }
  const result = report.result('x', undefined, undefined, taken)
  const receipts = claimed.map((units, i) =>
    report.receipt(report.lease(i, [0], { units: [leased], price }), [result], units && { units: [units] }),
  )
  report.verdict(0, result, receipts)
  report.end()
  return report.problems
}

test('the audit objects to claims and leases of other units than result and shard have', () => {
  assert.deepEqual(reported([taken, taken]), [])
  assert.match(reported([taken, stated]).join('\n'), /of other units than its result has/)
  assert.match(reported([taken, undefined]).join('\n'), /of other units than its result has/)
  assert.match(reported([taken, taken], 31).join('\n'), /counts 31 units in shard 0, which has 30/)
  assert.match(reported([taken, { input: 30, output: 1 }]).join('\n'), /counts more than its lease does/)
})

test('a claim is worth what its receipt counts, and nobody is promised or paid more than the lease says', () => {
  const bench = new JobBench({ units: stated, payment })
  bench.claim('b', 'v1', 'x', [0], { price }, taken)
  const [lease, receipt] = bench.records.slice(-2).map(({ record }) => record) as unknown as [
    Verified<Lease>,
    Verified<Receipt>,
  ]
  const job = { job: bench.job, submitter: vehicle(0), fleet: null, currency: 'EUR' }
  const [claim] = claimsOfReceipt(job, lease, receipt)
  assert.deepEqual([claim?.units, claim?.ownerMicros], [15, costOfUnits(15, price)])
  assert.equal(worthOf(lease.payload), costOfUnits(30, price))
  assert.throws(() => bench.claim('b', 'v2', 'x', [0], { price }, { input: 30, output: 1 }), ProtocolError)
})
