/**
 * Looks up the jobs that this node looks after, as steward, by indexes of the database: strangers decide how many rows there are,
 * and how often each of these questions is asked. Rows of versions that did not note the submitter are given it once.
 */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { Database } from './database.ts'

/** Jobs of others that have not ended. `shards`: of all of them together. */
export interface StandingByCount {
  readonly jobs: number
  readonly shards: number
}

/** The conditions are written as those of the indexes (schema.ts), which SQLite takes only then; it refuses an `INDEXED BY` that it cannot take. */
const isStewards = "role = 'steward'"
const isOfOthers = "json_extract(state, '$.requestDigest') = ''"
const submitter = "json_extract(state, '$.submitter')"

export class StewardRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  standingBy(): StandingByCount {
    return this.#database.get<StandingByCount>(
      `SELECT count(*) AS jobs, coalesce(sum(json_extract(state, '$.shards')), 0) AS shards
       FROM jobs INDEXED BY jobs_by_request
       WHERE ${isStewards} AND ended_at_ms IS NULL AND ${isOfOthers}`,
    )!
  }

  /** The jobs of others that have not ended, the oldest first. */
  runningOfOthers(): JobId[] {
    return this.#jobs(
      `SELECT job FROM jobs INDEXED BY jobs_by_request
       WHERE ${isStewards} AND ended_at_ms IS NULL AND ${isOfOthers} ORDER BY created_at_ms`,
    )
  }

  endedBefore(ms: number): JobId[] {
    return this.#jobs(`SELECT job FROM jobs WHERE ${isStewards} AND ended_at_ms < ? ORDER BY ended_at_ms`, ms)
  }

  /** Those jobs of others that ended first, but for the `kept` that ended last. */
  endedOfOthersBut(kept: number): JobId[] {
    return this.#jobs(
      `SELECT job FROM jobs INDEXED BY jobs_by_request
       WHERE ${isStewards} AND ended_at_ms >= 0 AND ${isOfOthers}
       ORDER BY ended_at_ms DESC LIMIT -1 OFFSET ?`,
      kept,
    )
  }

  /** The jobs that this key submitted, among the rows that name their submitter. */
  submittedBy(peer: PeerId): JobId[] {
    return this.#jobs(
      `SELECT job FROM jobs WHERE ${isStewards} AND ${submitter} = ? ORDER BY created_at_ms`,
      peer,
    )
  }

  /** Some of the rows that do not name their submitter. */
  unattributed(countMax: number): JobId[] {
    return this.#jobs(`SELECT job FROM jobs WHERE ${isStewards} AND ${submitter} IS NULL LIMIT ?`, countMax)
  }

  /** Notes who submitted each of these jobs, and until when it runs; '' where nobody can tell. */
  attribute(
    rows: readonly { readonly job: JobId; readonly submitter: PeerId | ''; readonly deadlineMs: number }[],
  ): void {
    this.#database.transaction(() => {
      for (const { job, submitter, deadlineMs } of rows)
        this.#database.run(
          `UPDATE jobs SET state = json_set(state, '$.submitter', ?, '$.deadlineMs', ?) WHERE job = ? AND ${isStewards}`,
          submitter,
          deadlineMs,
          job,
        )
    })
  }

  #jobs(sql: string, ...values: (string | number)[]): JobId[] {
    return this.#database.all<{ job: JobId }>(sql, ...values).map(({ job }) => job)
  }
}
