/** Promises of the ledger on disk: what is in memory is on the disk, entries stay as they are, and an edit shows. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { Books } from '../../src/host/ledger/books.ts'

import { openStore, type Store } from '../../src/host/store.ts'
import { outsideAccount, ownerAccount, submitterAccount } from '../../src/protocol/ledger/account.ts'
import type { LedgerInput } from '../../src/protocol/ledger/ledger.ts'
import { MemoryBooks } from '../../src/protocol/ledger/memory-books.ts'
import { cidNamed, ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'
import { paidJob } from '../support/paid-work.ts'
import { temporaryFolder } from '../support/swarm.ts'

const vehicle = peerNamed('v1')
const owner = ownerNamed('owner of v1')
const owed = ownerAccount(owner, vehicle)

function claim(place: number, outcome: 'pending' | 'paid' | 'void' | 'reopened'): LedgerInput {
  return {
    type: 'claim',
    outcome,
    claim: {
      ...paidJob,
      lease: cidNamed('lease'),
      receipt: cidNamed(`receipt ${place % 3}`),
      place,
      position: place + 10,
      vehicle,
      owner,
      units: 3,
      ownerMicros: 19,
      operatorMicros: place % 2,
    },
  }
}

const history: readonly LedgerInput[] = [
  ...[0, 1, 2, 3].map((place) => claim(place, 'pending')),
  claim(1, 'paid'),
  claim(1, 'paid'),
  claim(2, 'void'),
  claim(1, 'reopened'),
  claim(1, 'paid'),
  claim(3, 'paid'),
  {
    type: 'pay',
    order: {
      name: 'june',
      currency: 'EUR',
      from: owed,
      to: outsideAccount(paidJob.submitter),
      micros: 20,
      reference: 'SEPA 1',
    },
  },
]

function openedStore(t: TestContext, folder = temporaryFolder(t)): { store: Store; folder: string } {
  const store = openStore(folder)
  t.after(() => store.close())
  return { store, folder }
}

test('the disk says what memory says: entries, chain, balances and what each claim came to', async (t) => {
  const { store } = openedStore(t)
  const memory = new MemoryBooks(sha256)
  await Promise.all(history.map((input, i) => store.books.handleSoon([input], i)))
  for (const [i, input] of history.entries()) memory.handle(input, i)
  assert.deepEqual([...store.books.entries()], memory.entries)
  for (const account of [owed, submitterAccount(paidJob.submitter), outsideAccount(paidJob.submitter)])
    assert.deepEqual({ ...store.books.balance(account, 'EUR') }, memory.balance(account, 'EUR'))
  assert.deepEqual(
    [...store.books.standingOf(paidJob.job)].map(({ kind }) => kind),
    ['pending', 'posted', 'voided', 'posted'],
  )
  assert.equal(store.books.paidTo(owed, paidJob.submitter, 'EUR'), 20)
  assert.equal(await store.books.check(), null)
})

test('a ledger goes on where it was when its node starts again, and knows what it knew', async (t) => {
  const { store, folder } = openedStore(t)
  await store.books.handleSoon(history.slice(0, 5), 1)
  store.close()
  const again = openedStore(t, folder).store
  await again.books.handleSoon(history, 1)
  const straight = openedStore(t).store
  await straight.books.handleSoon(history, 1)
  assert.deepEqual(again.books.balance(owed, 'EUR'), straight.books.balance(owed, 'EUR'))
  assert.equal(await again.books.check(), null)
})

test('a batch with one refusal writes nothing', (t) => {
  const { store } = openedStore(t)
  const refusals = store.books.handleNow([claim(0, 'paid'), history.at(-1)!], 1)
  assert.deepEqual(
    refusals.map(({ code }) => code),
    ['overdrawn'],
  )
  assert.equal(store.books.last(), undefined)
  assert.equal(store.books.balance(owed, 'EUR').postedMicros, 0)
})

test('entries can be neither changed nor deleted, and an edit behind the node’s back shows', async (t) => {
  const { store, folder } = openedStore(t)
  await store.books.handleSoon(history, 1)
  assert.throws(
    () => store.database.run('UPDATE ledger_entries SET micros = 20 WHERE serial = 2'),
    /never change/,
  )
  assert.throws(() => store.database.run('DELETE FROM ledger_entries WHERE serial = 2'), /stay/)
  const path = store.directory.databasePath
  store.close()
  const edit = (sql: string) => {
    const database = new DatabaseSync(path)
    database.exec(
      'DROP TRIGGER IF EXISTS ledger_entries_never_change; DROP TRIGGER IF EXISTS ledger_entries_stay',
    )
    database.exec(sql)
    database.close()
  }
  const checked = async () => {
    const again = openStore(folder)
    try {
      return await new Books(again.database).check()
    } finally {
      again.close()
    }
  }
  edit('UPDATE ledger_balances SET posted = posted + 1')
  assert.equal(await checked(), 11, 'balances are the sum of the entries')
  edit('UPDATE ledger_balances SET posted = posted - 1')
  assert.equal(await checked(), null)
  edit('UPDATE ledger_entries SET micros = micros + 1 WHERE serial = 5')
  assert.equal(await checked(), 5)
  edit(
    'UPDATE ledger_entries SET micros = micros - 1 WHERE serial = 5; DELETE FROM ledger_entries WHERE serial = 7',
  )
  assert.equal(await checked(), 7)
})
