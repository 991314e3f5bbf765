/** The disk of a simulated vehicle: it takes its writes, and gives them back after a crash. */
import { impossible } from '../base/assert.ts'
import type { JobId, LeaseId, PeerId } from '../protocol/ids.ts'
import type { Lease, Opening, Receipt } from '../protocol/job/lease.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import type { ReleaseReason } from '../protocol/message.ts'
import type { Verified } from '../protocol/record/record.ts'
import type { Done, RestoredJob } from '../protocol/worker/contract.ts'
import type { SimJob } from './sim-job.ts'

export type VehicleWritten =
  | { readonly type: 'lease'; readonly job: SimJob; readonly lease: Verified<Lease> }
  | { readonly type: 'follow'; readonly job: JobId; readonly adopters: readonly PeerId[] }
  | { readonly type: 'receipt'; readonly receipt: Verified<Receipt>; readonly opening: Opening }
  | { readonly type: 'done'; readonly lease: LeaseId; readonly done: Done }
  | { readonly type: 'release'; readonly lease: LeaseId; readonly reason: ReleaseReason | null }

interface Remembered {
  readonly jobs: readonly { readonly job: SimJob; readonly restored: RestoredJob }[]
  readonly finished: readonly { readonly lease: LeaseId; readonly place: number }[]
  readonly entries: readonly Entry[]
}

interface Lost {
  readonly lease: Verified<Lease>
  readonly receipts: Verified<Receipt>[]
  readonly done: Done[]
  released: ReleaseReason | null | undefined
}

export function remember(
  log: Iterable<VehicleWritten | { readonly type: 'entry'; readonly entry: Entry }>,
): Remembered {
  const jobs = new Map<
    JobId,
    { readonly job: SimJob; adopters: readonly PeerId[]; readonly leases: Lost[] }
  >()
  const leases = new Map<LeaseId, Lost>()
  const finished: { readonly lease: LeaseId; readonly place: number }[] = []
  const entries: Entry[] = []
  for (const written of log)
    switch (written.type) {
      case 'lease': {
        const { job, lease } = written
        if (leases.has(lease.id)) break
        const lost: Lost = { lease, receipts: [], done: [], released: undefined }
        leases.set(lease.id, lost)
        const known = jobs.get(job.manifest.id) ?? { job, adopters: [], leases: [] }
        known.leases.push(lost)
        jobs.set(job.manifest.id, known)
        break
      }
      case 'follow': {
        const known = jobs.get(written.job)
        if (known !== undefined) known.adopters = written.adopters
        break
      }
      case 'receipt':
        leases.get(written.receipt.payload.lease)?.receipts.push(written.receipt)
        break
      case 'done':
        leases.get(written.lease)?.done.push(written.done)
        finished.push({ lease: written.lease, place: written.done.place })
        break
      case 'release': {
        const lost = leases.get(written.lease)
        if (lost !== undefined) lost.released = written.reason
        break
      }
      case 'entry':
        entries.push(written.entry)
        break
      default:
        impossible(written)
    }
  return {
    jobs: [...jobs.values()].map(({ job, adopters, leases: known }) => ({
      job,
      restored: { manifest: job.manifest, handovers: [], adopters, leases: known },
    })),
    finished,
    entries,
  }
}
