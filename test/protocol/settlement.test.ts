/** Promises of settling: whatever is lost, repeated or late, both sides come to the same sum, or show where they differ. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PeerId } from '../../src/protocol/ids.ts'
import { ownerAccount } from '../../src/protocol/ledger/account.ts'
import type { ClaimRecord } from '../../src/protocol/ledger/claims.ts'
import { MemoryBooks } from '../../src/protocol/ledger/memory-books.ts'
import { Payables, type PayablesInput } from '../../src/protocol/ledger/payables.ts'
import { Receivables, type ReceivablesInput } from '../../src/protocol/ledger/receivables.ts'
import {
  fromWire,
  ledgerClaim,
  pageOf,
  type Statement,
  totalsOf,
} from '../../src/protocol/ledger/statement.ts'
import { statementClaimsMax, statementIntervalMs } from '../../src/protocol/limits.ts'
import type { Message } from '../../src/protocol/message.ts'
import { cidNamed, ownerNamed, peerNamed, sha256, sign } from '../support/core-fakes.ts'
import { allCounts, endOf, leaseOf, paidJob, receiptOf, recordOf, verdictOf } from '../support/paid-work.ts'

const vehicle = peerNamed('v1')
const owner = ownerNamed('owner of v1')

type Sent = { readonly from: PeerId; readonly to: PeerId } & (
  | { readonly type: 'statement'; readonly input: ReceivablesInput; readonly bytes: Message }
  | { readonly type: 'ask'; readonly before: number | null }
  | { readonly type: 'accounted'; readonly micros: number }
)

class StewardSide {
  readonly peer: PeerId
  readonly books = new MemoryBooks(sha256)
  readonly payables: Payables
  readonly #out: Sent[]
  #serial = 0
  /** Micros added to what it says it owes: a steward whose sums are wrong. */
  wrongBy = 0

  constructor(name: string, shards: number, out: Sent[]) {
    this.peer = peerNamed(name)
    this.payables = new Payables({ ...paidJob, self: this.peer, shards, judge: allCounts })
    this.#out = out
  }

  tell(input: PayablesInput, nowMs: number): void {
    for (const effect of this.payables.handle(input, nowMs)) {
      if (effect.type === 'claim') this.books.handle(effect, nowMs)
      else if (effect.type === 'state') {
        const claims = [...this.books.standing()]
          .filter(({ claim }) => claim?.vehicle === effect.vehicle && claim.owner === effect.owner)
          .flatMap((entry) => ledgerClaim(entry) ?? [])
        const totals = totalsOf(sha256, claims)
        const payload: Statement = {
          ...totals,
          micros: totals.micros + this.wrongBy,
          vehicle: effect.vehicle,
          owner: effect.owner,
          currency: 'EUR',
          closed: effect.closed,
          paidMicros: 0,
        }
        const { record, body } = recordOf('statement', this.peer, this.#serial++, payload)
        const page = pageOf(claims, effect.before)
        this.#out.push({
          type: 'statement',
          from: this.peer,
          to: effect.vehicle,
          input: { type: 'statement', statement: record, claims: page.claims.map(fromWire), next: page.next },
          bytes: { type: 'statement', record: sign(body), ...page },
        })
      }
    }
  }
}

class VehicleSide {
  readonly books: MemoryBooks
  readonly receivables = new Receivables({ ...paidJob, self: vehicle, sha256 })
  readonly #out: Sent[]

  constructor(out: Sent[], stewards: readonly PeerId[], books = new MemoryBooks(sha256)) {
    this.books = books
    this.#out = out
    this.receivables.handle({ type: 'stewards', stewards }, 0)
  }

  tell(input: ReceivablesInput, nowMs: number): void {
    for (const effect of this.receivables.handle(input, nowMs)) {
      if (effect.type === 'claim') this.books.handle(effect, nowMs)
      else if (effect.type === 'ask')
        this.#out.push({ type: 'ask', from: vehicle, to: effect.to, before: effect.before })
      else if (effect.type === 'accounted')
        this.#out.push({ type: 'accounted', from: vehicle, to: effect.to, micros: effect.micros })
    }
  }
}

