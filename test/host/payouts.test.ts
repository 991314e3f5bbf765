/** Pay-outs from a ledger on a disk: how much, to whom, what becomes of each transfer, and that nothing leaves twice. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { Debts } from '../../src/host/ledger/debts.ts'
import { Payer } from '../../src/host/ledger/payer.ts'
import { Payouts } from '../../src/host/ledger/payouts.ts'
import type { SettleRequest, SettleView, TransferNews } from '../../src/host/ledger/settle-contract.ts'
import { Transfers } from '../../src/host/ledger/transfers.ts'
import { placeOf } from '../../src/host/store/place.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import { ownerAccount } from '../../src/protocol/ledger/account.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'
import { paidJob } from '../support/paid-work.ts'
import { temporaryDirectory } from '../support/store.ts'

const nowMs = Date.UTC(2026, 0, 31)
const cents = 10_000
type Of<Action extends SettleRequest['action']> = Omit<Extract<SettleRequest, { action: Action }>, 'action'>

interface Desk {
  readonly store: Store
  readonly payer: Payer
  readonly settle: (request: SettleRequest) => Promise<SettleView>
  readonly preview: (thresholds?: Record<string, number>) => Promise<SettleView>
  readonly prepare: (wish?: Partial<Of<'prepare'>>) => Promise<SettleView>
  readonly note: (news: Partial<TransferNews> & Pick<TransferNews, 'of' | 'state'>) => Promise<SettleView>
}

const all = { '*': 0 }

/** Two owners are owed for their vehicles, one of them for two; the operator has its share of each. */
function opened(t: TestContext, { isOwn = true } = {}): Desk {
  const store = openStore(temporaryDirectory(t))
  t.after(() => store.close())
  const debts: readonly [vehicle: string, owner: string, micros: number, share: number][] = [
    ['v1', 'anna', 3 * cents + 1, 2 * cents],
    ['v2', 'anna', cents - 2, 0],
    ['v3', 'bert', 20 * cents, 3 * cents],
  ]
  for (const [vehicle, owner, ownerMicros, operatorMicros] of debts) {
    const claim = {
      ...paidJob,
      lease: cidNamed(`lease of ${vehicle}`),
      receipt: cidNamed(`receipt of ${vehicle}`),
      place: 0,
      position: 0,
      vehicle: peerNamed(vehicle),
      owner: ownerNamed(owner),
      units: 1,
      ownerMicros,
      operatorMicros,
    }
    for (const outcome of ['pending', 'paid'] as const)
      assert.deepEqual(store.books.handleNow([{ type: 'claim', outcome, claim }], nowMs), [])
  }
  if (isOwn) store.ledgerTables.notePaying(paidJob.job)
  return deskOf(store)
}

function deskOf(store: Store): Desk {
  const payer = new Payer(store.database, paidJob.submitter, placeOf(store.directory.databasePath))
  payer.begin(nowMs)
  const payouts = new Payouts(store.database, store.books, payer)
  const settle = (request: SettleRequest) => payouts.settle(request, nowMs)
  return {
    ...{ store, payer, settle },
    preview: (thresholds = all) => settle({ action: 'preview', thresholds }),
    prepare: (wish = {}) =>
      settle({
        ...{ action: 'prepare', thresholds: all, payees: null, executionDate: '2026-02-02' },
        ...{ alsoUnheard: false, ...wish },
      }),
    note: (news) => settle({ action: 'note', news: [{ reference: '', reason: '', ...news }] }),
  }
}

/** What is owed, and how much of it can be paid, by payee. */
function owedIn({ owed }: SettleView): Record<string, [number, number]> {
  return Object.fromEntries(
    owed.map(({ payee, owedMicros, payableMicros }) => [payee, [owedMicros, payableMicros]]),
  )
}

const operator = `operator:${paidJob.fleet}`

test('owners and operators are owed what their vehicles earned, and paid in whole cents', async (t) => {
  const { preview, prepare } = opened(t)
  assert.deepEqual(owedIn(await preview()), {
    anna: [4 * cents - 1, 3 * cents],
    bert: [20 * cents, 20 * cents],
    [operator]: [5 * cents, 5 * cents],
  })
  const { payout } = await prepare()
  assert.deepEqual(
    payout!.lines.map(({ payee, micros, settlement }) => [payee, micros, settlement]),
    [
      ['anna', 3 * cents, `${payout!.name}-1`],
      ['bert', 20 * cents, `${payout!.name}-2`],
      [operator, 5 * cents, `${payout!.name}-3`],
    ],
  )
  for (const { micros, accounts } of payout!.lines)
    assert.equal(
      accounts.reduce((sum, account) => sum + account.micros, 0),
      micros,
    )
})

