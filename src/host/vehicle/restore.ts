/**
 * Restores a vehicle's jobs from the journal after a restart, for the worker to take up.
 *
 * Signatures were checked when the records came in, or made here; checking ten thousand again would cost a second of a
 * restart. A row that the disk has damaged no longer has its name, and is passed over.
 */

import type { PeerId } from '../../protocol/ids.ts'
import { openHandover } from '../../protocol/job/handover.ts'
import { openLease, openReceipt, type Receipt } from '../../protocol/job/lease.ts'
import { type Manifest, openManifest } from '../../protocol/job/manifest.ts'
import type { SignedRecord, Verified, Verify } from '../../protocol/record/record.ts'
import type { RecordKind } from '../../protocol/records.ts'
import type { RestoredJob, RestoredLease } from '../../protocol/worker/contract.ts'
import type { WorkNews } from '../history/contract.ts'
import { sha256 } from '../sha256.ts'
import type { JobRow, JournalRecord } from '../store/journal.ts'
import type { Store } from '../store.ts'

export const workerRole = 'worker'

/** The facts about a job that a vehicle keeps beside its records. */
export interface WorkerJobState {
  /** The peers that may read its results. */
  readonly stewards: readonly PeerId[]
  /** The stewards that have adopted it, the newest last. Rows of 0.1 lack them, and their stewards adopt the job again. */
  readonly adopters?: readonly PeerId[]
}

export function restoredJobs(store: Store, self: PeerId): RestoredJob[] {
  return store.journal.listJobs(workerRole).flatMap((row) => restoredJob(store, self, row) ?? [])
}

/** Tells the history of the leases that go on. */
export function tellKept(jobs: readonly RestoredJob[], news: WorkNews): void {
  for (const { manifest, leases } of jobs)
    for (const { lease, released, done } of leases)
      if (released === undefined) news.leaseKept(manifest, lease, done.length)
}

/** Undefined for a job of which nothing was accepted yet. */
function restoredJob(
  { journal, blocks }: Store,
  self: PeerId,
  { job, state }: JobRow,
): RestoredJob | undefined {
  const rows = Map.groupBy(journal.ofJob(job), ({ kind }) => kind)
  const all = <Payload>(kind: RecordKind, open: Open<Payload>) =>
    (rows.get(kind) ?? []).flatMap((row) => opened(row, open) ?? [])

  const manifest: Verified<Manifest> | undefined = all('manifest', openManifest)[0]
  if (manifest === undefined) return undefined
  const receipts = Map.groupBy(
    all('receipt', openReceipt).filter(({ signer }) => signer === self),
    ({ payload }: Verified<Receipt>) => payload.lease,
  )
  const over = journal.leases.over(job)
  const mine = blocks.of(job)
  const leases = all('lease', openLease)
    .filter(({ payload }) => payload.vehicle === self)
    .map(
      (lease): RestoredLease => ({
        lease,
        receipts: receipts.get(lease.id) ?? [],
        // The disk may have lost a result since.
        done: journal.leases.finishedOf(job, lease.id).filter(({ result }) => mine.isHeld(result)),
        released: over.get(lease.id),
      }),
    )
  const { adopters = [] } = state as WorkerJobState
  return { manifest, handovers: all('handover', openHandover), adopters, leases }
}

type Open<Payload> = (record: SignedRecord, hash: typeof sha256, verify: Verify) => Verified<Payload>

function opened<Payload>(row: JournalRecord, open: Open<Payload>): Verified<Payload> | undefined {
  try {
    const record = open(row, sha256, () => true)
    return record.id === row.id ? record : undefined
  } catch {
    return undefined
  }
}
