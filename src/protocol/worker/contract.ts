/**
 * What can happen to a worker, and what it can ask for. The driver's contract is the steward's: one input at a
 * time, effects in order, and what `issue` makes durable is durable before the `deliver` behind it is sent.
 */
import type { Cid, JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Manifest } from '../job.ts'
import type { Lease, Opening } from '../lease.ts'
import type { Message, ReleaseReason } from '../message.ts'
import type { RecordBody, Verified } from '../record.ts'

export type WorkerMode = 'run' | 'drain' | 'stop'

export type WorkerInput =
  | {
      readonly type: 'offer'
      readonly from: PeerId
      readonly manifest: Verified<Manifest>
      readonly lease: Verified<Lease>
    }
  /** Answers to `prepare`. */
  | { readonly type: 'prepared'; readonly lease: LeaseId }
  | {
      readonly type: 'unprepared'
      readonly lease: LeaseId
      readonly why: 'missing-blocks' | 'wrong-blocks'
    }
  /** One shard of a lease that runs is done; its result is durable here. */
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
  | { readonly type: 'ended'; readonly job: JobId; readonly from: PeerId }
  /** The owner's rules, or the operator, decided. */
  | { readonly type: 'mode'; readonly mode: WorkerMode }
  | { readonly type: 'connected'; readonly peer: PeerId }
  | { readonly type: 'wake' }

export type WorkerEffect =
  | { readonly type: 'issue'; readonly id: RecordId; readonly body: RecordBody; readonly opening: Opening }
  | {
      readonly type: 'deliver'
      readonly to: PeerId
      readonly receipt: RecordId
      readonly opening: Opening
      readonly released: ReleaseReason | null
    }
  | { readonly type: 'send'; readonly to: PeerId; readonly message: Message }
  /** Fetch the lease's shards, their documents and the job's weights. */
  | { readonly type: 'prepare'; readonly lease: LeaseId }
  /** Run the lease's shards, from this place on, in this slot. */
  | { readonly type: 'run'; readonly lease: LeaseId; readonly slot: number }
  /** Let the shard under way finish, then stand still. */
  | { readonly type: 'drain'; readonly slot: number }
  /** Stand still now. */
  | { readonly type: 'abort'; readonly slot: number }
  /** The lease is over: what was fetched for it may go. */
  | { readonly type: 'release'; readonly lease: LeaseId }
  /** The job is over: its results may go. */
  | { readonly type: 'forget'; readonly job: JobId }
  /** Free slots or mode changed: worth an advert. */
  | { readonly type: 'advertise' }
  | { readonly type: 'wake'; readonly atMs: number }

export interface WorkerView {
  readonly mode: WorkerMode
  readonly slots: { readonly total: number; readonly free: number }
  readonly leases: number
  readonly shardsDone: number
  readonly receipts: number
  readonly leasesReleased: number
}
