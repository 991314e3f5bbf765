/** The tables beside the entries: statements, the signed records that a vehicle's money rests on, and its jobs. */
import type { JobId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { PaidJob } from '../../protocol/ledger/claims.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { RecordKind } from '../../protocol/records.ts'
import type { Database } from '../store/database.ts'
import type { JournalRecord } from '../store/journal.ts'

export interface StatementRow extends SignedRecord {
  readonly job: JobId
  readonly steward: PeerId
  readonly vehicle: PeerId
  readonly owner: OwnerId
  readonly id: RecordId
  /** True when the vehicle's own receipts come to the same; null: not heard yet. */
  readonly agreed: boolean | null
}

/** A job for which this node's vehicle works for money. */
export interface WorkedJob extends PaidJob {
  readonly stewards: readonly PeerId[]
  readonly sinceMs: number
  readonly settledAtMs: number | null
}

/** A job for which a vehicle has worked. */
interface WorkedFor {
  readonly job: JobId
  readonly currency: string
}

export class LedgerTables {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async putStatementSoon(row: StatementRow): Promise<void> {
    await this.#database.soon(() => this.#putStatement(row))
  }

  putStatement(row: StatementRow): void {
    this.#database.transaction(() => this.#putStatement(row))
  }

  #putStatement({ job, steward, vehicle, owner, id, body, signature, agreed }: StatementRow): void {
    this.#database.run(
      'INSERT OR REPLACE INTO ledger_statements VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      job,
      steward,
      vehicle,
      owner,
      id,
      body,
      signature,
      agreed === null ? null : Number(agreed),
    )
  }

  /** The vehicle has answered this very statement. */
  async noteAnswerSoon(id: RecordId, agreed: boolean): Promise<void> {
    await this.#database.soon(() =>
      this.#database.run('UPDATE ledger_statements SET agreed = ? WHERE id = ?', Number(agreed), id),
    )
  }

  /** Returns the statements of a job, or of all jobs. */
  statements(job: JobId | null = null): StatementRow[] {
    return this.#database
      .all<Omit<StatementRow, 'agreed'> & { readonly agreed: number | null }>(
        'SELECT * FROM ledger_statements WHERE ?1 IS NULL OR job = ?1 ORDER BY job, steward, vehicle, owner',
        job,
      )
      .map((row) => ({ ...row, agreed: row.agreed === null ? null : row.agreed === 1 }))
  }

  /** Returns the jobs for which this steward has stated a vehicle's account. */
  statedJobs(vehicle: PeerId, steward: PeerId): JobId[] {
    return this.#database
      .all<{ job: JobId }>(
        'SELECT DISTINCT job FROM ledger_statements WHERE vehicle = ? AND steward = ? ORDER BY job',
        vehicle,
        steward,
      )
      .map(({ job }) => job)
  }

  /** … and of those the jobs whose last statement it has not answered. */
  unansweredJobs(vehicle: PeerId, steward: PeerId): JobId[] {
    return this.#database
      .all<{ job: JobId }>(
        'SELECT DISTINCT job FROM ledger_statements WHERE vehicle = ? AND steward = ? AND agreed IS NULL ORDER BY job',
        vehicle,
        steward,
      )
      .map(({ job }) => job)
  }

  statement(
    job: JobId,
    steward: PeerId,
    vehicle: PeerId,
    owner: OwnerId,
  ): Pick<StatementRow, 'id' | 'body' | 'signature'> | undefined {
    return this.#database.get(
      `SELECT id, body, signature FROM ledger_statements
       WHERE job = ? AND steward = ? AND vehicle = ? AND owner = ?`,
      job,
      steward,
      vehicle,
      owner,
    )
  }

  async putRecordSoon({ id, job, kind, body, signature, extra }: JournalRecord): Promise<void> {
    await this.#database.soon(() =>
      this.#database.run(
        `INSERT INTO ledger_records (id, job, kind, body, signature, extra) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO NOTHING`,
        id,
        job ?? '',
        kind,
        body,
        signature,
        extra,
      ),
    )
  }

  /** In the order in which they came. */
  records(job: JobId, kind: RecordKind): (SignedRecord & { readonly id: RecordId })[] {
    return this.#database.all(
      'SELECT id, body, signature FROM ledger_records WHERE job = ? AND kind = ? ORDER BY serial',
      job,
      kind,
    )
  }

  record(id: RecordId): SignedRecord | undefined {
    return this.#database.get('SELECT body, signature FROM ledger_records WHERE id = ?', id)
  }

  /** This data directory submits the job, and will pay for it. */
  notePaying(job: JobId): void {
    this.#database.run('INSERT OR IGNORE INTO ledger_paying VALUES (?, NULL)', job)
  }

  /** Returns the jobs for which these vehicles are known to have worked, the newest first, each with its currency: all in one walk over the ledger. */
  workedJobs(vehicles: ReadonlySet<PeerId>): Map<PeerId, WorkedFor[]> {
    const nameOf = (column: string) => `(SELECT name FROM ledger_names WHERE number = ${column})`
    const rows = this.#database.all<WorkedFor & { vehicle: PeerId }>(
      `SELECT ${nameOf('vehicle')} AS vehicle, ${nameOf('job')} AS job, ${nameOf('currency')} AS currency FROM (
         SELECT vehicle, job, currency, max(serial) AS last FROM ledger_entries
         WHERE vehicle IN (SELECT number FROM ledger_names WHERE name IN (SELECT value FROM json_each(?)))
         AND job IS NOT NULL GROUP BY vehicle, job, currency) ORDER BY last DESC`,
      JSON.stringify([...vehicles]),
    )
    return Map.groupBy(rows, ({ vehicle }) => vehicle)
  }

  async putJobSoon({ job, submitter, fleet, currency, stewards, sinceMs }: WorkedJob): Promise<void> {
    await this.#database.soon(() =>
      this.#database.run(
        `INSERT INTO ledger_jobs VALUES (?, ?, ?, ?, ?, ?, NULL)
         ON CONFLICT DO UPDATE SET stewards = excluded.stewards, settled_at_ms = NULL`,
        job,
        submitter,
        fleet,
        currency,
        JSON.stringify(stewards),
        sinceMs,
      ),
    )
  }

  /** Forgets a job for which the vehicle has signed nothing. */
  async deleteJobSoon(job: JobId): Promise<void> {
    await this.#database.soon(() => {
      this.#database.run('DELETE FROM ledger_records WHERE job = ?', job)
      this.#database.run('DELETE FROM ledger_jobs WHERE job = ?', job)
    })
  }

  async noteSettledSoon(job: JobId, atMs: number): Promise<void> {
    await this.#database.soon(() =>
      this.#database.run('UPDATE ledger_jobs SET settled_at_ms = ? WHERE job = ?', atMs, job),
    )
  }

  job(job: JobId): WorkedJob | undefined {
    const row = this.#database.get<JobRow>('SELECT * FROM ledger_jobs WHERE job = ?', job)
    return row && jobOf(row)
  }

  /** Oldest first. */
  jobs(): WorkedJob[] {
    return this.#database.all<JobRow>('SELECT * FROM ledger_jobs ORDER BY since_ms, job').map(jobOf)
  }
}

function jobOf({ stewards, since_ms, settled_at_ms, ...row }: JobRow): WorkedJob {
  return { ...row, stewards: JSON.parse(stewards), sinceMs: since_ms, settledAtMs: settled_at_ms }
}

interface JobRow extends PaidJob {
  readonly stewards: string
  readonly since_ms: number
  readonly settled_at_ms: number | null
}
