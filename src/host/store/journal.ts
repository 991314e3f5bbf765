/**
 * The journal: the records that this node signed or relies on, written before anything that depends on them is sent.
 *
 * A steward's state is a function of a set of signed records that hardly ever shrinks, so the journal is that set, in order of
 * arrival: append and read back. Appending twice changes nothing, which makes replay and gossip the same act.
 * Beside it lie the few things that are not records: this node's part in each job (small JSON, rewritten at
 * will), and counters that never repeat.
 */
import { assert } from '../../base/assert.ts'
import type { JobId, RecordId } from '../../protocol/ids.ts'
import type { RecordKind } from '../../protocol/records.ts'
import type { Database } from './database.ts'
import { LeaseTables } from './lease-tables.ts'
import { MemberTables } from './member-tables.ts'
import { StewardRows } from './steward-rows.ts'
import { WillingTable } from './willing-table.ts'

export interface JournalRecord {
  readonly id: RecordId
  /** Null for a record that concerns no job. */
  readonly job: JobId | null
  readonly kind: RecordKind
  readonly body: Uint8Array
  readonly signature: Uint8Array
  /** Bytes that travel with the record but are not signed, such as a receipt's opening. */
  readonly extra: Uint8Array | null
}

export interface JobRow {
  readonly job: JobId
  /** A node may be steward and worker of different jobs, and submitter and steward of one. */
  readonly role: string
  /** Anything that JSON carries. */
  readonly state: unknown
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

/** Numbers reserved at a time: one commit for 64 adverts; a kill -9 skips at most 63 numbers of 2^53. A guess. */
const serialsReserved = 64
/** Rows read at a time, so that a job with a million records never lies in memory twice: a guess. */
const recordsPage = 256

export class Journal {
  /** The facts about a vehicle's leases beside their records. */
  readonly leases: LeaseTables
  /** The tables of members that this node keeps out, or lets in. */
  readonly members: MemberTables
  /** Looks up the jobs that this node looks after. */
  readonly stewardRows: StewardRows
  /** The invitations to stand by to which this node said yes. */
  readonly willing: WillingTable
  readonly #database: Database
  readonly #serials = new Map<string, { next: number; end: number }>()

  constructor(database: Database) {
    this.#database = database
    this.leases = new LeaseTables(database)
    this.members = new MemberTables(database)
    this.stewardRows = new StewardRows(database)
    this.willing = new WillingTable(database)
  }

  /** Appends in order, all or nothing, durable when it returns. The answer is how many were new. */
  append(records: readonly JournalRecord[]): number {
    if (!this.#database.isInTransaction) this.#database.flush()
    return this.#database.transaction(() => {
      let added = 0
      for (const record of records) added += this.#insert(record)
      return added
    })
  }

  /** Appends with one fsync for all that this turn of the event loop brings. False when it was there already. */
  async appendSoon(record: JournalRecord): Promise<boolean> {
    return this.#database.soon(() => this.#insert(record) === 1)
  }

  has(id: RecordId): boolean {
    return this.#database.get('SELECT 1 FROM records WHERE id = ?', id) !== undefined
  }

  get(id: RecordId): JournalRecord | undefined {
    const row = this.#database.get<RecordRow>(`SELECT ${recordColumns} FROM records WHERE id = ?`, id)
    return row && recordOf(row)
  }

