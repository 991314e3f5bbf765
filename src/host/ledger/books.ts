/**
 * The ledger on disk: the decisions of src/protocol/ledger, in the same database as the journal. The entries that
 * follow from a record are written in its commit, or made up for from the journal after a crash.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { equals } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Refusal } from '../../protocol/errors.ts'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import {
  type AccountId,
  operatorAccount,
  outsideAccount,
  ownerAccount,
  submitterAccount,
} from '../../protocol/ledger/account.ts'
import { type Entry, firstHash, movementsOf } from '../../protocol/ledger/entry.ts'
import { entryHash } from '../../protocol/ledger/entry-hash.ts'
import { type Balance, Ledger, type LedgerInput, type LedgerState } from '../../protocol/ledger/ledger.ts'
import { sha256 } from '../sha256.ts'
import type { Database } from '../store/database.ts'
import { type EntryRow, entryOf, namedRow, partsOf, selectEntries, selectNumbered } from './entry-rows.ts'
import { Names } from './names.ts'

/** Entries read at a time, so that checking a long ledger holds up nobody. A guess. */
const entriesPage = 2_000

/** Begins the names of payments that a payer knows by the payee's word alone. */
export const heardPrefix = 'heard/'

const nothing: Balance = { pendingMicros: 0, postedMicros: 0 }

interface Checked {
  /** SQLite's data_version: another, and somebody else has written. */
  readonly version: number
  readonly serial: number
  readonly hash: Uint8Array
  readonly sums: Map<string, Balance>
}

export class Books implements LedgerState {
  readonly #database: Database
  readonly #ledger: Ledger
  readonly #names: Names
  /** The part that the last check has read and found whole. */
  #checked: Checked | undefined

  constructor(database: Database) {
    this.#database = database
    this.#names = new Names(database)
    this.#ledger = new Ledger(sha256, this)
  }

  /**
   * Writes what follows from these, in order, with one fsync for all that this turn of the event loop brings. Durable
   * when it resolves; returns the refusals.
   */
  async handleSoon(inputs: readonly LedgerInput[], nowMs: number): Promise<Refusal[]> {
    if (inputs.length === 0) return []
    this.#names.add(inputs.flatMap(namesIn))
    return this.#database.soon(() => this.#handle(inputs, nowMs))
  }

