/** A ledger's entries in memory: the simulator's nodes keep these, and the tests compare the disk with them. */
import type { Sha256 } from '../../base/prng.ts'
import type { AccountId } from './account.ts'
import { type Entry, firstHash, movementsOf } from './entry.ts'
import { entryHash } from './entry-hash.ts'
import { type Balance, Ledger, type LedgerEffect, type LedgerInput, type LedgerState } from './ledger.ts'

const nothing: Balance = { pendingMicros: 0, postedMicros: 0 }

export class MemoryBooks implements LedgerState {
  readonly entries: Entry[] = []
  readonly #ledger: Ledger
  readonly #lastOf = new Map<string, Entry>()
  readonly #balances = new Map<string, Map<AccountId, Balance>>()

  constructor(sha256: Sha256) {
    this.#ledger = new Ledger(sha256, this)
  }

  /** Takes up entries that were written before, in order. */
  restore(entries: Iterable<Entry>): void {
    for (const entry of entries) this.#append(entry)
  }

  handle(input: LedgerInput, nowMs: number): LedgerEffect[] {
    const effects = this.#ledger.handle(input, nowMs)
    for (const effect of effects) if (effect.type === 'append') this.#append(effect.entry)
    return effects
  }

  last = (): Entry | undefined => this.entries.at(-1)

  lastOf = (subject: string): Entry | undefined => this.#lastOf.get(subject)

  balance = (account: AccountId, currency: string): Balance =>
    this.#balances.get(currency)?.get(account) ?? nothing

  /** The last entry about each subject. */
  standing(): Iterable<Entry> {
    return this.#lastOf.values()
  }

  #append(entry: Entry): void {
    this.entries.push(entry)
    this.#lastOf.set(entry.subject, entry)
    const balances = this.#balances.get(entry.currency) ?? new Map<AccountId, Balance>()
    this.#balances.set(entry.currency, balances)
    for (const { account, pendingMicros, postedMicros } of movementsOf(entry)) {
      const before = balances.get(account) ?? nothing
      balances.set(account, {
        pendingMicros: before.pendingMicros + pendingMicros,
        postedMicros: before.postedMicros + postedMicros,
      })
    }
  }
}

/** The serial of the first entry that does not follow from the one before it; null when all do. */
export function brokenLink(sha256: Sha256, entries: Iterable<Entry>): number | null {
  let previous = firstHash
  let serial = 0
  for (const entry of entries) {
    serial += 1
    const { hash } = entry
    const expected = entryHash(sha256, previous, entry)
    if (entry.serial !== serial || hash.some((byte, i) => byte !== expected[i])) return serial
    previous = hash
  }
  return null
}
