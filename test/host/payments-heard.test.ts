/** Payments as both sides hear of them from a peer that lies, or whose clock is off. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { paymentsKeptMs } from '../../src/host/ledger/earlier-payments.ts'
import { Incoming, namedPaymentsMax } from '../../src/host/ledger/incoming.ts'
import { Owed } from '../../src/host/ledger/owed.ts'
import { Payer } from '../../src/host/ledger/payer.ts'
import { PayingDesk } from '../../src/host/ledger/paying-desk.ts'
import { Payouts } from '../../src/host/ledger/payouts.ts'
import type { SettleRequest } from '../../src/host/ledger/settle-contract.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { placeOf } from '../../src/host/store/place.ts'
import type { Store } from '../../src/host/store.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { ownerAccount } from '../../src/protocol/ledger/account.ts'
import type { PaymentNotice } from '../../src/protocol/ledger/payment.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'
import { paidJob, recordOf } from '../support/paid-work.ts'
import { temporaryStore } from '../support/store.ts'

const log = pino({ enabled: false })
const [vehicle, owner, currency] = [peerNamed('v1'), ownerNamed('anna'), 'EUR']
const account = ownerAccount(owner, vehicle)
const unit = 1_000_000

/** A vehicle's node, to which payers tell what they paid. */
function vehicleOf(t: TestContext) {
  const { database, books, ledgerTables: tables } = temporaryStore(t)
  const nothing = () => {}
  const news = {
    ...{ leaseTaken: nothing, leaseKept: nothing, shardDone: nothing },
    ...{ leaseOver: nothing, verified: nothing, paid: nothing },
  }
  const incoming = new Incoming({ self: vehicle, database, books, tables, news, log })
  let statements = 0
  return {
    incoming,
    /** … this many payments of a millionth, by name. */
    fill(of: string, count: number) {
      database.run(
        `INSERT INTO ledger_incoming WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT 'fill-' || i, ?2, ?3, ?3, ?4, 'EUR', 1, 'paid', '', i, NULL FROM n`,
        ...[count, account, peerNamed(of), paidJob.job],
      )
    },
    /** `of`: the submitter, whose node has the same name here. */
    say(of: string, paidMicros: number, payments: readonly PaymentNotice[] = [], nowMs = 0, by = of) {
      const signer = peerNamed(by)
      statements += 1
      const row = { ...paidJob, submitter: peerNamed(of), stewards: [signer], sinceMs: 0, settledAtMs: null }
      const totals = { units: 0, micros: 0, receipts: 0, root: new Uint8Array(32), closed: false }
      const payload = { vehicle, owner, currency, ...totals, paidMicros }
      const { record } = recordOf('statement', signer, statements, payload)
      incoming.note(row, record, payments, nowMs + statements)
    },
    paidBy: (of: string) => books.paidTo(account, peerNamed(of), currency),
    states: () => incoming.list().map(({ settlement, state }) => `${settlement} ${state}`),
  }
}

function notice(settlement: string, micros: number, state: PaymentNotice['state'] = 'paid'): PaymentNotice {
  return { settlement, micros, state, reference: 'bank', atMs: 1 }
}

test('a payer that says it paid without bound ends nothing, and leaves room for what others pay', (t) => {
  const { say, paidBy } = vehicleOf(t)
  const all = Number.MAX_SAFE_INTEGER
  for (let i = 0; i < 3; i += 1) say('liar', all, [notice(`L-${i}`, all), notice(`M-${i}`, all)])
  for (let i = 0; i < 30; i += 1) say('slow liar', 0, [notice(`S-${i}`, 1e12)])
  say('honest', 5 * unit, [notice('H-1', 5 * unit)])
  assert.deepEqual([paidBy('liar'), paidBy('slow liar'), paidBy('honest')], [0, 1e12, 5 * unit])
})

