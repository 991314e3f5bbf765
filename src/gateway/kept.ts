/**
 * The traces of batches: rows of their own, and what the node keeps for their jobs. Both count as their tenant's, so that nobody fills
 * the disk by making batches and deleting files.
 *
 * A job has the documents once more, and results, leases and receipts. The batch has all of that in its files when it is over: output,
 * errors, proofs. So its jobs are let go a day later, but those for which money is owed yet: their bills
 * are wanted until they are paid, and the node keeps them for a year at most.
 */
import type { NodeApi } from '../host/api.ts'
import { RequestError } from '../host/errors.ts'
import type { Database } from '../host/store/database.ts'
import { dayMs } from '../protocol/rules/week.ts'
import { ApiError } from './errors.ts'

/** The page shows the shards of a batch that was over today, and a vehicle that was away asks for its end. A guess. */
const jobsKeptMs = dayMs
/** As long as files are kept at most. */
const rowsKeptMs = 30 * dayMs
/** Rows of a tenant: a batch whose lines are all faulty costs nothing. A guess. */
const tenantBatchesMax = 10_000
/** Batches at a look. */
const letGoMax = 100

export class Kept {
  readonly #tables: Database

  constructor(tables: Database) {
    this.#tables = tables
  }

  /** Notes that the node keeps so many bytes for the jobs of a batch, until they are let go. */
  hold(batch: string, bytes: number): void {
    this.#tables.run('UPDATE batches SET held_bytes = ? WHERE id = ?', bytes, batch)
  }

  /** … and so many more. */
  holdMore(batch: string, bytes: number): void {
    this.#tables.run('UPDATE batches SET held_bytes = held_bytes + ? WHERE id = ?', bytes, batch)
  }

  /** Lets go the jobs of batches that have been over for long enough, and the rows of those that left nothing else. */
  async look(nowMs: number, api: Pick<NodeApi, 'forget' | 'owes'>): Promise<void> {
    for (const batch of this.#heldSince(nowMs - jobsKeptMs)) {
      let isGone = true
      for (const job of this.#jobsOf(batch)) isGone = (await letGo(job, api)) && isGone
      if (isGone) this.hold(batch, 0)
    }
    // Today's are counted by the budget of the day.
    this.#drop(
      'SELECT id FROM batches WHERE over_at_ms <= ? AND held_bytes = 0 AND created_at_ms < ? LIMIT 1000',
      nowMs - rowsKeptMs,
      dayOf(nowMs),
    )
  }

  /** Forgets the oldest batch of a tenant that has as many as there may be. Throws ApiError where none may go. */
  makeRoom(tenant: string, nowMs: number): void {
    if (this.#count(tenant) < tenantBatchesMax) return
    this.#drop(
      `SELECT id FROM batches WHERE tenant = ? AND is_over = 1 AND held_bytes = 0 AND created_at_ms < ?
       ORDER BY serial LIMIT 1`,
      tenant,
      dayOf(nowMs),
    )
    if (this.#count(tenant) >= tenantBatchesMax)
      throw new ApiError({
        status: 429,
        message: `${tenantBatchesMax} batches of yours are kept, and no more may be: those of earlier days go a day after their end, or once their jobs are paid, and those of today from tomorrow (UTC)`,
        code: 'too_many_batches',
        mayRetry: false,
      })
  }

  #heldSince(overMs: number): string[] {
    const sql = `SELECT id FROM batches WHERE over_at_ms <= ? AND held_bytes > 0 ORDER BY random() LIMIT ${letGoMax}`
    return this.#tables.all<{ id: string }>(sql, overMs).map(({ id }) => id)
  }

  #jobsOf(batch: string): string[] {
    const sql = 'SELECT job FROM parts WHERE batch = ? AND job IS NOT NULL'
    return this.#tables.all<{ job: string }>(sql, batch).map(({ job }) => job)
  }

  #count(tenant: string): number {
    const sql = 'SELECT count(*) AS count FROM batches WHERE tenant = ?'
    return this.#tables.get<{ count: number }>(sql, tenant)!.count
  }

  #drop(which: string, ...values: (string | number)[]): void {
    this.#tables.transaction(() => {
      for (const { id } of this.#tables.all<{ id: string }>(which, ...values)) {
        this.#tables.run('DELETE FROM parts WHERE batch = ?', id)
        this.#tables.run('DELETE FROM batches WHERE id = ?', id)
      }
    })
  }
}

/** Tells whether the node keeps nothing of the job any more. Throws what the disk throws. */
async function letGo(job: string, api: Pick<NodeApi, 'forget' | 'owes'>): Promise<boolean> {
  try {
    if (api.owes(job) !== null) return false
    await api.forget(job)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    // It is gone already, or it runs yet: its end was not heard.
    return isUnknown(job, api)
  }
  return true
}

function isUnknown(job: string, api: Pick<NodeApi, 'owes'>): boolean {
  try {
    api.owes(job)
    return false
  } catch {
    return true
  }
}

/** The beginning of the day (UTC). */
function dayOf(nowMs: number): number {
  return nowMs - (nowMs % dayMs)
}