test('without a threshold a payee waits for a whole unit of the currency; each currency has its own', async (t) => {
  const { preview } = opened(t)
  const payable = async (thresholds: Record<string, number>) =>
    Object.values(owedIn(await preview(thresholds))).map(([, micros]) => micros / cents)
  assert.deepEqual(await payable({}), [0, 0, 0])
  assert.deepEqual(await payable({ EUR: 5 * cents }), [0, 20, 5])
  assert.deepEqual(await payable({ JPY: 0, '*': 6 * cents }), [0, 20, 0])
})

test('a pay-out holds those who were named and are owed the threshold, and nobody else', async (t) => {
  const { prepare } = opened(t)
  const few = await prepare({ thresholds: { EUR: 5 * cents }, payees: ['anna', 'bert'] })
  assert.deepEqual(
    few.payout!.lines.map(({ payee }) => payee),
    ['bert'],
  )
  await assert.rejects(prepare({ thresholds: { EUR: 6 * cents } }), /nobody is owed/)
})

test('what an open pay-out holds is not offered again, and is when it is cancelled', async (t) => {
  const { preview, prepare, note } = opened(t)
  const before = owedIn(await preview())
  const { payout } = await prepare()
  assert.deepEqual(owedIn(await preview()), { anna: [cents - 1, 0] })
  await assert.rejects(prepare(), /nobody is owed/)
  await note({ of: payout!.name, state: 'cancelled' })
  assert.deepEqual(owedIn(await preview()), before)
})

test('what was paid is owed no more, and can be neither cancelled nor paid by another name', async (t) => {
  const { preview, prepare, note } = opened(t)
  const { payout } = await prepare({ payees: ['bert'] })
  const paid = { of: payout!.name, state: 'paid', reference: 'SEPA 1' } as const
  const why = async (news: Parameters<typeof note>[0]) => (await note(news)).refused.map((one) => one.why)
  assert.match((await why({ ...paid, reference: '' }))[0]!, /--reference/)
  for (const noted of [1, 0]) {
    const view = await note(paid)
    assert.deepEqual([view.noted, view.refused, owedIn(view).bert], [noted, [], undefined])
  }
  assert.match((await why({ ...paid, reference: 'SEPA 2' }))[0]!, /was paid as 'SEPA 1' already/)
  assert.deepEqual(await why({ ...paid, reference: 'a bank’s own words', byBank: true }), [])
  assert.match((await why({ of: payout!.name, state: 'cancelled' }))[0]!, /is paid already/)
  assert.equal(owedIn(await preview()).bert, undefined)
})

test('each transfer has a life of its own: one is paid, one rejected, and one sent back, and two are owed again', async (t) => {
  const { preview, prepare, note, settle, store } = opened(t)
  const { payout } = await prepare()
  const [anna, bert, fleet] = payout!.lines.map(({ settlement }) => settlement) as [string, string, string]
  assert.equal((await note({ of: payout!.name, state: 'sent' })).noted, 3)
  await note({ of: anna, state: 'rejected', reason: 'AC04' })
  await note({ of: payout!.name, state: 'paid', reference: 'batch 7' })
  const returned = await note({ of: bert, state: 'returned', reason: 'AC06', reference: 'R1' })
  assert.deepEqual([returned.noted, returned.refused], [1, []])
  assert.deepEqual(owedIn(await preview()), {
    anna: [4 * cents - 1, 3 * cents],
    bert: [20 * cents, 20 * cents],
  })
  const shown = await settle({ action: 'show', of: bert })
  assert.deepEqual(
    shown.steps.map(({ state, reference, reason }) => [state, reference, reason]),
    [
      ['prepared', '', ''],
      ['sent', '', ''],
      ['paid', 'batch 7', ''],
      ['returned', 'R1', 'AC06'],
    ],
  )
  assert.deepEqual(
    (await settle({ action: 'show', of: payout!.name })).payout!.lines.map(({ state }) => state),
    ['rejected', 'returned', 'paid'],
  )
  assert.equal(await store.books.check(), null)
  // An answer that comes late changes nothing, and what went back goes out under another id.
  assert.deepEqual((await note({ of: fleet, state: 'sent', byBank: true })).noted, 0)
  // Files of a bank are read twice, and the month's after the day's.
  for (const earlier of [
    { of: bert, state: 'paid', reference: 'batch 7', byBank: true },
    { of: bert, state: 'sent', reference: '', byBank: true },
    { of: anna, state: 'sent', reference: '', byBank: true },
  ] as const) {
    const { noted, refused } = await note(earlier)
    assert.deepEqual([noted, refused], [0, []], JSON.stringify(earlier))
  }
  const again = await prepare()
  assert(again.payout!.lines.every(({ settlement }) => ![anna, bert, fleet].includes(settlement)))
  assert.equal((await note({ of: bert, state: 'paid', reference: 'x' })).refused.length, 1)
})

