/** Promises of the ledger: double entry, resolved once, chained, and the same whatever is repeated. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Allowance } from '../../src/protocol/job/allowance.ts'
import {
  accountOf,
  operatorAccount,
  outsideAccount,
  ownerAccount,
  submitterAccount,
} from '../../src/protocol/ledger/account.ts'
import { amountsOf } from '../../src/protocol/ledger/amounts.ts'
import { type ClaimRecord, JobClaims } from '../../src/protocol/ledger/claims.ts'
import type { Claim, ClaimWord, EntryBody } from '../../src/protocol/ledger/entry.ts'
import { entryBytes } from '../../src/protocol/ledger/entry-hash.ts'
import type { LedgerEffect } from '../../src/protocol/ledger/ledger.ts'
import { brokenLink, MemoryBooks } from '../../src/protocol/ledger/memory-books.ts'
import { Payables } from '../../src/protocol/ledger/payables.ts'
import { encodeCbor } from '../../src/protocol/record/block.ts'
import { Allowances } from '../../src/protocol/state/allowances.ts'
import { cidNamed, manifestWith, ownerNamed, peerNamed, placeOf, sha256 } from '../support/core-fakes.ts'
import {
  allCounts,
  endOf,
  leaseOf,
  paidJob,
  price,
  receiptOf,
  recordOf,
  verdictOf,
} from '../support/paid-work.ts'

const vehicle = peerNamed('v1')
const owner = ownerNamed('owner of v1')
const owed = ownerAccount(owner, vehicle)
const payer = submitterAccount(paidJob.submitter)

function claimOf(changes: Partial<Claim> = {}): Claim {
  return {
    ...paidJob,
    lease: cidNamed('lease'),
    receipt: cidNamed('receipt'),
    place: 0,
    position: 4,
    vehicle,
    owner,
    units: 3,
    ownerMicros: 19,
    operatorMicros: 2,
    ...changes,
  }
}

function kinds(effects: readonly LedgerEffect[]): string[] {
  return effects.map((effect) => (effect.type === 'append' ? effect.entry.kind : effect.refusal.code))
}

function posted(books: MemoryBooks, account: string): number {
  return books.balance(account, 'EUR').postedMicros
}

test('an account is read from its name as it was named', () => {
  const peer = paidJob.submitter
  assert.deepEqual(accountOf(submitterAccount(peer)), { kind: 'submitter', submitter: peer })
  assert.deepEqual(accountOf(ownerAccount(owner, vehicle)), { kind: 'owner', owner, vehicle })
  assert.deepEqual(accountOf(operatorAccount(peer)), { kind: 'operator', fleet: peer })
  assert.deepEqual(accountOf(operatorAccount(null)), { kind: 'operator', fleet: null })
  assert.deepEqual(accountOf(outsideAccount(peer)), { kind: 'outside', payer: peer })
  for (const name of ['', 'owner', 'owner:o', 'outside:a:b', 'owner:o:v:x', 'bank:x'])
    assert.throws(() => accountOf(name), /account/, name)
})

test('the operator’s share is cut to whole micros, and the owner gets the rest', () => {
  assert.deepEqual(amountsOf('it', 3, price), { ownerMicros: 19, operatorMicros: 2 })
  const large = amountsOf('it', 2 ** 20, { currency: 'EUR', unitMicros: 2 ** 33 - 1, operatorPpm: 333_333 })
  assert.equal(large.ownerMicros + large.operatorMicros, 2 ** 20 * (2 ** 33 - 1))
})

test('an amount that a float would round is refused by name', () => {
  assert.throws(
    () => amountsOf('place 0 of it', 2, { ...price, unitMicros: Number.MAX_SAFE_INTEGER }),
    /amount-too-large: what place 0 of it/,
  )
  const books = new MemoryBooks(sha256)
  const half = { ownerMicros: 2 ** 52, operatorMicros: 0 }
  books.handle({ type: 'claim', claim: claimOf(half), outcome: 'paid' }, 1)
  const second = books.handle({ type: 'claim', claim: claimOf({ ...half, place: 1 }), outcome: 'paid' }, 1)
  assert.deepEqual(kinds(second), ['amount-too-large'])
  assert.equal(posted(books, payer), -(2 ** 52), 'and nothing of it is written')
})

test('a claim is set aside, resolved once, and written once however often it is told', () => {
  const books = new MemoryBooks(sha256)
  const tell = (outcome: ClaimWord) => kinds(books.handle({ type: 'claim', claim: claimOf(), outcome }, 1))
  assert.deepEqual(tell('pending'), ['pending'])
  assert.deepEqual(tell('pending'), [])
  assert.equal(books.balance(owed, 'EUR').pendingMicros, 19)
  assert.deepEqual(tell('paid'), ['posted'])
  assert.deepEqual(tell('paid'), [])
  assert.deepEqual(tell('pending'), [], 'a receipt that is heard of again takes nothing back')
  assert.deepEqual(books.balance(owed, 'EUR'), { pendingMicros: 0, postedMicros: 19 })
  assert.deepEqual(books.balance(payer, 'EUR'), { pendingMicros: 0, postedMicros: -21 })
  assert.equal(posted(books, operatorAccount(paidJob.fleet)), 2)
})

test('what was posted is taken back by an entry of its own, and can be posted again', () => {
  const books = new MemoryBooks(sha256)
  const tell = (outcome: ClaimWord) => kinds(books.handle({ type: 'claim', claim: claimOf(), outcome }, 1))
  assert.deepEqual(tell('paid'), ['pending', 'posted'])
  assert.deepEqual(tell('void'), ['reversed'])
  assert.equal(posted(books, owed), 0)
  assert.deepEqual(tell('pending'), [], 'which was known before')
  assert.deepEqual(tell('void'), [])
  assert.deepEqual(tell('paid'), ['pending', 'posted'])
  assert.equal(posted(books, owed), 19)
  assert.equal(books.entries.at(-1)!.generation, 1)
})

test('what is in a ledger of a claim that by all records never counted is taken back', () => {
  const after = (...before: ClaimWord[]) => {
    const books = new MemoryBooks(sha256)
    for (const outcome of before) books.handle({ type: 'claim', claim: claimOf(), outcome }, 1)
    return kinds(books.handle({ type: 'claim', claim: claimOf(), outcome: 'unfounded' }, 1))
  }
  assert.deepEqual([after(), after('pending'), after('paid')], [[], ['voided'], ['reversed']])
  assert.deepEqual(after('paid', 'void'), [])
})

test('a steward that begins again takes back what its ledger has of leases that do not count any more, and says so', () => {
  const [lease, receipt] = [leaseOf('v', [0]), receiptOf(leaseOf('v', [0]), [0])]
  const payables = (counts: boolean) => {
    const self = peerNamed('steward')
    const made = new Payables({ ...paidJob, self, shards: 1, judge: { ...allCounts, counts: () => counts } })
    const records: ClaimRecord[] = [
      { kind: 'lease', record: lease },
      { kind: 'receipt', record: receipt },
      { kind: 'verdict', record: verdictOf(0, [receipt]) },
    ]
    const restored = made.handle({ type: 'restored', records }, 0)
    const acting = made.handle({ type: 'acting', acting: true }, 1)
    return [...restored, ...acting].flatMap((effect) =>
      effect.type === 'claim' ? effect.outcome : effect.type === 'state' ? 'state' : [],
    )
  }
  assert.deepEqual(payables(true), ['paid'])
  assert.deepEqual(payables(false), ['unfounded', 'state'])
})

test('the same claim with another amount is refused', () => {
  const books = new MemoryBooks(sha256)
  books.handle({ type: 'claim', claim: claimOf(), outcome: 'pending' }, 1)
  const other = books.handle({ type: 'claim', claim: claimOf({ ownerMicros: 20 }), outcome: 'paid' }, 1)
  assert.deepEqual(kinds(other), ['other-amount'])
})

test('a payment is noted once under its name, and never more than is owed', () => {
  const books = new MemoryBooks(sha256)
  books.handle({ type: 'claim', claim: claimOf(), outcome: 'paid' }, 1)
  const to = outsideAccount(paidJob.submitter)
  const pay = (name: string, micros: number) =>
    kinds(
      books.handle(
        { type: 'pay', order: { name, currency: 'EUR', from: owed, to, micros, reference: 'R1' } },
        2,
      ),
    )
  assert.deepEqual(pay('june', 20), ['overdrawn'])
  assert.deepEqual(pay('june', 15), ['paid'])
  assert.deepEqual(pay('june', 15), [])
  assert.deepEqual(pay('june', 14), ['other-amount'])
  assert.equal(posted(books, owed), 4)
  assert.equal(posted(books, to), 15)
  const back = { type: 'take-back', name: 'june', reference: 'returned' } as const
  assert.deepEqual(kinds(books.handle(back, 3)), ['unpaid'])
  assert.deepEqual(kinds(books.handle(back, 3)), [])
  assert.equal(posted(books, owed), 19)
  assert.deepEqual(pay('june', 15), ['already-resolved'])
})

test('an entry that was changed, left out or put in breaks the chain there', () => {
  const books = new MemoryBooks(sha256)
  for (let place = 0; place < 5; place += 1)
    books.handle({ type: 'claim', claim: claimOf({ place }), outcome: 'pending' }, place)
  const { entries } = books
  assert.equal(brokenLink(sha256, entries), null)
  assert.equal(brokenLink(sha256, entries.with(2, { ...entries[2]!, atMs: 99 })), 3)
  assert.equal(brokenLink(sha256, entries.toSpliced(1, 1)), 2)
  assert.equal(brokenLink(sha256, entries.toSpliced(3, 0, entries[2]!)), 4)
})

// --- claims ---------------------------------------------------------------------------------------------------

/** What became of each claim, by vehicle and position, after all of these records. */
function judged(records: readonly ClaimRecord[]): Record<string, ClaimWord> {
  const claims = new JobClaims(paidJob, allCounts)
  const outcomes: Record<string, ClaimWord> = {}
  for (const record of records)
    for (const { claim, outcome } of claims.learn(record))
      outcomes[`${claim.vehicle.replaceAll('.', '')}/${claim.position}`] = outcome
  return outcomes
}

