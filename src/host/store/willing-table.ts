/**
 * The table of invitations to which this node said yes, before the job that they are about had a name. It is on the disk, since
 * a node may be started again between its answer and the entrusting that follows.
 */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { Database } from './database.ts'

export interface WillingBounds {
  /** Those of one inviter: beyond, its oldest goes. */
  readonly perInviterMax: number
  /** Those of all: beyond, the oldest goes. */
  readonly inAllMax: number
}

export class WillingTable {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Resolves when it is durable. Rejects with StoreError: disk-full, broken. */
  async noteSoon(inviter: PeerId, nonce: Uint8Array, untilMs: number, bounds: WillingBounds): Promise<void> {
    await this.#database.soon(() => {
      this.#database.run('INSERT OR REPLACE INTO willing VALUES (?, ?, ?, NULL)', inviter, nonce, untilMs)
      this.#database.run(
        `DELETE FROM willing WHERE (inviter, nonce) IN (
           SELECT inviter, nonce FROM willing WHERE inviter = ? ORDER BY until_ms DESC LIMIT -1 OFFSET ${bounds.perInviterMax})`,
        inviter,
      )
      this.#database.run(
        `DELETE FROM willing WHERE (inviter, nonce) IN (
           SELECT inviter, nonce FROM willing ORDER BY until_ms DESC LIMIT -1 OFFSET ${bounds.inAllMax})`,
      )
    })
  }

  /** Takes the yes to this invitation for a job, unless it is over or another job has it. Tells whether the job has it now. */
  take(inviter: PeerId, nonce: Uint8Array, job: JobId, nowMs: number): boolean {
    this.#database.flush() // the yes may wait for its commit
    return this.#database.transaction(
      () =>
        this.#database.run(
          'UPDATE willing SET job = ?3 WHERE inviter = ?1 AND nonce = ?2 AND until_ms >= ?4 AND (job IS NULL OR job = ?3)',
          inviter,
          nonce,
          job,
          nowMs,
        ) === 1,
    )
  }

  forget(nowMs: number): void {
    this.#database.transactionThatFrees(() =>
      this.#database.run('DELETE FROM willing WHERE until_ms < ?', nowMs),
    )
  }
}
