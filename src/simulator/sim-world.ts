/** The services that nodes ask of their virtual world, and the parcels that they send each other there. */
import type { Cid, JobId, OwnerId, PeerId } from '../protocol/ids.ts'
import type { Handover } from '../protocol/job/handover.ts'
import type { Lease, Opening } from '../protocol/job/lease.ts'
import type { JobEnd } from '../protocol/job/verdict.ts'
import type { Capacity } from '../protocol/membership/advert.ts'
import type { Message, ReleaseReason } from '../protocol/message.ts'
import type { Verified } from '../protocol/record/record.ts'
import type { Checked, JobRecord } from '../protocol/records.ts'
import type { Examined, Wanted } from '../protocol/steward/contract.ts'
import type { ShownEnd } from '../protocol/worker/shown-end.ts'
import type { Chance } from './chance.ts'
import type { Checkers } from './checkers.ts'
import type { SimStatement } from './money.ts'
import type { SimJob } from './sim-job.ts'

export interface SimNode {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly role: 'steward' | 'vehicle'
}

/**
 * The content of a message between nodes. Records arrive as if their signatures had been checked: nobody forges any
 * in here.
 */
export type Parcel =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'record'; readonly entry: JobRecord }
  | {
      readonly type: 'offer'
      readonly job: SimJob
      readonly lease: Verified<Lease>
      readonly handovers: readonly Verified<Handover>[]
    }
  | {
      readonly type: 'adopt' | 'entrust'
      readonly job: SimJob
      readonly handovers: readonly Verified<Handover>[]
    }
  | {
      readonly type: 'receipt'
      readonly receipt: Checked<'receipt'>
      readonly released: ReleaseReason | null
    }
  | { readonly type: 'statement'; readonly said: SimStatement }
  | ({ readonly type: 'ended' } & ShownEnd)

export interface SimWorld {
  readonly nowMs: number
  readonly chance: Chance
  readonly checkers: Checkers
  /** A node's own clock, which may be wrong. */
  clockOf(node: SimNode): number
  hasRoom(node: SimNode): boolean
  /** Notes that a steward signs a record of a job, and checks it. */
  signed(record: Verified): void
  /** Notes that a liar signs a record, in its own name or an accomplice's: nothing is expected of it. */
  forged(record: Verified, opening: Opening | null): void
  fsyncMs(): number
  /** In this node's process: not after a crash, and only when it wakes from a pause. */
  later(node: SimNode, delayMs: number, happen: () => void): void
  /** The roster, the same for all: as of the last round of adverts. */
  capacities(): readonly Capacity[]
  /** The peers that this node is connected to. Vehicles keep connections to stewards only. */
  linkedTo(node: SimNode): PeerId[]
  send(from: SimNode, to: PeerId, parcel: Parcel): void
  collect(node: SimNode, wanted: readonly Wanted[], done: (results: readonly Examined[]) => void): void
  fetchResults(node: SimNode, from: PeerId, results: readonly Cid[], done: (held: boolean) => void): void
  /** Asks the stewards that have them, again and again. */
  fetchInputs(node: SimNode, job: SimJob, done: () => void): void
  /** Returns whether all leases of this shard so far are the cartel's, and enough for a verdict. */
  cartelHoldsAll(job: SimJob, position: number): boolean
  /** A steward has decided that the job is over, or heard of it and believes it. */
  ended(node: SimNode, job: JobId, end: JobEnd): void
  /** A steward has begun to act for the job, or ceased to. */
  acts(node: SimNode, job: JobId, isActing: boolean): void
  /** Tells whether some honest steward takes the job for ended. */
  isOver(job: JobId): boolean
  /** Tells whether there is still something to lie about. */
  mayLie(job: JobId): boolean
  /** Tells whether this steward lies. */
  isLying(peer: PeerId): boolean
  /** Tells whether this node lies together with the stewards that lie. */
  isAccomplice(peer: PeerId): boolean
}