const leaseA = leaseOf('v1', [0, 1])
const leaseB = leaseOf('v2', [0, 1], { serial: 1 })
const [receiptA, receiptB] = [receiptOf(leaseA, [0, 1]), receiptOf(leaseB, [0, 1])]
const worked: ClaimRecord[] = [
  { kind: 'lease', record: leaseA },
  { kind: 'lease', record: leaseB },
  { kind: 'receipt', record: receiptA },
  { kind: 'receipt', record: receiptB },
]

test('who agrees with a verdict is paid, who does not is not, and what is open stays open', () => {
  const verdict = verdictOf(0, [receiptA])
  assert.deepEqual(judged([...worked, { kind: 'verdict', record: verdict }]), {
    'v1/0': 'paid',
    'v1/1': 'pending',
    'v2/0': 'void',
    'v2/1': 'pending',
  })
})

test('with the end of the job what nobody decided comes to nothing', () => {
  const outcomes = judged([...worked, { kind: 'end', record: endOf('cancelled') }])
  assert.deepEqual(new Set(Object.values(outcomes)), new Set(['void']))
})

test('claims that agreed on a shard without a result are paid once the job has ended, and not before', () => {
  const ended = verdictOf(0, [receiptA, receiptB], { outcome: 'failed', because: 'ended' })
  const records: ClaimRecord[] = [...worked, { kind: 'verdict', record: ended }]
  assert(!Object.values(judged(records)).includes('paid'))
  const end: ClaimRecord = { kind: 'end', record: endOf('cancelled') }
  const outcomes = { 'v1/0': 'paid', 'v1/1': 'void', 'v2/0': 'paid', 'v2/1': 'void' }
  assert.deepEqual(judged([...records, end]), outcomes)
  assert.deepEqual(judged([...worked, end, { kind: 'verdict', record: ended }]), outcomes)
  // A verdict that accepts a result stands before one that says that there is none.
  const accepted: ClaimRecord = { kind: 'verdict', record: verdictOf(0, [receiptA], { serial: 60 }) }
  assert.deepEqual(pick(judged([...records, accepted, end])), ['paid', 'void'])
  const failed = verdictOf(0, [receiptB], { outcome: 'failed' })
  assert.deepEqual(pick(judged([...worked, { kind: 'verdict', record: failed }])), ['void', 'paid'])
})