/** A steward and a vehicle that speak without loss. */
class Pair {
  readonly wire: Sent[] = []
  readonly steward: StewardSide
  readonly car: VehicleSide
  nowMs = 0

  constructor(shards: number) {
    this.steward = new StewardSide('steward', shards, this.wire)
    this.car = new VehicleSide(this.wire, [this.steward.peer])
    this.steward.tell({ type: 'acting', acting: true }, 0)
  }

  know(...records: ClaimRecord[]): void {
    for (const record of records) this.steward.tell({ type: 'record', record }, this.nowMs)
  }

  /** Returns how many messages it took. */
  deliver(): number {
    let messages = 0
    for (let sent = this.wire.shift(); sent !== undefined; sent = this.wire.shift()) {
      messages += 1
      if (sent.type === 'statement') this.car.tell(sent.input, this.nowMs)
      else if (sent.type === 'ask')
        this.steward.tell({ type: 'ask', from: vehicle, before: sent.before }, this.nowMs)
      else this.steward.tell({ type: 'accounted', from: vehicle }, this.nowMs)
    }
    return messages
  }
}

function owed(books: MemoryBooks) {
  return books.balance(ownerAccount(owner, vehicle), 'EUR')
}

test('a job with nothing lost: set aside, told at its end, answered, and settled', () => {
  const pair = new Pair(2)
  const lease = leaseOf('v1', [0, 1])
  const receipt = receiptOf(lease, [0, 1])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  pair.know({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipt })
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 38, postedMicros: 0 })
  pair.know({ kind: 'verdict', record: verdictOf(0, [receipt]) })
  pair.deliver()
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 19, postedMicros: 19 })
  assert(!pair.car.receivables.isSettled)
  pair.know({ kind: 'verdict', record: verdictOf(1, []) }, { kind: 'end', record: endOf() })
  pair.deliver()
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 0, postedMicros: 19 })
  assert.deepEqual(owed(pair.car.books), owed(pair.steward.books))
  assert(pair.car.receivables.isSettled)
})

test('while a job runs a vehicle is told once a minute at most, and at its end at once', () => {
  const pair = new Pair(3)
  const lease = leaseOf('v1', [0, 1, 2])
  const receipt = receiptOf(lease, [0, 1, 2])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  pair.know({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipt })
  pair.know({ kind: 'verdict', record: verdictOf(0, [receipt]) })
  pair.deliver()
  pair.nowMs = 1_000
  pair.know({ kind: 'verdict', record: verdictOf(1, [receipt]) })
  assert.equal(pair.deliver(), 0)
  pair.nowMs = statementIntervalMs
  pair.steward.tell({ type: 'wake' }, pair.nowMs)
  assert.equal(pair.deliver(), 2)
  pair.know({ kind: 'verdict', record: verdictOf(2, [receipt]) }, { kind: 'end', record: endOf() })
  assert(pair.deliver() > 0)
  assert.equal(owed(pair.car.books).postedMicros, 57)
})

test('more claims than a message carries come page by page', () => {
  const count = 2 * statementClaimsMax + 7
  const pair = new Pair(count)
  for (let i = 0; i < count; i += 1) {
    const lease = leaseOf('v1', [i], { serial: i })
    const receipt = receiptOf(lease, [0], i)
    pair.car.tell({ type: 'signed', lease, receipt }, 0)
    pair.know({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipt })
    pair.know({ kind: 'verdict', record: verdictOf(i, [receipt]) })
    pair.wire.splice(0) // all of it is lost
  }
  pair.know({ kind: 'end', record: endOf() })
  const [sent] = pair.wire
  assert(sent?.type === 'statement')
  assert.equal(pair.deliver(), 6, 'three pages, two of them asked for, and an answer')
  assert.equal(owed(pair.car.books).postedMicros, 19 * count)
  assert(pair.car.receivables.isSettled)
})

