/**
 * The ledger on disk: the decisions of src/protocol/ledger, in the same database as the journal. The entries that
 * follow from a record are written in its commit, or made up for from the journal after a crash.
 */
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
import { type Entry, movementsOf } from '../../protocol/ledger/entry.ts'
import { type Balance, Ledger, type LedgerInput, type LedgerState } from '../../protocol/ledger/ledger.ts'
import { sha256 } from '../sha256.ts'
import type { Database } from '../store/database.ts'
import {
  type EntryRow,
  entryOf,
  type NumberedRow,
  numberedEntry,
  partsOf,
  selectEntries,
  selectNumbered,
} from './entry-rows.ts'
import { LedgerCheck } from './ledger-check.ts'
import { Names } from './names.ts'

/** Entries read at a time. A guess. */
const entriesPage = 500

/** Begins the names of payments that a payer knows by the payee's word alone. */
export const heardPrefix = 'heard/'

const nothing: Balance = { pendingMicros: 0, postedMicros: 0 }

export class Books implements LedgerState {
  readonly #database: Database
  readonly #ledger: Ledger
  readonly #names: Names
  readonly #check: LedgerCheck

  constructor(database: Database) {
    this.#database = database
    this.#names = new Names(database)
    this.#ledger = new Ledger(sha256, this)
    this.#check = new LedgerCheck(database, this)
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
      const rows = this.#database.lists<NumberedRow>(
        `${selectNumbered} WHERE serial > ? ORDER BY serial LIMIT ${entriesPage}`,
        after,
      )
      for (const row of rows) yield numberedEntry(row, nameOf)
      if (rows.length < entriesPage) return
      after = rows.at(-1)![0]
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

  /** Reads all of it: the serial of the first entry that does not fit (ledger-check.ts), or null. */
  check(): Promise<number | null> {
    return this.#check.run()
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