test('a bank that names another amount, or a transfer that is not known here, is not believed', async (t) => {
  const { prepare, note } = opened(t)
  const { payout } = await prepare({ payees: ['bert'] })
  const { settlement } = payout!.lines[0]!
  const other = await note({ of: settlement, state: 'paid', reference: 'x', micros: cents, byBank: true })
  assert.match(other.refused[0]!.why, /the bank names 0\.01 EUR, and .* is 0\.20 EUR/)
  const said = { of: settlement, reference: 'x', byBank: true } as const
  const abroad = await note({ ...said, state: 'paid', micros: 20 * cents, inCurrency: 'USD' })
  assert.match(abroad.refused[0]!.why, /the bank names 0\.20 USD, and .* is 0\.20 EUR/)
  for (const micros of [cents, 21 * cents])
    assert.equal((await note({ ...said, state: 'returned', micros })).refused.length, 1)
  assert.match(
    (await note({ of: 'P260131-abcdef-1234567-1', state: 'paid', reference: 'x' })).refused[0]!.why,
    /no pay-out or transfer/,
  )
})

test('no two pay-outs have one name, on any copy of the key, and a name with line and currency fits a bank', async (t) => {
  const names = new Set<string>()
  for (let round = 0; round < 8; round += 1) {
    const { prepare, note, payer } = opened(t)
    for (let i = 0; i < 4; i += 1) {
      const { payout } = await prepare()
      assert(payout!.name.includes(payer.submitter.slice(-6)) && `${payout!.name}-100000`.length <= 35)
      names.add(payout!.name)
      await note({ of: payout!.name, state: 'cancelled' })
    }
  }
  assert.equal(names.size, 32)
})

test('a data directory pays nothing for jobs that another submitted with its key, until it takes over', async (t) => {
  const { preview, prepare, settle, payer } = opened(t, { isOwn: false })
  const view = await preview()
  assert.deepEqual([view.owed, view.elsewhere], [[], 1])
  await assert.rejects(prepare(), /submitted from another.*settle --take-over/)
  const taken = await settle({ action: 'take-over' })
  assert.deepEqual([taken.owed.length, taken.owed.every(({ unheard }) => unheard)], [3, true])
  await assert.rejects(prepare(), /have not said what they were paid/)
  payer.heard(ownerAccount(ownerNamed('bert'), peerNamed('v3')), 'EUR')
  payer.heard(ownerAccount(ownerNamed('anna'), peerNamed('v1')), 'EUR')
  payer.heard(ownerAccount(ownerNamed('anna'), peerNamed('v2')), 'USD')
  const { payout } = await prepare()
  assert.deepEqual(
    payout!.lines.map(({ payee }) => payee),
    ['bert'],
    'anna has a vehicle that said nothing yet',
  )
  assert.equal((await prepare({ alsoUnheard: true })).payout!.lines.length, 2)
  await assert.rejects(settle({ action: 'take-over' }), /nothing to take over/)
})

test('a data directory that was copied, or restored, pays nothing before it has taken over', async (t) => {
  const { store, prepare } = opened(t)
  await prepare({ payees: ['bert'] })
  const copy = join(temporaryDirectory(t), 'copy')
  mkdirSync(copy)
  store.close()
  cpSync(store.directory.path, copy, { recursive: true })
  const restored = openStore(copy)
  t.after(() => restored.close())
  const desk = deskOf(restored)
  assert.match((await desk.preview()).doubt!, /copy, or was restored/)
  await assert.rejects(desk.prepare(), /is a copy, or was restored from a backup/)
  assert.equal((await desk.settle({ action: 'take-over' })).doubt, null)
  await assert.rejects(desk.prepare(), /have not said what they were paid/)
  // Moved to another name, it is the same.
  const again = deskOf(restored)
  assert.equal((await again.preview()).doubt, null)
})

test('a node whose key another one took over with pays nothing until it takes over itself', async (t) => {
  const { prepare, preview, settle, payer } = opened(t)
  assert(!payer.yield(peerNamed('other'), nowMs - 1), 'it took over before this one began')
  assert(payer.yield(peerNamed('other'), nowMs + 1))
  assert.match((await preview()).doubt!, /took over and pays/)
  await assert.rejects(prepare(), /took over and pays/)
  assert.equal((await settle({ action: 'take-over' })).doubt, null)
})