test('a lease without a price, or in another currency, makes no claims', () => {
  for (const other of [null, { ...price, currency: 'USD' }]) {
    const lease = leaseOf('v1', [0], { price: other })
    const records: ClaimRecord[] = [
      { kind: 'lease', record: lease },
      { kind: 'receipt', record: receiptOf(lease, [0]) },
      { kind: 'end', record: endOf() },
    ]
    assert.deepEqual(judged(records), {})
  }
})

test('verdicts made apart that agree pay both, that differ nobody, until one of them is settled', () => {
  const first: ClaimRecord = { kind: 'verdict', record: verdictOf(0, [receiptA]) }
  const alike: ClaimRecord = { kind: 'verdict', record: verdictOf(0, [receiptB], { steward: 's2' }) }
  assert.deepEqual(pick(judged([...worked, first, alike])), ['paid', 'paid'])
  const other = verdictOf(0, [receiptB], { steward: 's2', result: 'another' })
  const differs: ClaimRecord = { kind: 'verdict', record: other }
  assert.deepEqual(pick(judged([...worked, first, differs])), ['reopened', 'reopened'])
  const settles = [first.record.id, other.id]
  const settled: ClaimRecord = {
    kind: 'verdict',
    record: verdictOf(0, [receiptB], { serial: 50, result: 'another', settles }),
  }
  assert.deepEqual(pick(judged([...worked, first, differs, settled])), ['void', 'paid'])
})

