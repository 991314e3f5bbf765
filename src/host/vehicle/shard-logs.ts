/**
 * The stderr of modules on this vehicle, until the receipts of their shards have told it to a steward. It lives in memory: a
 * vehicle that starts again has forgotten it, and owes it to nobody.
 */
import type { LeaseId } from '../../protocol/ids.ts'
import { boundedLog, type PageLog } from '../../protocol/job/receipt-log.ts'

/** In UTF-16 units, of all leases together; beyond, those of the oldest lease go. A guess. */
const charsMax = 2 * 2 ** 20

export class ShardLogs {
  readonly #byLease = new Map<LeaseId, PageLog[]>()
  #chars = 0

  keep(lease: LeaseId, logs: readonly PageLog[]): void {
    if (logs.length === 0) return
    const known = this.#byLease.get(lease) ?? []
    this.#byLease.set(lease, [...known, ...logs])
    this.#chars += charsOf(logs)
    for (const [oldest, gone] of this.#byLease) {
      if (this.#chars <= charsMax) break
      this.#byLease.delete(oldest)
      this.#chars -= charsOf(gone)
    }
  }

  /** Those of the shards that a receipt covers, as far as they fit in its message. */
  of(lease: LeaseId, covers: readonly number[]): PageLog[] {
    const covered = new Set(covers)
    return boundedLog((this.#byLease.get(lease) ?? []).filter(({ place }) => covered.has(place)))
  }
}

function charsOf(logs: readonly PageLog[]): number {
  return logs.reduce((sum, { text }) => sum + text.length, 0)
}
