/** Restoring: a worker takes up the jobs and leases that an earlier run of it left on the disk. */
import type { PeerId } from '../ids.ts'
import { shownReceiptsMax } from '../limits.ts'
import type { RestoredJob, RestoredLease } from './contract.ts'
import type { Held } from './held.ts'
import type { RestoredReceipt } from './signed-receipts.ts'

/**
 * The newest receipts of a job, the oldest first, all as if nobody had acknowledged them: to write that down would cost
 * a commit each, and telling a steward twice costs little.
 */
export function restoredReceipts(
  { manifest, leases }: RestoredJob,
  guardiansOf: (lease: Pick<Held, 'lease' | 'manifest'>) => readonly PeerId[],
): RestoredReceipt[] {
  const receipts = leases.flatMap(({ lease, receipts, released = null }) =>
    receipts.map((receipt, i) => ({
      receipt,
      due: guardiansOf({ lease, manifest }),
      released: i === receipts.length - 1 ? released : null,
    })),
  )
  receipts.sort((a, b) => a.receipt.serial - b.receipt.serial)
  return receipts.slice(-shownReceiptsMax).map(({ receipt, due, released }) => ({
    receipt: { id: receipt.id, job: manifest.id, lease: receipt.payload.lease, released },
    due,
  }))
}

/** A lease of which something is still to be run, or to be handed in; undefined: it is over. */
export function restoredLease(
  { manifest }: RestoredJob,
  { lease, receipts, done, released }: RestoredLease,
  nowMs: number,
): Held | undefined {
  const covered = new Set(receipts.flatMap(({ payload }) => payload.covers))
  const uncovered = done.filter(({ place }) => !covered.has(place))
  const isOver = released !== undefined || covered.size === lease.payload.shards.length
  if ((isOver && uncovered.length === 0) || manifest.payload.deadlineMs <= nowMs) return undefined
  return {
    lease,
    manifest,
    state: 'restored',
    slot: undefined,
    done: uncovered,
    finished: new Set([...covered, ...done.map(({ place }) => place)]),
    lastReceiptMs: nowMs,
    begunMs: nowMs,
    isTurnOver: false,
    receipts: receipts.length,
  }
}
