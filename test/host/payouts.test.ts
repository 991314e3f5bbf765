/** Pay-outs from a ledger on a disk: how much, to whom, and that nothing leaves twice. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { SettleRequest, SettleView } from '../../src/host/ledger/contract.ts'
import { Payouts } from '../../src/host/ledger/payouts.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'
import { paidJob } from '../support/paid-work.ts'
import { temporaryDirectory } from '../support/store.ts'

const nowMs = Date.UTC(2026, 0, 31)
const cents = 10_000
const ask: SettleRequest = {
  action: 'preview',
  thresholdMicros: 0,
  payees: null,
  payout: null,
  reference: '',
}

interface Desk {
  readonly store: Store
  readonly settle: (request: Partial<SettleRequest>) => Promise<SettleView>
}

/** Two owners are owed for their vehicles, one of them for two; the operator has its share of each. */
function opened(t: TestContext): Desk {
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
  const payouts = new Payouts(store.database, store.books, paidJob.submitter)
  return { store, settle: (request) => payouts.settle({ ...ask, ...request }, nowMs) }
}

/** What is owed, and how much of it can be paid, by payee. */
function owedIn({ owed }: SettleView): Record<string, [number, number]> {
  return Object.fromEntries(
    owed.map(({ payee, owedMicros, payableMicros }) => [payee, [owedMicros, payableMicros]]),
  )
}

const operator = `operator:${paidJob.fleet}`

test('owners and operators are owed what their vehicles earned, and paid in whole cents', async (t) => {
  const { settle } = opened(t)
  assert.deepEqual(owedIn(await settle({})), {
    anna: [4 * cents - 1, 3 * cents],
    bert: [20 * cents, 20 * cents],
    [operator]: [5 * cents, 5 * cents],
  })
  const { payout } = await settle({ action: 'prepare' })
  assert.deepEqual(
    payout!.lines.map(({ payee, micros, settlement }) => [payee, micros, settlement]),
    [
      ['anna', 3 * cents, 'P20260131-1-1'],
      ['bert', 20 * cents, 'P20260131-1-2'],
      [operator, 5 * cents, 'P20260131-1-3'],
    ],
  )
  for (const { micros, accounts } of payout!.lines)
    assert.equal(
      accounts.reduce((sum, account) => sum + account.micros, 0),
      micros,
    )
})

test('a pay-out holds those who were named and are owed the threshold, and nobody else', async (t) => {
  const { settle } = opened(t)
  const few = await settle({ action: 'prepare', thresholdMicros: 5 * cents, payees: ['anna', 'bert'] })
  assert.deepEqual(
    few.payout!.lines.map(({ payee }) => payee),
    ['bert'],
  )
  await assert.rejects(settle({ action: 'prepare', thresholdMicros: 6 * cents }), /nobody is owed/)
})

test('what an open pay-out holds is not offered again, and is when it is cancelled', async (t) => {
  const { settle } = opened(t)
  const before = owedIn(await settle({}))
  const { payout } = await settle({ action: 'prepare' })
  assert.deepEqual(owedIn(await settle({})), { anna: [cents - 1, 0] })
  await assert.rejects(settle({ action: 'prepare' }), /nobody is owed/)
  await settle({ action: 'cancel', payout: payout!.name })
  assert.deepEqual(owedIn(await settle({})), before)
})

test('what was paid is owed no more, and can be neither cancelled nor paid by another name', async (t) => {
  const { settle } = opened(t)
  const { payout } = await settle({ action: 'prepare', payees: ['bert'] })
  const paid = { action: 'paid', payout: payout!.name, reference: 'SEPA 1' } as const
  await assert.rejects(settle({ ...paid, reference: '' }), /--reference/)
  for (const view of [await settle(paid), await settle(paid)]) assert.equal(owedIn(view).bert, undefined)
  await assert.rejects(settle({ ...paid, reference: 'SEPA 2' }), /was paid as 'SEPA 1' already/)
  await assert.rejects(settle({ action: 'cancel', payout: payout!.name }), /was paid already/)
  assert.equal(owedIn(await settle({})).bert, undefined)
})

test('nothing leaves by a ledger that was changed behind the node’s back', async (t) => {
  const { store, settle } = opened(t)
  const database = new DatabaseSync(store.directory.databasePath)
  database.exec('DROP TRIGGER ledger_entries_never_change')
  database.exec('UPDATE ledger_entries SET micros = micros + 1 WHERE serial = 2')
  database.close()
  assert.equal((await settle({})).damagedAt, 2)
  await assert.rejects(settle({ action: 'prepare' }), /entry 2 of this node's ledger was changed/)
})
