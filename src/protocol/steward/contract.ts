/**
 * The inputs and effects of a steward.
 *
 * The driver's contract: hand in one input at a time with the time it happened; carry out the effects in their order
 * before handing in the next. Records that `issue` and `keep` make durable are durable before any later effect leaves
 * the node: a steward that restarts never contradicts what it signed. Signatures are the driver's: every record
 * handed in was verified, and `issue` is signed with the node's key.
 */

import type { Cid, LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Issued } from '../issuer.ts'
import type { CensusMark } from '../job/abroad.ts'
import type { StewardPlace } from '../job/manifest.ts'
import type { JobEnd, ShardVerdict } from '../job/verdict.ts'
import type { Capacity, ForeignCapacity } from '../membership/advert.ts'
import type { DeclineReason, Message, ReleaseReason } from '../message.ts'
import type { Checked, JobRecordKind, Opened } from '../records.ts'
import type { Finding } from '../verification/examination.ts'
import type { Recomputation } from '../verification/tally.ts'

export type StewardInput =
  /** The roster changed, or is told for the first time. */
  | {
      readonly type: 'roster'
      readonly capacities: readonly Capacity[]
      /**
       * The share of owners' earnings that the operator of this node's fleet keeps, in parts per million; 0 without a
       * fleet.
       */
      readonly operatorPpm?: number
    }
  /** Since the roster was told, these vehicles have come or changed, and those are gone. */
  | { readonly type: 'adverts'; readonly changed: readonly Capacity[]; readonly gone: readonly PeerId[] }
  /** Vehicles of other cells were found; the block with their adverts is on this node's disk. */
  | {
      readonly type: 'census'
      readonly census: CensusMark
      readonly members: readonly ForeignCapacity[]
    }
  | { readonly type: 'accepted'; readonly lease: LeaseId; readonly from: PeerId }
  | {
      readonly type: 'declined'
      readonly lease: LeaseId
      readonly from: PeerId
      readonly reason: DeclineReason
      readonly retryMs: number
    }
  /** The offer could not be delivered. */
  | { readonly type: 'undelivered'; readonly lease: LeaseId }
  | { readonly type: 'progress'; readonly lease: LeaseId; readonly from: PeerId; readonly done: number }
  | {
      readonly type: 'receipt'
      readonly receipt: Opened<'receipt'>
      readonly released: ReleaseReason | null
    }
  /** Answers to `collect`. */
  | { readonly type: 'examined'; readonly results: readonly Examined[] }
  /** Answer to `recompute`: null when this node could not. */
  | { readonly type: 'recomputed'; readonly position: number; readonly found: Recomputation | null }
  /** The job's stewards changed. */
  | { readonly type: 'stewards'; readonly stewards: readonly StewardPlace[] }
  /** Another steward gave this one a part of its allowance, or it gave one away. */
  | { readonly type: 'allowance'; readonly allowance: Checked<'allowance'> }
  /** True when all accepted results are on another steward's disk, too, or no other steward is left. */
  | { readonly type: 'safe'; readonly safe: boolean }
  /** `isRelayed`: only a relay connects it. Said once more when that changes. */
  | { readonly type: 'connected'; readonly peer: PeerId; readonly isRelayed?: boolean }
  | { readonly type: 'disconnected'; readonly peer: PeerId }
  | { readonly type: 'cancel' }
  /**
   * The clock was set forward by so much, or back when negative: moments from which the machine counts go along, and
   * dates stay. A computer that slept may say the same.
   */
  | { readonly type: 'clock-set'; readonly byMs: number }
  /** The time that `wake` asked for has come. */
  | { readonly type: 'wake' }
  /** The same, after a `go-on`. */
  | { readonly type: 'go-on' }

export type StewardEffect =
  /** Sign this record and make it durable. */
  | ({ readonly type: 'issue' } & Issued<JobRecordKind>)
  /** Make this receipt durable, with its opening. It was checked against its lease. */
  | { readonly type: 'keep'; readonly receipt: Opened<'receipt'> }
  /** Send an issued lease, with the manifest; the vehicle may from now on read these shards. */
  | { readonly type: 'offer'; readonly lease: LeaseId; readonly to: PeerId }
  | { readonly type: 'send'; readonly to: PeerId; readonly message: Message }
  /** Send `ended`, with the record of the end that counts here. */
  | { readonly type: 'tell-end'; readonly to: PeerId }
  /** The vehicle's lease is over: it may not read its shards any more. */
  | { readonly type: 'revoke'; readonly lease: LeaseId; readonly from: PeerId }
  /** Fetch results from those who claim them, check their form, and say what is in them. */
  | { readonly type: 'collect'; readonly wanted: readonly Wanted[] }
  /** Run this shard here with the exact engine; or, under `scored`, score the results that owners claim, and run it only where none passes. */
  | { readonly type: 'recompute'; readonly position: number; readonly claimed: readonly Cid[] }
  /** The vehicle that signed this receipt lied: proven by another of its receipts, or found by recomputing. */
  | {
      readonly type: 'lied'
      readonly receipt: RecordId
      readonly because: 'equivocation' | 'recomputed'
    }
  | { readonly type: 'decided'; readonly verdicts: readonly ShardVerdict[] }
  | { readonly type: 'ended'; readonly end: JobEnd }
  | { readonly type: 'wake'; readonly atMs: number }
  /** More can be leased than one turn takes: hand in `go-on` soon, after what else has come. */
  | { readonly type: 'go-on' }

/** A result to fetch: its bytes must hold one record for each of `pages`. */
export interface Wanted {
  readonly result: Cid
  readonly pages: number
  readonly from: PeerId
}

export interface Examined extends Wanted {
  readonly finding: /** Good, or bytes that are not a result of this job: whoever signed for them is wrong. */
    | Finding
    /** The bytes did not come: undelivered, which is not a lie. */
    | { readonly state: 'missing' }
}