test('a vehicle that was told nothing asks, and a statement without an answer is repeated', () => {
  const pair = new Pair(1)
  const lease = leaseOf('v1', [0])
  const receipt = receiptOf(lease, [0])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  pair.know(
    { kind: 'lease', record: lease },
    { kind: 'receipt', record: receipt },
    { kind: 'verdict', record: verdictOf(0, [receipt]) },
    { kind: 'end', record: endOf() },
  )
  pair.wire.splice(0)
  pair.nowMs = 3_600_000
  pair.steward.tell({ type: 'wake' }, pair.nowMs)
  assert.equal(pair.wire.splice(0)[0]?.type, 'statement')
  pair.car.tell({ type: 'wake' }, pair.nowMs)
  assert.equal(pair.wire[0]?.type, 'ask')
  pair.deliver()
  assert.equal(owed(pair.car.books).postedMicros, 19)
})

test('a statement that comes after a newer one changes nothing', () => {
  const pair = new Pair(1)
  const lease = leaseOf('v1', [0])
  const receipt = receiptOf(lease, [0])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  const apart = verdictOf(0, [], { steward: 's2', result: 'another' })
  const verdict = verdictOf(0, [receipt])
  pair.know({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipt })
  pair.know({ kind: 'verdict', record: verdict })
  const [older] = pair.wire.splice(0)
  const settles = [verdict.id, apart.id]
  const last = verdictOf(0, [], { serial: 9, result: 'another', settles })
  pair.know({ kind: 'verdict', record: apart }, { kind: 'verdict', record: last })
  pair.know({ kind: 'end', record: endOf() })
  const newest = pair.wire.splice(0).at(-1)
  for (const sent of [newest, older]) {
    assert(sent?.type === 'statement')
    pair.car.tell(sent.input, 0)
  }
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 0, postedMicros: 0 })
})

test('receipts that came to no steward are settled, too: for nothing', () => {
  const pair = new Pair(1)
  const lease = leaseOf('v1', [0])
  pair.car.tell({ type: 'signed', lease, receipt: receiptOf(lease, [0]) }, 0)
  pair.know({ kind: 'lease', record: lease }, { kind: 'verdict', record: verdictOf(0, []) })
  pair.know({ kind: 'end', record: endOf() })
  pair.deliver()
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 0, postedMicros: 0 })
  assert(pair.car.receivables.isSettled)
})

test('a sum that the receipts do not give is not taken over, and shown with the receipts behind it', () => {
  const pair = new Pair(1)
  const lease = leaseOf('v1', [0])
  const receipt = receiptOf(lease, [0])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  pair.steward.wrongBy = 1
  const foreign = leaseOf('v1', [0], { serial: 3, units: 9 })
  const unknown = receiptOf(foreign, [0], 3)
  pair.know(
    { kind: 'lease', record: foreign },
    { kind: 'receipt', record: unknown },
    { kind: 'verdict', record: verdictOf(0, [unknown]) },
    { kind: 'end', record: endOf() },
  )
  pair.deliver()
  assert.equal(owed(pair.car.books).postedMicros, 0)
  const [difference] = pair.car.receivables.differences()
  assert.deepEqual(difference, {
    steward: pair.steward.peer,
    receipt: unknown.id,
    place: 0,
    oursMicros: null,
    theirsMicros: 57,
  })
})

