/** The tables of a vehicle's leases: which shards of them it has finished, and of which leases it does no more. */
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import type { ReleaseReason } from '../../protocol/message.ts'
import type { Done } from '../../protocol/worker/contract.ts'
import type { Database } from './database.ts'

/** Rows of 150 bytes. Each costs whoever makes it a job that this vehicle has worked on. */
const pastLeasesMax = 100_000
/** A clock that is set back makes no lease young again. */
const clockStepMs = 86_400_000

type FinishedRow = Omit<Done, 'units'> & { readonly input: number | null; readonly output: number | null }

export class LeaseTables {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Within the transaction that keeps the result. */
  noteFinished(job: JobId, lease: LeaseId, { place, result, units, cpuMs, wallMs }: Done): void {
    this.#database.run(
      'INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      job,
      lease,
      place,
      result,
      cpuMs,
      wallMs,
      units?.input ?? null,
      units?.output ?? null,
    )
  }

  /** In order of their places. */
  finishedOf(job: JobId, lease: LeaseId): Done[] {
    const rows = this.#database.all<FinishedRow>(
      `SELECT place, result, cpu_ms AS cpuMs, wall_ms AS wallMs, units_in AS input, units_out AS output
       FROM finished WHERE job = ? AND lease = ? ORDER BY place`,
      job,
      lease,
    )
    return rows.map(({ input, output, ...done }) =>
      input === null || output === null ? done : { ...done, units: { input, output } },
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

  /**
   * Keeps, of a job that the vehicle forgets, the highest serial of the leases that it took, by their signers. Works on a full disk. What is
   * no longer of use at `nowMs` goes, and beyond the bound what is of use the shortest.
   */
  notePast(job: JobId, past: ReadonlyMap<PeerId, number>, untilMs: number, nowMs: number): void {
    this.#database.transactionThatFrees(() => {
      for (const [signer, serial] of past)
        this.#database.run(
          'INSERT OR REPLACE INTO past_leases VALUES (?, ?, ?, ?)',
          job,
          signer,
          serial,
          untilMs,
        )
      this.#database.run('DELETE FROM past_leases WHERE until_ms < ?', nowMs - clockStepMs)
      this.#database.run(
        `DELETE FROM past_leases WHERE (until_ms, job, signer) IN (
           SELECT until_ms, job, signer FROM past_leases ORDER BY until_ms
           LIMIT max(0, (SELECT count(*) FROM past_leases) - ?))`,
        pastLeasesMax,
      )
    })
  }

  /** Tells whether the vehicle forgot the job after it took a lease that this signer signed with this serial or a higher one. */
  isPast(job: JobId, signer: PeerId, serial: number): boolean {
    const sql = 'SELECT serial FROM past_leases WHERE job = ? AND signer = ?'
    return (this.#database.get<{ serial: number }>(sql, job, signer)?.serial ?? -1) >= serial
  }

  /** Within the transaction that forgets the job. */
  deleteJob(job: JobId): void {
    this.#database.run('DELETE FROM finished WHERE job = ?', job)
    this.#database.run('DELETE FROM over_leases WHERE job = ?', job)
  }
}