test('a payer that names payments without end fills no disk, and what others name is taken', (t) => {
  const { incoming, say, fill, states } = vehicleOf(t)
  fill('liar', namedPaymentsMax - 1)
  say('liar', namedPaymentsMax + 2, [notice('L-1', 1), notice('L-2', 1)])
  say('liar', namedPaymentsMax + 9)
  say('honest', 5 * unit, [notice('H-1', 5 * unit)])
  assert.equal(incoming.list().length, namedPaymentsMax + 1)
  assert.ok(states().includes('L-1 paid') && states().includes('H-1 paid'))
  say('liar', namedPaymentsMax, [notice('L-1', 1, 'returned')])
  assert.ok(states().includes('L-1 returned'), 'what it named goes on')
})

test('payments of long ago become one sum by payer, and each is known still by its name', (t) => {
  const { incoming, say, paidBy, states } = vehicleOf(t)
  const old = paymentsKeptMs + 1_000
  say('payer', 3 * unit, [notice('P-1', unit), notice('P-2', unit), notice('P-3', unit)])
  say('payer', unit, [notice('P-4', unit)], 0, 'its other node')
  say('other', unit, [notice('O-1', unit)])
  incoming.mark('P-3', true, 1)
  say('payer', 4 * unit, [notice('P-5', unit)], old)
  const listed = () => states().sort()
  const sums = ['1 earlier payment paid', '2 earlier payments paid']
  assert.deepEqual(listed(), [...sums, 'O-1 paid', 'P-3 paid', 'P-5 paid'])
  assert.equal(paidBy('payer'), 5 * unit)
  // What it says again is not paid again, by its sum or by its names, on either of its nodes.
  const names = [notice('P-1', unit), notice('P-2', unit), notice('P-4', unit)]
  for (const by of ['payer', 'its other node']) say('payer', (by === 'payer' ? 4 : 1) * unit, names, old, by)
  assert.deepEqual([paidBy('payer'), incoming.list().length], [5 * unit, 5])
  // One that comes back after all is owed again, once.
  for (let i = 0; i < 2; i += 1) say('payer', 3 * unit, [notice('P-1', unit, 'returned')], old)
  assert.equal(paidBy('payer'), 4 * unit)
  say('payer', 5 * unit, [notice('P-6', 2 * unit)], old)
  assert.equal(paidBy('payer'), 6 * unit)
  say('payer', 5 * unit, [notice('P-7', unit), notice('P-8', unit)], 3 * old)
  assert.deepEqual(listed(), [
    ...['1 earlier payment paid', '3 earlier payments paid'],
    ...['O-1 paid', 'P-3 paid', 'P-7 paid', 'P-8 paid'],
  ])
})

test('a payer can neither send back what another has paid, nor pay by its name', (t) => {
  const { incoming, say, paidBy, states } = vehicleOf(t)
  say('anna’s', 5 * unit, [notice('A-1', 5 * unit)])
  incoming.mark('A-1', true, 1)
  say('liar', 5 * unit, [notice('A-1', 5 * unit, 'returned')])
  say('liar', 5 * unit, [{ ...notice('A-1', 5 * unit), reference: 'forged' }])
  assert.ok(states().includes('A-1 paid'))
  const { missingAtMs, reference } = incoming.list().find(({ settlement }) => settlement === 'A-1')!
  assert.deepEqual([paidBy('anna’s'), missingAtMs, reference], [5 * unit, 1, 'bank'])
})

test('a payment that came back is not paid again by the same name, and one that does not fit leaves the others', (t) => {
  const { say, paidBy, states } = vehicleOf(t)
  say('payer', 5 * unit, [notice('P-1', 5 * unit)])
  say('payer', 0, [notice('P-1', 5 * unit, 'returned')])
  say('payer', 5 * unit, [notice('P-1', 5 * unit), notice('P-2', 3 * unit), notice('P-3', 2 * unit)])
  assert.deepEqual([paidBy('payer'), states().sort()], [5 * unit, ['P-1 returned', 'P-2 paid', 'P-3 paid']])
})

test('what one payer says that it paid beyond its debt takes nothing from what another owes', () => {
  const owed = new Owed()
  owed.add(`submitter:${peerNamed('honest')}`, 5 * unit)
  owed.add(`submitter:${peerNamed('liar')}`, unit)
  owed.add(`outside:${peerNamed('liar')}`, -100 * unit)
  owed.add(`outside:${peerNamed('honest')}`, -2 * unit)
  assert.deepEqual(owed.sums(), { owedMicros: 3 * unit, beyondMicros: 99 * unit })
})