test('what the submitter’s node has closed, another steward does not make paid; before that its word is shown', () => {
  const pair = new Pair(1)
  const liar = new StewardSide('s2', 1, pair.wire)
  liar.tell({ type: 'acting', acting: true }, 0)
  pair.car.tell({ type: 'stewards', stewards: [pair.steward.peer, liar.peer] }, 0)
  const lease = leaseOf('v1', [0])
  const receipt = receiptOf(lease, [0])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  for (const record of [
    { kind: 'lease', record: lease },
    { kind: 'receipt', record: receipt },
    { kind: 'verdict', record: verdictOf(0, [receipt], { steward: 's2' }) },
    { kind: 'end', record: endOf() },
  ] satisfies ClaimRecord[])
    liar.tell({ type: 'record', record }, 0)
  pair.deliver()
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 0, postedMicros: 19 })

  pair.know({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipt })
  pair.know({ kind: 'verdict', record: verdictOf(0, [], { result: 'another' }) })
  pair.know({ kind: 'end', record: endOf() })
  pair.deliver()
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 0, postedMicros: 0 })
  assert.deepEqual(owed(pair.car.books), owed(pair.steward.books))
  assert(
    !pair.car.receivables.isSettled,
    'it asks again: the two may not have told each other everything yet',
  )
})

test('a steward that has told nothing is shown a lease with each question: it may not know that this vehicle worked', () => {
  const { receivables } = new VehicleSide([], [peerNamed('steward'), peerNamed('s2')])
  const lease = leaseOf('v1', [0, 1], { steward: 's2' })
  receivables.handle({ type: 'signed', lease, receipt: receiptOf(lease, [0, 1]) }, 0)
  const shown = receivables
    .handle({ type: 'connected', peer: peerNamed('steward') }, 0)
    .flatMap((effect) => (effect.type === 'show' ? [[effect.to, effect.lease]] : []))
  assert.deepEqual(shown, [[peerNamed('steward'), lease.id]])
  const steward = new StewardSide('steward', 2, [])
  const ask = { type: 'ask', from: vehicle, before: null } as const
  assert.deepEqual(steward.payables.handle(ask, 0), [])
  steward.payables.handle({ type: 'record', record: { kind: 'lease', record: lease } }, 0)
  assert(steward.payables.handle(ask, 0).some(({ type }) => type === 'state'))
})

test('a vehicle that begins again is paid once for a shard, though another steward pays for it, too', () => {
  const wire: Sent[] = []
  const stewards = ['s1', 's2'].map((name) => new StewardSide(name, 1, wire))
  const leases = stewards.map(({ peer }, serial) =>
    leaseOf('v1', [0], { serial, steward: peer.replaceAll('.', '') }),
  )
  const receipts = leases.map((lease, serial) => receiptOf(lease, [0], serial))
  for (const [i, steward] of stewards.entries()) {
    steward.tell({ type: 'record', record: { kind: 'lease', record: leases[i]! } }, 0)
    steward.tell({ type: 'record', record: { kind: 'receipt', record: receipts[i]! } }, 0)
    const verdict = verdictOf(0, [receipts[i]!], { steward: steward.peer.replaceAll('.', '') })
    steward.tell({ type: 'record', record: { kind: 'verdict', record: verdict } }, 0)
  }
  /** The answer of a steward that is asked. */
  const said = (i: number): ReceivablesInput => {
    stewards[i]!.tell({ type: 'ask', from: vehicle, before: null }, 0)
    const sent = wire.splice(0).find(({ type }) => type === 'statement')
    assert(sent?.type === 'statement')
    return sent.input
  }
  for (const [first, second] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const car = new VehicleSide([], [])
    for (const i of [0, 1]) car.tell({ type: 'signed', lease: leases[i]!, receipt: receipts[i]! }, 0)
    car.tell(said(first), 0)
    assert.equal(owed(car.books).postedMicros, 19)
    const again = new VehicleSide([], [], car.books)
    for (const i of [0, 1]) {
      const paid = [0].filter((place) => car.books.lastOf(`${receipts[i]!.id}/${place}`)?.kind === 'posted')
      again.tell({ type: 'signed', lease: leases[i]!, receipt: receipts[i]!, paid }, 1)
    }
    assert.equal(owed(car.books).postedMicros, 19, 'nothing is taken back')
    again.tell(said(second), 1)
    assert.equal(owed(car.books).postedMicros, 19, 'nor paid twice')
  }
})

