/** The news that a node's history is told, and its answers. */
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { ReleaseReason } from '../../protocol/message.ts'
import type { Micros, UnitCount } from '../../protocol/price.ts'
import type { Verified } from '../../protocol/record/record.ts'

/** The news of a vehicle's work, as it happens. */
export interface WorkNews {
  /** Called once a lease is accepted. */
  leaseTaken(manifest: Verified<Manifest>, lease: Verified<Lease>): void
  /** Called at a start for each lease that an earlier run of the node took, with the number of its shards that are done. */
  leaseKept(manifest: Verified<Manifest>, lease: Verified<Lease>, done: number): void
  shardDone(manifest: Verified<Manifest>, lease: LeaseId, done: ShardDone): void
  /** `reason`: why the rest of the lease was given back; null: there was no rest. */
  leaseOver(job: JobId, lease: LeaseId, reason: ReleaseReason | null): void
  /** A steward's statement says that so much more is owed for verified work. */
  verified(job: JobId, steward: PeerId, micros: Micros, currency: string): void
  /** A steward says that its submitter paid so much. */
  paid(job: JobId, steward: PeerId, micros: Micros, currency: string): void
}

export interface ShardDone {
  readonly pages: number
  /** Those that went in and that came out, where the runtime counts units. */
  readonly units?: UnitCount
  readonly cpuMs: number
  readonly wallMs: number
}

export interface HistoryView {
  /** The time zone of its days, as the owner's preferences name it. */
  readonly timeZone: string
  /** The newest last. A day on which the node did not run is there, and has nothing in it. */
  readonly days: readonly HistoryDay[]
}

export interface HistoryDay {
  /** Such as 2026-11-29. */
  readonly date: string
  /** How long the owner's rules allowed work. */
  readonly readyMs: number
  /** How long work was held back, by the rule that held it most strictly; the longest first. */
  readonly pauses: readonly { readonly reason: string; readonly ms: number; readonly times: number }[]
  /** How long no other node was connected. */
  readonly aloneMs: number
  /** By runtime. */
  readonly work: readonly HistoryWork[]
  /** Leases that were given back, by reason. */
  readonly handedBack: readonly { readonly reason: string; readonly leases: number }[]
  readonly money: readonly HistoryMoney[]
}

export interface HistoryWork {
  readonly runtime: string
  readonly leasesTaken: number
  /** Leases that were finished. */
  readonly leasesDone: number
  readonly shards: number
  readonly pages: number
  /** Units of work, by their name, where the runtime counts others than pages: { token: 1234 }. */
  readonly units: Readonly<Record<string, number>>
  /** The sum over all slots. */
  readonly wallMs: number
  readonly cpuMs: number
  readonly measuredJoules: number
  readonly estimatedJoules: number
}

export interface HistoryMoney {
  readonly currency: string
  /** Verified on this day, less what was taken back. */
  readonly verifiedMicros: Micros
  readonly paidMicros: Micros
}