function pick(outcomes: Record<string, ClaimWord>): unknown[] {
  return [outcomes['v1/0'], outcomes['v2/0']]
}

test('what its lease’s steward wrote off comes to nothing, unless that steward counts it itself, in whatever order that is heard', () => {
  const lease = leaseOf('v', [0, 1])
  const receipt = receiptOf(lease, [0, 1])
  const verdict = verdictOf(1, [receipt], { steward: 'other' })
  const writeOff = (steward: string) =>
    recordOf('allowance', peerNamed(steward), 7, {
      writtenOff: [{ lease: lease.id, places: [0] }],
      given: [],
    } satisfies Allowance).record
  const records: readonly ClaimRecord[] = [
    { kind: 'receipt', record: receipt },
    { kind: 'verdict', record: verdict },
    { kind: 'allowance', record: writeOff('steward') },
    { kind: 'allowance', record: writeOff('other') },
  ]
  const stewards = ['steward', 'other'].map(placeOf)
  const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 7, budgetMicros: 1_000 } as const
  const outcomeOf = (order: readonly ClaimRecord[], counted = false) => {
    const allowances = new Allowances(manifestWith({ stewards, payment }))
    const claims = new JobClaims(paidJob, {
      counts: (id) => allowances.counts(id),
      isOpen: (id, place, units) => allowances.isOpen(id, place, units),
    })
    allowances.lease(lease)
    claims.learn({ kind: 'lease', record: lease })
    const news = order.flatMap((entry) => {
      if (entry.kind === 'allowance') allowances.apply(entry.record)
      return claims.learn(entry)
    })
    if (counted) allowances.agree(lease.id, 1, lease.payload.units[1]!, verdictOf(1, [receipt]))
    news.push(...claims.recount(allowances.takeMoved()))
    return news.filter(({ claim }) => claim.place === 1).at(-1)?.outcome
  }
  assert.equal(outcomeOf(records), 'void')
  assert.equal(outcomeOf(records.toReversed()), 'void')
  assert.equal(outcomeOf(records.slice(0, 2)), 'paid')
  assert.equal(outcomeOf([...records.slice(0, 2), records[3]!]), 'paid', 'another steward has no say')
  assert.equal(outcomeOf(records, true), 'paid', 'its own verdict names it, too')
})