  /** In order of appending. */
  *ofJob(job: JobId | null): Generator<JournalRecord, void, undefined> {
    let after = 0
    while (true) {
      const page = this.#database.all<RecordRow>(
        `SELECT ${recordColumns} FROM records WHERE job = ? AND serial > ? ORDER BY serial LIMIT ${recordsPage}`,
        job ?? '',
        after,
      )
      for (const row of page) yield recordOf(row)
      if (page.length < recordsPage) return
      after = page.at(-1)!.serial
    }
  }

  /** Sets what travels with a record. False when there is no such record. */
  setExtra(id: RecordId, extra: Uint8Array | null): boolean {
    return this.#database.transaction(
      () => this.#database.run('UPDATE records SET extra = ? WHERE id = ?', extra, id) === 1,
    )
  }

  /** Forgets these records, as `appendSoon` appends. */
  async deleteRecordsSoon(ids: readonly RecordId[]): Promise<void> {
    await this.#database.soon(() => {
      for (const id of ids) this.#database.run('DELETE FROM records WHERE id = ?', id)
    })
  }

  /** As `setExtra`, in the commit of this turn of the event loop. */
  async setExtraSoon(id: RecordId, extra: Uint8Array): Promise<void> {
    await this.#database.soon(() =>
      this.#database.run('UPDATE records SET extra = ? WHERE id = ?', extra, id),
    )
  }

  /** Tells whether it has records of the kind in the job. */
  hasKind(job: JobId, kind: RecordKind): boolean {
    const sql = 'SELECT 1 AS one FROM records WHERE job = ? AND kind = ? LIMIT 1'
    return this.#database.get<{ one: number }>(sql, job, kind) !== undefined
  }

  /** The records of the kind in the job, in order of appending. */
  ofKind(job: JobId, kind: RecordKind): JournalRecord[] {
    const sql = `SELECT ${recordColumns} FROM records WHERE job = ? AND kind = ? ORDER BY serial`
    return this.#database.all<RecordRow>(sql, job, kind).map(recordOf)
  }

  /** Forgets a job's records and this node's parts in it. Works on a full disk. */
  deleteJob(job: JobId): void {
    this.#database.transactionThatFrees(() => {
      this.#database.run('DELETE FROM records WHERE job = ?', job)
      this.#database.run('DELETE FROM jobs WHERE job = ?', job)
      this.leases.deleteJob(job)
    })
  }

  /**
   * The next number of this name, from 1. Never repeats, not even after kill -9 or a power loss; may skip.
   * Reserving is durable before the first number of a block is handed out, hence never within a transaction,
   * whose rollback would hand them out twice.
   */
  nextSerial(name: string): number {
    const serials = this.#serials.get(name)
    if (serials !== undefined && serials.next < serials.end) {
      serials.next += 1
      return serials.next - 1
    }
    assert(!this.#database.isInTransaction, 'serials are reserved outside of transactions')
    const end = this.#database.transaction(
      () =>
        this.#database.get<{ reserved: number }>(
          `INSERT INTO counters VALUES (?, ${1 + serialsReserved})
           ON CONFLICT DO UPDATE SET reserved = reserved + ${serialsReserved} RETURNING reserved`,
          name,
        )!.reserved,
    )
    const first = end - serialsReserved
    this.#serials.set(name, { next: first + 1, end })
    return first
  }

  /** The first serial that this node has not used in a job that it left; 0 where it left none of this id. */
  leftAt(job: JobId): number {
    return (
      this.#database.get<{ serial: number }>('SELECT serial FROM left_jobs WHERE job = ?', job)?.serial ?? 0
    )
  }

  /** Works on a full disk: who leaves a job frees what it kept of it. */
  noteLeft(job: JobId, serial: number, atMs: number): void {
    this.#database.transactionThatFrees(() =>
      this.#database.run('INSERT OR REPLACE INTO left_jobs VALUES (?, ?, ?)', job, serial, atMs),
    )
  }

  forgetLeft(beforeMs: number): void {
    this.#database.transactionThatFrees(() =>
      this.#database.run('DELETE FROM left_jobs WHERE at_ms < ?', beforeMs),
    )
  }

  putJob(row: JobRow): void {
    this.#database.transaction(() => this.#putJob(row))
  }

  /** As `putJob`, in the commit of this turn of the event loop. */
  async putJobSoon(row: JobRow): Promise<void> {
    await this.#database.soon(() => this.#putJob(row))
  }

  getJob(job: JobId, role: string): JobRow | undefined {
    const row = this.#database.get<StoredJob>('SELECT * FROM jobs WHERE job = ? AND role = ?', job, role)
    return row && jobOf(row)
  }

  /** Oldest first. */
  listJobs(role?: string): JobRow[] {
    return this.#database
      .all<StoredJob>(
        'SELECT * FROM jobs WHERE ?1 IS NULL OR role = ?1 ORDER BY created_at_ms, job, role',
        role ?? null,
      )
      .map(jobOf)
  }

  /** This node's parts in a job, by their roles. */
  rolesIn(job: JobId): string[] {
    return this.#database
      .all<{ role: string }>('SELECT role FROM jobs WHERE job = ? ORDER BY role', job)
      .map(({ role }) => role)
  }

  /** Forgets one part in a job, and keeps its records. */
  deleteJobRow(job: JobId, role: string): void {
    this.#database.transactionThatFrees(() =>
      this.#database.run('DELETE FROM jobs WHERE job = ? AND role = ?', job, role),
    )
  }

  /** A small local fact that is nobody's record, such as the highest revocation list seen. */
  getSetting(name: string): string | undefined {
    return this.#database.get<{ value: string }>('SELECT value FROM settings WHERE name = ?', name)?.value
  }

  putSetting(name: string, value: string): void {
    this.#database.transaction(() =>
      this.#database.run('INSERT OR REPLACE INTO settings VALUES (?, ?)', name, value),
    )
  }

  #putJob({ job, role, state, createdAtMs, endedAtMs }: JobRow): void {
    this.#database.run(
      'INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?)',
      job,
      role,
      JSON.stringify(state),
      createdAtMs,
      endedAtMs,
    )
  }

  #insert({ id, job, kind, body, signature, extra }: JournalRecord): number {
    return this.#database.run(
      `INSERT INTO records (id, job, kind, body, signature, extra) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
      id,
      job ?? '',
      kind,
      body,
      signature,
      extra,
    )
  }
}

interface RecordRow {
  readonly serial: number
  readonly id: RecordId
  readonly job: JobId | ''
  readonly kind: RecordKind
  readonly body: Uint8Array
  readonly signature: Uint8Array
  readonly extra: Uint8Array | null
}

const recordColumns = 'serial, id, job, kind, body, signature, extra'

function recordOf({ id, job, kind, body, signature, extra }: RecordRow): JournalRecord {
  return { id, job: job === '' ? null : job, kind, body, signature, extra }
}

interface StoredJob {
  readonly job: JobId
  readonly role: string
  readonly state: string
  readonly created_at_ms: number
  readonly ended_at_ms: number | null
}

function jobOf(row: StoredJob): JobRow {
  return {
    job: row.job,
    role: row.role,
    state: JSON.parse(row.state),
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
  }
}