test('nothing leaves by a ledger that was changed behind the node’s back', async (t) => {
  const { store, preview, prepare } = opened(t)
  assert.equal((await preview()).damagedAt, null)
  changed(
    store,
    'DROP TRIGGER ledger_entries_never_change; UPDATE ledger_entries SET micros = micros + 1 WHERE serial = 2',
  )
  assert.equal((await preview()).damagedAt, 2)
  await assert.rejects(prepare(), /entry 2 of this node's ledger was changed/)
})

function changed(store: Store, sql: string): void {
  const database = new DatabaseSync(store.directory.databasePath)
  database.exec(sql)
  database.close()
}

for (const [what, sql] of [
  ['a transfer has another amount', 'UPDATE ledger_transfers SET micros = micros + 10000 WHERE line = 2'],
  ['a transfer is gone', 'DELETE FROM ledger_transfers WHERE line = 2'],
  ['a part has another amount', 'UPDATE ledger_transfer_parts SET micros = micros - 1 WHERE part = 0'],
] as const)
  test(`a pay-out that was changed on the disk is shown with a sentence, and not noted as paid: ${what}`, async (t) => {
    const { store, settle, prepare, note, preview } = opened(t)
    const { payout } = await prepare()
    const { name, lines } = payout!
    assert.deepEqual((await settle({ action: 'show', of: name })).refused, [])
    changed(store, sql)
    const [said] = (await settle({ action: 'show', of: lines[0]!.settlement })).refused
    assert.match(said!.why, /was changed on the disk: it was made ready with 3 transfers of 0\.28 EUR/)
    for (const one of [name, lines[0]!.settlement]) {
      const { noted, refused } = await note({ of: one, state: 'paid', reference: 'x' })
      assert.deepEqual([noted, refused], [0, [{ of: one, why: said!.why }]])
    }
    // It can be given up; then all is owed as before.
    await note({ of: name, state: 'cancelled' })
    assert.deepEqual(owedIn(await preview()).bert, [20 * cents, 20 * cents])
  })

test('of a whole pay-out a bank that names another number or sum than the pay-out has is not believed', async (t) => {
  const { prepare, note } = opened(t)
  const { payout } = await prepare()
  const { name, lines } = payout!
  const all = { of: 'all', lines: 3, micros: 28 * cents } as const
  const said = (sum: TransferNews['sum'], more = {}) =>
    note({ of: name, state: 'sent', reference: 'x', byBank: true, sum: sum!, ...more })
  for (const [sum, why] of [
    [{ ...all, lines: 2 }, /names 2 transfers of 0\.28 EUR .* there are 3 transfers of 0\.28 EUR: nothing/],
    [{ ...all, micros: 27 * cents }, /names 3 transfers of 0\.27 EUR/],
    [{ of: 'all', micros: cents }, /names 0\.01 EUR/],
  ] as const) {
    const view = await said(sum)
    assert.match(view.refused[0]!.why, why)
    assert.equal(view.noted, 0)
  }
  assert.equal((await said(all)).noted, 3)
  // One is rejected: the file had all of them, and the batch that is booked has the others.
  await note({ of: lines[1]!.settlement, state: 'rejected', reason: 'AC04' })
  assert.deepEqual((await said(all)).refused, [])
  const booked = { of: 'booked', micros: 28 * cents, inCurrency: 'EUR' } as const
  assert.match((await said(booked, { state: 'paid' })).refused[0]!.why, /neither rejected nor cancelled/)
  assert.equal((await said({ ...booked, micros: 8 * cents }, { state: 'paid' })).noted, 2)
  assert.deepEqual((await said({ ...booked, micros: 8 * cents }, { state: 'paid' })).refused, [])
  assert.deepEqual((await said({ ...booked, micros: 9, inCurrency: 'CHF' }, { state: 'paid' })).refused, [])
})

test('no pay-out is made of debts that do not come to what the ledger keeps', async (t) => {
  const { payer, store } = opened(t)
  const off = { balance: () => ({ pendingMicros: 0, postedMicros: -29 * cents }) }
  const { objection } = new Debts(store.database, off, payer, new Transfers(store.database)).list({}, false)
  assert.match(
    objection!,
    /claims of this node's ledger add up to 0\.289999 EUR, and its balance says 0\.29 EUR/,
  )
  const { objection: none } = new Debts(
    store.database,
    store.books,
    payer,
    new Transfers(store.database),
  ).list({}, false)
  assert.equal(none, null)
})
