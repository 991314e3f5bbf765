/**
 * The inputs and effects of a worker. The driver's contract is the steward's: it hands in one input at a time and
 * carries out effects in order, and what `take`, `follow`, `issue` and `release` make durable is durable before
 * anything behind it is sent. So a vehicle that restarts is held to no more than it remembers, and to no less.
 */
import type { Sha256 } from '../../base/prng.ts'
import type { Cid, JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Issued } from '../issuer.ts'
import type { Handover } from '../job/handover.ts'
import type { Lease, Receipt } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { JobEnd } from '../job/verdict.ts'
import type { Message, ReleaseReason } from '../message.ts'
import type { Ask, UnitCount } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { ShownEnd } from './shown-end.ts'

export interface WorkerOptions {
  readonly self: PeerId
  readonly slots: number
  /** Engine ids that this vehicle runs, by runtime. */
  readonly engines: readonly {
    readonly runtime: string
    readonly id: string
    readonly isa: string | null
    /** The price of a unit of its work, at first; null: nothing. */
    readonly ask: Ask | null
  }[]
  /** The categories of jobs that its owner lets in, at first; null: all. */
  readonly categories: readonly string[] | null
  /** Tells whether the job's runtime takes its options; left out, all are taken. */
  readonly takesOptions?: (manifest: Manifest) => boolean
  /** The room for the job's weights that this vehicle lacks, memory or disk; left out, or null: it lacks none. */
  readonly lacksRoomFor?: (manifest: Manifest) => 'too-large' | 'no-space' | null
  /** 32 bytes, secret: nonces are derived from it. */
  readonly secret: Uint8Array
  readonly sha256: Sha256
}

/** The power that the work draws, as receipts tell it. */
export interface EnergyRate {
  /** The energy of one slot's CPU time. */
  readonly joulesPerCpuSecond: number
  readonly basis: 'measured' | 'estimated'
}

export type WorkerMode = 'run' | 'drain' | 'stop'

export type UnpreparedReason = 'missing-blocks' | 'wrong-blocks' | 'no-space'

export type WorkerInput =
  | {
      readonly type: 'offer'
      readonly from: PeerId
      readonly manifest: Verified<Manifest>
      readonly handovers: readonly Verified<Handover>[]
      readonly lease: Verified<Lease>
      /** The keeper of this vehicle's records says that it took the lease once, or one that its steward signed later. */
      readonly isPast: boolean
    }
  /** A steward of the job looks after it from now on, beside the signers of its leases. */
  | {
      readonly type: 'adopt'
      readonly from: PeerId
      readonly manifest: Verified<Manifest>
      readonly handovers: readonly Verified<Handover>[]
    }
  /** Answers to `prepare`. */
  | { readonly type: 'prepared'; readonly lease: LeaseId }
  | {
      readonly type: 'unprepared'
      readonly lease: LeaseId
      readonly why: UnpreparedReason
    }
  /** A shard of a running lease is done; its result is durable here, and so is a note of these facts. */
  | {
      readonly type: 'shard-done'
      readonly lease: LeaseId
      readonly place: number
      readonly result: Cid
      readonly cpuMs: number
      readonly wallMs: number
    }
  /** The slot stands still: all shards are done, or `drain` or `abort` ended the run, or it failed. */
  | { readonly type: 'run-ended'; readonly lease: LeaseId }
  | { readonly type: 'withdraw'; readonly lease: LeaseId; readonly from: PeerId }
  | { readonly type: 'acknowledge'; readonly receipt: RecordId; readonly from: PeerId }
  | ({ readonly type: 'ended' } & ShownEnd)
  /** The owner's rules, or the operator, decided. */
  | { readonly type: 'mode'; readonly mode: WorkerMode }
  /** The owner takes these categories of jobs from now on; null: all. */
  | { readonly type: 'categories'; readonly categories: readonly string[] | null }
  /** The operator's share of what its vehicles earn, as the fleet's charter has it now; without a fleet it is 0. */
  | { readonly type: 'operator-share'; readonly ppm: number }
  /** The owner's asks from now on, by engine id, where that changes (null: nothing); leases that were taken stay as they are. */
  | { readonly type: 'asks'; readonly asks: ReadonlyMap<string, Ask | null> }
  /** Tells whether the disk has room for more work. */
  | { readonly type: 'room'; readonly enough: boolean }
  /** Until when the vehicle will probably be there; null: nobody knows. */
  | { readonly type: 'available'; readonly untilMs: number | null }
  | { readonly type: 'energy'; readonly rate: EnergyRate }
  | { readonly type: 'connected' | 'disconnected'; readonly peer: PeerId }
  /** The clock was set forward by so much, or back when negative (as in steward/contract.ts). */
  | { readonly type: 'clock-set'; readonly byMs: number }
  | { readonly type: 'wake' }