test('claims under a lease that does not count are none, and come to nothing when it ceases to', () => {
  const [lease, receipt] = [leaseOf('v', [0]), receiptOf(leaseOf('v', [0]), [0])]
  let counts = false
  const claims = new JobClaims(paidJob, { ...allCounts, counts: () => counts })
  const learn = (...records: ClaimRecord[]) => records.flatMap((record) => claims.learn(record))
  const outcomes = (news: ReturnType<typeof learn>) => news.map(({ outcome }) => outcome)
  const verdict = { kind: 'verdict', record: verdictOf(0, [receipt]) } as const
  assert.deepEqual(learn({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipt }, verdict), [])
  assert.deepEqual([...claims.current()], [])
  counts = true
  assert.deepEqual(outcomes(claims.recount([lease.id])), ['paid'])
  assert.deepEqual(outcomes(claims.recount([lease.id])), [])
  counts = false
  assert.deepEqual(outcomes(claims.recount([lease.id])), ['void'])
})

test('one owner is paid once for a shard, though stewards apart leased it twice to him', () => {
  const again = leaseOf('v1', [0], { serial: 9, steward: 's2' })
  const receipt = receiptOf(again, [0], 9)
  const claims = new JobClaims(paidJob, allCounts)
  const books = new MemoryBooks(sha256)
  const records: ClaimRecord[] = [
    ...worked,
    { kind: 'lease', record: again },
    { kind: 'receipt', record: receipt },
    { kind: 'verdict', record: verdictOf(0, [receiptA]) },
    { kind: 'verdict', record: verdictOf(0, [receipt], { steward: 's2' }) },
  ]
  for (const record of records)
    for (const news of claims.learn(record)) books.handle({ type: 'claim', ...news }, 1)
  assert.equal(posted(books, owed), 19)
})