/** A node that pays with the submitter's key, and owes this vehicle ten units. */
function payerOf(t: TestContext, key = SigningKey.generate()) {
  const store = temporaryStore(t)
  const payer = new Payer(store.database, key.peerId, placeOf(store.directory.databasePath))
  payer.begin(1_000)
  const self = SigningKey.generate().peerId
  const desk = new PayingDesk({ database: store.database, books: store.books, payer, key, self, log })
  owe(store, key.peerId)
  const hear = (paidMicros: number) =>
    desk.hear(vehicle, { owner, currency, paidMicros, missing: [], payer: null }, 3_000)
  return { ...{ store, payer, desk, key, self, hear } }
}

function owe({ books }: Store, submitter: PeerId): void {
  const receipt = cidNamed('receipt')
  const claim = {
    ...{ ...paidJob, submitter, lease: cidNamed('lease'), receipt, place: 0, position: 0, vehicle, owner },
    ...{ units: 1, ownerMicros: 10 * unit, operatorMicros: 0 },
  }
  for (const outcome of ['pending', 'paid'] as const)
    assert.deepEqual(books.handleNow([{ type: 'claim', outcome, claim }], 1), [])
}

test('a vehicle that says it was paid without bound is owed nothing, and other payments still find room', (t) => {
  const { store, payer, key, hear } = payerOf(t)
  payer.takeOver(2_000)
  hear(Number.MAX_SAFE_INTEGER)
  hear(Number.MAX_SAFE_INTEGER)
  assert.equal(store.books.paidTo(account, key.peerId, currency, true), 10 * unit)
})

test('what a transfer holds that is with the bank is not counted once more when its vehicle says that it was paid', async (t) => {
  const { store, payer, key, hear } = payerOf(t)
  const payouts = new Payouts(store.database, store.books, payer)
  store.ledgerTables.notePaying(paidJob.job)
  const settle = (request: SettleRequest) => payouts.settle(request, 3_000)
  const wish = { thresholds: { '*': 0 }, payees: null, executionDate: '2026-01-01', alsoUnheard: true }
  const { payout } = await settle({ action: 'prepare', ...wish })
  const { settlement: of, micros } = payout!.lines[0]!
  // A backup from before the bank's answer is restored, and takes over.
  payer.takeOver(2_000)
  hear(micros)
  const paid = () => store.books.paidTo(account, key.peerId, currency, true)
  assert.equal(paid(), 0)
  const news = { of, state: 'paid', reference: 'bank', reason: '', byBank: true } as const
  await settle({ action: 'note', news: [news] })
  hear(micros)
  assert.equal(paid(), micros)
  await settle({ action: 'note', news: [{ ...news, state: 'returned' }] })
  assert.equal(paid(), 0)
})

test('who takes over from a node whose clock is ahead is not taken for the older one', (t) => {
  const far = Date.UTC(2099)
  const here = payerOf(t)
  const other = payerOf(t, here.key)
  const totals = { units: 0, micros: 0, receipts: 0, root: new Uint8Array(32), closed: false, paidMicros: 0 }
  const payload = { vehicle, owner, currency, ...totals }
  const word = (from: typeof here, nowMs: number) => ({
    ...{ owner, currency, paidMicros: 0, missing: [] },
    payer: from.desk.sign({ job: paidJob.job, steward: from.self, expiresMs: far, payload }, nowMs),
  })
  other.payer.takeOver(far)
  const said = [word(other, far), word(other, far + 1)]
  for (const one of said) here.desk.hear(vehicle, one, 3_000)
  assert.equal(here.payer.doubt()?.why, 'yielded')
  here.payer.takeOver(4_000)
  for (const one of said) here.desk.hear(vehicle, one, 5_000)
  assert.equal(here.payer.doubt(), null)
  other.desk.hear(vehicle, word(here, 5_000), far)
  assert.equal(other.payer.doubt()?.why, 'yielded')
})