test('a vehicle for which leases name two owners is paid once for a shard', () => {
  const pair = new Pair(1)
  const leases = [leaseOf('v1', [0]), leaseOf('v1', [0], { serial: 1, owner: 'another owner' })]
  const receipts = leases.map((lease, i) => receiptOf(lease, [0], i))
  for (const [i, lease] of leases.entries()) {
    pair.car.tell({ type: 'signed', lease, receipt: receipts[i]! }, 0)
    pair.know({ kind: 'lease', record: lease }, { kind: 'receipt', record: receipts[i]! })
  }
  pair.know({ kind: 'verdict', record: verdictOf(0, receipts) }, { kind: 'end', record: endOf() })
  pair.deliver()
  for (const { books } of [pair.steward, pair.car]) {
    const paid = [...books.standing()].filter(({ kind }) => kind === 'posted')
    assert.equal(paid.length, 1)
  }
})

test('what rested on records that gave way to others is taken back, and the vehicle is told', () => {
  const pair = new Pair(2)
  const lease = leaseOf('v1', [0, 1])
  const receipt = receiptOf(lease, [0, 1])
  pair.car.tell({ type: 'signed', lease, receipt }, 0)
  const records: ClaimRecord[] = [
    { kind: 'lease', record: lease },
    { kind: 'receipt', record: receipt },
    { kind: 'verdict', record: verdictOf(0, [receipt]) },
    { kind: 'verdict', record: verdictOf(1, [receipt]) },
    { kind: 'end', record: endOf() },
  ]
  pair.know(...records)
  pair.deliver()
  assert.deepEqual(owed(pair.car.books), { pendingMicros: 0, postedMicros: 38 })
  const left = records.filter(({ record }) => record !== records[3]!.record)
  pair.nowMs = statementIntervalMs
  pair.steward.tell(
    { type: 'anew', records: [...left, { kind: 'verdict', record: verdictOf(1, []) }] },
    pair.nowMs,
  )
  pair.deliver()
  for (const { books } of [pair.steward, pair.car])
    assert.deepEqual(owed(books), { pendingMicros: 0, postedMicros: 19 })

  // All of it comes back.
  pair.nowMs += statementIntervalMs
  pair.steward.tell({ type: 'anew', records }, pair.nowMs)
  pair.deliver()
  for (const { books } of [pair.steward, pair.car])
    assert.deepEqual(owed(books), { pendingMicros: 0, postedMicros: 38 })
})

test('of claims that nobody made a vehicle remembers a bounded number, and all of its own', () => {
  const { receivables } = new VehicleSide([], [peerNamed('steward')])
  const lease = leaseOf('v1', [0])
  const receipt = receiptOf(lease, [0])
  receivables.handle({ type: 'signed', lease, receipt }, 0)
  const paid = (name: string) => ({ receipt: cidNamed(name), place: 0, units: 1, micros: 1, paid: true })
  const own = { receipt: receipt.id, place: 0, units: 3, micros: 19, paid: true }
  for (let page = 0; page < 40; page += 1) {
    const claims = Array.from({ length: 100 }, (_, i) => paid(`nobody's ${page} ${i}`))
    const payload: Statement = {
      ...totalsOf(sha256, []),
      ...{ vehicle, owner, currency: 'EUR', closed: false, paidMicros: 0, micros: 7 },
    }
    const { record: statement } = recordOf('statement', peerNamed('steward'), page, payload)
    receivables.handle({ type: 'statement', statement, claims: page === 39 ? [own] : claims, next: null }, 0)
  }
  const strange = receivables.differences().filter(({ oursMicros }) => oursMicros === null)
  assert(strange.length > 1_000 && strange.length < 1_100, `${strange.length} of 3,900`)
  assert(
    receivables.differences().every((one) => one.receipt !== receipt.id),
    'its own is known, and paid',
  )
})