test('records in any order, each as often as one likes, come to the same balances, which sum to zero', () => {
  const leases = ['v1', 'v2', 'v3'].map((name, serial) =>
    leaseOf(name, [0, 1, 2, 3], { serial, owner: serial === 2 ? 'owner of v1' : `owner of ${name}` }),
  )
  const receipts = leases.flatMap((lease, i) => [
    receiptOf(lease, [0, 1], 2 * i),
    receiptOf(lease, [2, 3], 2 * i + 1),
  ])
  const [a, b, c, d, e, f] = receipts as [
    (typeof receipts)[0],
    (typeof receipts)[0],
    (typeof receipts)[0],
    (typeof receipts)[0],
    (typeof receipts)[0],
    (typeof receipts)[0],
  ]
  const apart = verdictOf(2, [b, d], { steward: 's2', serial: 3, result: 'another' })
  const verdicts = [
    verdictOf(0, [a, c]),
    verdictOf(0, [e], { steward: 's2', serial: 1 }),
    verdictOf(1, [c, e]),
    verdictOf(2, [d, f]),
    apart,
    verdictOf(2, [b, d], { serial: 70, result: 'another', settles: [verdictOf(2, [d, f]).id, apart.id] }),
    verdictOf(3, [], { outcome: 'failed' }),
  ]
  const later: ClaimRecord[] = [
    ...receipts.map((record): ClaimRecord => ({ kind: 'receipt', record })),
    ...verdicts.map((record): ClaimRecord => ({ kind: 'verdict', record })),
    { kind: 'end', record: endOf() },
  ]
  const balancesAfter = (records: readonly ClaimRecord[]) => {
    const claims = new JobClaims(paidJob, allCounts)
    const books = new MemoryBooks(sha256)
    for (const record of leases) claims.learn({ kind: 'lease', record })
    for (const record of records)
      for (const news of claims.learn(record)) {
        const effects = books.handle({ type: 'claim', ...news }, 1)
        assert(effects.every(({ type }) => type === 'append'))
        const accounts = new Set(books.entries.flatMap((x) => [x.debit, ...x.credits.map((y) => y.account)]))
        const sums = [...accounts].map((account) => books.balance(account, 'EUR'))
        assert.equal(
          sums.reduce((sum, balance) => sum + balance.postedMicros, 0),
          0,
        )
        assert.equal(
          sums.reduce((sum, balance) => sum + balance.pendingMicros, 0),
          0,
        )
      }
    assert.equal(brokenLink(sha256, books.entries), null)
    const accounts = new Set(books.entries.flatMap((x) => [x.debit, ...x.credits.map((y) => y.account)]))
    return Object.fromEntries([...accounts].sort().map((account) => [account, books.balance(account, 'EUR')]))
  }
  const expected = balancesAfter(later)
  assert.equal(expected[payer]!.pendingMicros, 0)
  // Shard 0: v1 and v2, v3 is of the same owner as v1. Shard 1: v2 and v3. Shard 2: v1 and v2. Each 3 × 7 micros.
  assert.equal(expected[payer]!.postedMicros, -6 * 21)
  fc.assert(
    fc.property(
      fc.shuffledSubarray(later, { minLength: later.length }),
      fc.array(fc.nat(later.length - 1), { maxLength: 10 }),
      (order, repeated) => {
        assert.deepEqual(balancesAfter([...order, ...repeated.map((i) => later[i]!)]), expected)
      },
    ),
  )
})

test('a payment that is a fact is written also where less is owed, and the rest counts against what comes', () => {
  const books = new MemoryBooks(sha256)
  const order = {
    name: 'P-1/0',
    currency: 'EUR',
    from: owed,
    to: outsideAccount(paidJob.submitter),
    micros: 70,
  }
  const pay = (isFact: boolean) =>
    books.handle({ type: 'pay', order: { ...order, reference: 'r', isFact } }, 1)
  assert.deepEqual(
    pay(false).map(({ type }) => type),
    ['refused'],
  )
  pay(true)
  assert.equal(books.balance(owed, 'EUR').postedMicros, -70)
  assert.equal(brokenLink(sha256, books.entries), null)
})

test('the bytes of an entry are those of dag-cbor, whatever is in it', () => {
  const natural = fc.oneof(fc.nat(30), fc.nat(70_000), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))
  const text = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
  const credit = fc.record({ account: text, micros: natural })
  const body = fc.record({
    ...{ serial: natural, atMs: fc.oneof(natural, fc.double({ noNaN: true, noDefaultInfinity: true })) },
    ...{ kind: fc.constantFrom('pending', 'posted', 'unpaid'), subject: text, generation: natural },
    ...{ currency: text, debit: text, credits: fc.array(credit, { maxLength: 3 }), memo: text },
    claim: fc.option(
      fc.record({
        ...{ job: text, receipt: text, place: natural, position: natural },
        ...{ vehicle: text, owner: text, units: natural },
      }),
    ),
  })
  const previous = new Uint8Array(32).fill(7)
  fc.assert(
    fc.property(body, (entry) => {
      const bytes = entryBytes(previous, entry as EntryBody)
      assert.deepEqual([...bytes], [...previous, ...encodeCbor(entry)])
    }),
  )
})