export type WorkerEffect =
  /** A lease is about to be accepted: its record, the manifest and the handovers that came with it are to be durable. */
  | { readonly type: 'take'; readonly lease: LeaseId }
  /**
   * These stewards look after the job besides the signers of its leases, the newest last: durable with the handovers that came
   * with the word of that one.
   */
  | { readonly type: 'follow'; readonly job: JobId; readonly adopters: readonly PeerId[] }
  /** Sign the receipt and keep it, with its opening. */
  | ({ readonly type: 'issue' } & Issued<'receipt'>)
  | {
      readonly type: 'deliver'
      readonly to: PeerId
      /** With its opening, from where `issue` left both. */
      readonly receipt: RecordId
      readonly released: ReleaseReason | null
    }
  /** Send a `record` with the lease's own record: its new steward may never have seen it. */
  | { readonly type: 'show'; readonly to: PeerId; readonly lease: LeaseId }
  | { readonly type: 'send'; readonly to: PeerId; readonly message: Message }
  /** Fetch the lease's shards, their documents and the job's weights. */
  | { readonly type: 'prepare'; readonly lease: LeaseId }
  /** Run the lease's shards that are not finished yet in this slot. */
  | { readonly type: 'run'; readonly lease: LeaseId; readonly slot: number }
  /** Let the shard under way finish, then stand still. */
  | { readonly type: 'drain'; readonly slot: number }
  /** Stand still now. */
  | { readonly type: 'abort'; readonly slot: number }
  /**
   * The lease is over, for this reason or because it is done: to be made durable; blocks that were fetched for it may
   * go.
   */
  | {
      readonly type: 'release'
      readonly job: JobId
      readonly lease: LeaseId
      readonly reason: ReleaseReason | null
    }
  /**
   * The job is over, by this end: its results may go. `past`: the highest serial of its leases that this vehicle took, by their signers; offers
   * up to there are past until the job's deadline.
   */
  | {
      readonly type: 'forget'
      readonly job: JobId
      readonly end: JobEnd
      readonly past: ReadonlyMap<PeerId, number>
      readonly untilMs: number
    }
  /** Free slots or mode changed: worth an advert. */
  | { readonly type: 'advertise' }
  | { readonly type: 'wake'; readonly atMs: number }

/** A finished shard of a lease. */
export interface Done {
  /** In the lease's list of shards. */
  readonly place: number
  readonly result: Cid
  /** The units that the result took, where they are counted. */
  readonly units?: UnitCount
  readonly cpuMs: number
  readonly wallMs: number
}

/** The durable facts of one job, as a restart finds them. */
export interface RestoredJob {
  readonly manifest: Verified<Manifest>
  readonly handovers: readonly Verified<Handover>[]
  /** The stewards that adopted it, as `follow` said last. */
  readonly adopters: readonly PeerId[]
  /** In the order in which they were accepted. */
  readonly leases: readonly RestoredLease[]
}

export interface RestoredLease {
  readonly lease: Verified<Lease>
  /** In the order in which they were signed. */
  readonly receipts: readonly Verified<Receipt>[]
  /** Noted, whether or not a receipt covers it by now; the results are here. */
  readonly done: readonly Done[]
  /** Undefined for a lease that was never released. */
  readonly released: ReleaseReason | null | undefined
}

export interface WorkerView {
  readonly mode: WorkerMode
  readonly slots: { readonly total: number; readonly free: number }
  /** False while its disk is too full for more work. */
  readonly hasRoom: boolean
  readonly leases: number
  readonly shardsDone: number
  readonly receipts: number
  readonly leasesReleased: number
}
