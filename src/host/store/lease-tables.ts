/** The tables of a vehicle's leases: which shards of them it has finished, and of which leases it does no more. */
import type { JobId, LeaseId } from '../../protocol/ids.ts'
import type { ReleaseReason } from '../../protocol/message.ts'
import type { Done } from '../../protocol/worker/contract.ts'
import type { Database } from './database.ts'

export class LeaseTables {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Within the transaction that keeps the result. */
  noteFinished(job: JobId, lease: LeaseId, { place, result, cpuMs, wallMs }: Done): void {
    this.#database.run(
      'INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?, ?)',
      job,
      lease,
      place,
      result,
      cpuMs,
      wallMs,
    )
  }

  /** In order of their places. */
  finishedOf(job: JobId, lease: LeaseId): Done[] {
    return this.#database.all(
      `SELECT place, result, cpu_ms AS cpuMs, wall_ms AS wallMs FROM finished
       WHERE job = ? AND lease = ? ORDER BY place`,
      job,
      lease,
    )
  }

  /** Nothing more will be done of this lease; the rest was given back for this reason, if there was one. */
  async endSoon(job: JobId, lease: LeaseId, released: ReleaseReason | null): Promise<void> {
    await this.#database.soon(() =>
      this.#database.run('INSERT OR REPLACE INTO over_leases VALUES (?, ?, ?)', job, lease, released),
    )
  }

  /** Why each lease of a job that is over was released. */
  over(job: JobId): Map<LeaseId, ReleaseReason | null> {
    const rows = this.#database.all<{ lease: LeaseId; released: ReleaseReason | null }>(
      'SELECT lease, released FROM over_leases WHERE job = ?',
      job,
    )
    return new Map(rows.map(({ lease, released }) => [lease, released]))
  }

  /** Within the transaction that forgets the job. */
  deleteJob(job: JobId): void {
    this.#database.run('DELETE FROM finished WHERE job = ?', job)
    this.#database.run('DELETE FROM over_leases WHERE job = ?', job)
  }
}