test('stewards apart, and messages lost, repeated and out of order: in the end all books say the same', () => {
  const positions = [0, 1, 2]
  const leases = ['steward', 's2'].map((steward, i) => leaseOf('v1', positions, { steward, serial: i }))
  const other = leaseOf('v2', positions, { serial: 5 })
  const receipts = leases.map((lease, i) => receiptOf(lease, positions, i))
  const otherReceipt = receiptOf(other, positions, 9)
  const [mine, again] = receipts as [(typeof receipts)[0], (typeof receipts)[0]]
  const apart = verdictOf(2, [again], { steward: 's2', serial: 4, result: 'another' })
  const records: ClaimRecord[] = [
    ...[...receipts, otherReceipt].map((record): ClaimRecord => ({ kind: 'receipt', record })),
    ...[
      verdictOf(0, [mine, otherReceipt]),
      verdictOf(0, [again], { steward: 's2' }),
      verdictOf(1, [otherReceipt]),
      verdictOf(1, [mine], { steward: 's2', serial: 8 }),
      verdictOf(2, [otherReceipt]),
      apart,
      verdictOf(2, [mine, otherReceipt], { serial: 60, settles: [apart.id] }),
    ].map((record): ClaimRecord => ({ kind: 'verdict', record })),
    { kind: 'end', record: endOf() },
  ]
  fc.assert(
    fc.property(
      fc.shuffledSubarray(records, { minLength: records.length }),
      fc.shuffledSubarray(records, { minLength: records.length }),
      fc.infiniteStream(fc.nat(99)),
      (first, second, dice) => {
        const roll = () => dice.next().value!
        const wire: Sent[] = []
        const stewards = ['steward', 's2'].map((name) => new StewardSide(name, 3, wire))
        const car = new VehicleSide(
          wire,
          stewards.map(({ peer }) => peer),
        )
        for (const [i, lease] of leases.entries())
          car.tell({ type: 'signed', lease, receipt: receipts[i]! }, 0)
        let nowMs = 0
        const deliver = (lossy: boolean) => {
          const sent = wire.splice(lossy ? roll() % wire.length : 0, 1)[0]!
          const fate = lossy ? roll() : 99
          if (fate < 40) return // lost
          if (fate < 60) wire.push(sent) // and once more, later
          const steward = stewards.find(({ peer }) => peer === sent.to)
          if (sent.type === 'statement') car.tell(sent.input, nowMs)
          else if (sent.type === 'ask')
            steward!.tell({ type: 'ask', from: vehicle, before: sent.before }, nowMs)
          else steward!.tell({ type: 'accounted', from: vehicle }, nowMs)
        }
        for (const side of stewards) {
          side.tell({ type: 'acting', acting: true }, nowMs)
          for (const record of [...leases, other])
            side.tell({ type: 'record', record: { kind: 'lease', record } }, nowMs)
        }
        for (let i = 0; i < records.length; i += 1) {
          stewards[0]!.tell({ type: 'record', record: first[i]! }, nowMs)
          stewards[1]!.tell({ type: 'record', record: second[i]! }, nowMs)
          nowMs += roll() * 1_000
          for (let n = roll() % 3; n > 0 && wire.length > 0; n -= 1) deliver(true)
        }
        for (let round = 0; round < 3; round += 1) {
          nowMs += 3_600_000
          for (const side of stewards) side.tell({ type: 'wake' }, nowMs)
          car.tell({ type: 'wake' }, nowMs)
          while (wire.length > 0) deliver(false)
        }
        const expected = owed(stewards[0]!.books)
        assert.equal(expected.pendingMicros, 0)
        assert.deepEqual(owed(stewards[1]!.books), expected)
        assert.deepEqual(owed(car.books), expected)
        assert(car.receivables.isSettled)
        assert.deepEqual(car.receivables.differences(), [])
      },
    ),
    { numRuns: 200 },
  )
})
