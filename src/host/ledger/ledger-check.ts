/** Checks a ledger on disk: each entry follows from the one before it, and the balances are their sum. */
import { setImmediate as turn } from 'node:timers/promises'
import { equals } from 'uint8arrays'
import type { AccountId } from '../../protocol/ledger/account.ts'
import { type Entry, firstHash, movementsOf } from '../../protocol/ledger/entry.ts'
import { entryHash } from '../../protocol/ledger/entry-hash.ts'
import type { Balance, LedgerState } from '../../protocol/ledger/ledger.ts'
import { sha256 } from '../sha256.ts'
import type { Database } from '../store/database.ts'

/** Entries read in one turn, so that checking a long ledger holds up nobody. A guess. */
const entriesPerTurn = 2_000

/** By currency and account. */
type AccountSums = Map<AccountId, { -readonly [Key in keyof Balance]: Balance[Key] }>
type Sums = Map<string, AccountSums>

interface Checked {
  /** SQLite's data_version: another, and somebody else has written. */
  readonly version: number
  readonly serial: number
  readonly hash: Uint8Array
  readonly sums: Sums
}

/** Entries in order, after a serial. */
type Checkable = Pick<LedgerState, 'last' | 'balance'> & {
  readonly entries: (after: number) => Iterable<Entry>
}

export class LedgerCheck {
  readonly #database: Database
  readonly #books: Checkable
  /** The part that the last check has read and found whole. */
  #checked: Checked | undefined

  constructor(database: Database, books: Checkable) {
    this.#database = database
    this.#books = books
  }

  /**
   * Reads all of it: the serial of the first entry that does not follow from those before it, or of the last, where the
   * balances are not their sum; null when everything holds. As long as nobody else writes to the database, what was read once
   * is not read again.
   */
  async run(): Promise<number | null> {
    const { version } = this.#database.get<{ version: number }>(
      'SELECT data_version AS version FROM pragma_data_version',
    )!
    const known = this.#checked?.version === version ? this.#checked : undefined
    let previous = known?.hash ?? firstHash
    let serial = known?.serial ?? 0
    const sums: Sums = known?.sums ?? new Map()
    this.#checked = undefined
    for (const entry of this.#books.entries(serial)) {
      serial += 1
      if (entry.serial !== serial || !equals(entry.hash, entryHash(sha256, previous, entry))) return serial
      previous = entry.hash
      addTo(sums, entry)
      if (serial % entriesPerTurn === 0) await turn()
    }
    // Entries that came while it read are in the balances; then the next check tells.
    const isAll = (this.#books.last()?.serial ?? 0) === serial
    if (isAll && !this.#areBalances(sums)) return serial
    this.#checked = { version, serial, hash: previous, sums }
    return null
  }

  #areBalances(sums: Sums): boolean {
    for (const [currency, accounts] of sums)
      for (const [account, { pendingMicros, postedMicros }] of accounts) {
        const balance = this.#books.balance(account, currency)
        if (balance.pendingMicros !== pendingMicros || balance.postedMicros !== postedMicros) return false
      }
    return true
  }
}

function addTo(sums: Sums, entry: Entry): void {
  const accounts: AccountSums = sums.get(entry.currency) ?? new Map()
  sums.set(entry.currency, accounts)
  for (const { account, pendingMicros, postedMicros } of movementsOf(entry)) {
    const sum = accounts.get(account)
    if (sum === undefined) accounts.set(account, { pendingMicros, postedMicros })
    else {
      sum.pendingMicros += pendingMicros
      sum.postedMicros += postedMicros
    }
  }
}