  /** All of these or none, durable when it returns. Returns the refusal, if any; then nothing is written. */
  handleNow(inputs: readonly LedgerInput[], nowMs: number): Refusal[] {
    this.#database.flush()
    this.#names.add(inputs.flatMap(namesIn))
    let refusals: Refusal[] = []
    try {
      this.#database.transaction(() => {
        refusals = this.#handle(inputs, nowMs)
        if (refusals.length > 0) throw new Refused()
      })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
    }
    return refusals
  }

  last(): Pick<Entry, 'serial' | 'hash'> | undefined {
    const row = this.#database.get<{ serial: number; hash: Uint8Array }>(
      'SELECT serial, hash FROM ledger_entries ORDER BY serial DESC LIMIT 1',
    )
    return row && { serial: row.serial, hash: new Uint8Array(row.hash) }
  }

  lastOf(subject: string): Entry | undefined {
    const { about, place } = partsOf(subject)
    const row = this.#database.get<EntryRow>(
      `${selectEntries} WHERE about = ? AND place IS ? ORDER BY serial DESC LIMIT 1`,
      about,
      place,
    )
    return row && entryOf(row)
  }

  balance(account: AccountId, currency: string): Balance {
    const row = this.#database.get<Balance>(
      `SELECT pending AS pendingMicros, posted AS postedMicros FROM ledger_balances
       WHERE currency = (SELECT number FROM ledger_names WHERE name = ?)
       AND account = (SELECT number FROM ledger_names WHERE name = ?)`,
      currency,
      account,
    )
    return row ?? nothing
  }

  /** In order. */
  *entries(after = 0): Generator<Entry> {
    const nameOf = this.#names.reader()
    for (;;) {
      const rows = this.#database.all<EntryRow>(
        `${selectNumbered} WHERE serial > ? ORDER BY serial LIMIT ${entriesPage}`,
        after,
      )
      for (const row of rows) yield entryOf(namedRow(row, nameOf))
      if (rows.length < entriesPage) return
      after = rows.at(-1)!.serial
    }
  }

  /** Those of this time and later, in order. */
  *since(atMs: number): Generator<Entry> {
    let after = 0
    for (;;) {
      // Where a clock was set back, an entry is older than the one before it: the times are in no order to go by.
      const rows = this.#database.all<EntryRow>(
        `${selectEntries} WHERE serial > ? AND at_ms >= ? ORDER BY serial LIMIT ${entriesPage}`,
        after,
        atMs,
      )
      for (const row of rows) yield entryOf(row)
      if (rows.length < entriesPage) return
      after = rows.at(-1)!.serial
    }
  }

  /** The last entry about each claim of this job, of this vehicle or of all. */
  *standingOf(job: JobId, vehicle: PeerId | null = null): Generator<Entry> {
    const last = new Map<string, Entry>()
    const rows = this.#database.all<EntryRow>(
      `${selectEntries} WHERE job = (SELECT number FROM ledger_names WHERE name = ?1)
       AND (?2 IS NULL OR vehicle = (SELECT number FROM ledger_names WHERE name = ?2)) ORDER BY serial`,
      job,
      vehicle,
    )
    for (const row of rows) {
      const entry = entryOf(row)
      last.set(entry.subject, entry)
    }
    yield* last.values()
  }

  /** The jobs with entries whose names begin so. */
  jobs(prefix: string): JobId[] {
    return this.#database
      .all<{ name: JobId }>(
        `SELECT name FROM ledger_names WHERE substr(name, 1, length(?1)) = ?1
         AND EXISTS (SELECT 1 FROM ledger_entries WHERE job = number) ORDER BY name`,
        prefix,
      )
      .map(({ name }) => name)
  }

  /**
   * Returns the sum that this payer has noted as paid to this payee. Payments that a payer knows by the payee's word alone
   * (`heardPrefix`) are left out unless they are asked for: another node made them.
   */
  paidTo(account: AccountId, payer: PeerId, currency: string, alsoHeard = false): number {
    return this.#database.get<{ micros: number }>(
      `SELECT coalesce(sum(CASE kind WHEN 'paid' THEN micros ELSE -micros END), 0) AS micros FROM ledger_entries
       WHERE job IS NULL AND currency = (SELECT number FROM ledger_names WHERE name = ?)
       AND debit = (SELECT number FROM ledger_names WHERE name = ?)
       AND credit = (SELECT number FROM ledger_names WHERE name = ?)
       AND (? OR about NOT LIKE '${heardPrefix}%')`,
      currency,
      account,
      outsideAccount(payer),
      Number(alsoHeard),
    )!.micros
  }

  /** Returns all that this vehicle's verified work for this submitter has ever come to, on this account. */
  earnedFrom(account: AccountId, vehicle: PeerId, submitter: PeerId, currency: string): number {
    return this.#database.get<{ micros: number }>(
      `SELECT coalesce(sum(CASE kind WHEN 'posted' THEN micros ELSE -micros END), 0) AS micros FROM ledger_entries
       WHERE kind IN ('posted', 'reversed') AND currency = (SELECT number FROM ledger_names WHERE name = ?)
       AND vehicle = (SELECT number FROM ledger_names WHERE name = ?)
       AND credit = (SELECT number FROM ledger_names WHERE name = ?)
       AND debit = (SELECT number FROM ledger_names WHERE name = ?)`,
      ...[currency, vehicle, account, submitterAccount(submitter)],
    )!.micros
  }

  /**
   * Reads all of it: the serial of the first entry that does not follow from those before it, or of the last, where the
   * balances are not their sum; null when everything holds. As long as nobody else writes to the database, what was read once
   * is not read again.
   */
  async check(): Promise<number | null> {
    const { version } = this.#database.get<{ version: number }>(
      'SELECT data_version AS version FROM pragma_data_version',
    )!
    const known = this.#checked?.version === version ? this.#checked : undefined
    let previous = known?.hash ?? firstHash
    let serial = known?.serial ?? 0
    const sums = known?.sums ?? new Map<string, Balance>()
    this.#checked = undefined
    for (const { hash, ...body } of this.entries(serial)) {
      serial += 1
      if (body.serial !== serial || !equals(hash, entryHash(sha256, previous, body))) return serial
      previous = hash
      for (const { account, pendingMicros, postedMicros } of movementsOf(body)) {
        const key = `${body.currency}/${account}`
        const sum = sums.get(key) ?? nothing
        sums.set(key, {
          pendingMicros: sum.pendingMicros + pendingMicros,
          postedMicros: sum.postedMicros + postedMicros,
        })
      }
      if (serial % entriesPage === 0) await turn()
    }
    // Entries that came while it read are in the balances; then the next check tells.
    const checked = { version, serial, hash: previous, sums }
    if ((this.last()?.serial ?? 0) !== serial) {
      this.#checked = checked
      return null
    }
    const isSum = [...sums].every(([key, sum]) => {
      const slash = key.indexOf('/')
      const balance = this.balance(key.slice(slash + 1), key.slice(0, slash))
      return balance.pendingMicros === sum.pendingMicros && balance.postedMicros === sum.postedMicros
    })
    if (!isSum) return serial
    this.#checked = checked
    return null
  }

  #handle(inputs: readonly LedgerInput[], nowMs: number): Refusal[] {
    const refusals: Refusal[] = []
    for (const input of inputs)
      for (const effect of this.#ledger.handle(input, nowMs))
        if (effect.type === 'append') this.#append(effect.entry)
        else refusals.push(effect.refusal)
    return refusals
  }

  #append(entry: Entry): void {
    const { serial, atMs, kind, subject, generation, currency, debit, credits, claim, memo, hash } = entry
    const { about, place } = partsOf(subject)
    const [credit, share] = credits
    assert(credit !== undefined && credits.length <= 2, 'an entry has one payee, and an operator at most')
    this.#database.run(
      `INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      serial,
      atMs,
      kind,
      about,
      place,
      generation,
      this.#names.numberOf(currency),
      this.#names.numberOf(debit),
      this.#names.numberOf(credit.account),
      credit.micros,
      share === undefined ? null : this.#names.numberOf(share.account),
      share?.micros ?? null,
      claim === null ? null : this.#names.numberOf(claim.job),
      claim?.position ?? null,
      claim === null ? null : this.#names.numberOf(claim.vehicle),
      claim === null ? null : this.#names.numberOf(claim.owner),
      claim?.units ?? null,
      memo,
      hash,
    )
    for (const { account, pendingMicros, postedMicros } of movementsOf(entry))
      this.#database.run(
        `INSERT INTO ledger_balances VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET pending = pending + ?3, posted = posted + ?4`,
        this.#names.numberOf(currency),
        this.#names.numberOf(account),
        pendingMicros,
        postedMicros,
      )
  }
}

class Refused extends Error {}

function namesIn(input: LedgerInput): string[] {
  if (input.type === 'pay') {
    const { currency, from, to } = input.order
    return [currency, from, to]
  }
  if (input.type === 'take-back') return []
  const { job, submitter, fleet, vehicle, owner, currency, operatorMicros } = input.claim
  const names = [job, vehicle, owner, currency, submitterAccount(submitter), ownerAccount(owner, vehicle)]
  return operatorMicros > 0 ? [...names, operatorAccount(fleet)] : names
}
