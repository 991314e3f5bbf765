/**
 * The inputs and effects of a council: all those of a steward (../steward/contract.ts, whose rules for drivers hold
 * here, too), and those with which the stewards of one job help each other.
 */
import type { Cid, LeaseId, PeerId, RecordId } from '../ids.ts'
import type { DrawAbroad } from '../job/abroad.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Message } from '../message.ts'
import type { JobRecord, JobRecordKind, Opened } from '../records.ts'
import type { Refusal } from '../state/admission.ts'
import type { Counted } from '../state/decisions.ts'
import type { StewardEffect, StewardInput } from '../steward/contract.ts'

/** The messages that stewards send each other about a job. */
export type FellowMessage = Extract<Message, { type: 'beat' | 'branches' | 'leaves' | 'ids' | 'want' }>

export type CouncilInput =
  | StewardInput
  | { readonly type: 'fellow'; readonly from: PeerId; readonly message: FellowMessage }
  /** The answer of a node that was invited: its consent, whose signature was checked, or none. */
  | {
      readonly type: 'answered'
      readonly from: PeerId
      readonly nonce: Uint8Array
      readonly consent: Opened<'consent'> | null
    }
  /** A record that somebody sent along; its signature was checked. */
  | { readonly type: 'record'; readonly from: PeerId; readonly record: Opened<JobRecordKind> }
  /** Answer to `check-census`: the list is of its arc, by the adverts in its block (../job/abroad.ts, `faultOfCensus`). */
  | { readonly type: 'census-checked'; readonly list: RecordId }
  /** The submitter lets this node read the job: it is told what it lacks, like a steward, and decides nothing. */
  | { readonly type: 'reader'; readonly peer: PeerId }
  /** This steward's owner wants it to stop: it gives its place to another node, and leaves once that one has all (`left`). */
  | { readonly type: 'release' }
  /** Answer to `hold-inputs`. */
  | { readonly type: 'inputs-held'; readonly shards: readonly ShardEntry[] }
  /** Answer to `hold-results`; `held` is false when they did not come. */
  | { readonly type: 'results-held'; readonly verdict: RecordId; readonly held: boolean }
  /** A result that was accepted and here is damaged or gone. */
  | { readonly type: 'result-lost'; readonly result: Cid }

/** The steward that it should replace was heard, or it has given its place to another. */
export type LeaveReason = 'not-lost' | 'replaced'

export type CouncilEffect =
  | StewardEffect
  /** Make this record of somebody else durable. */
  | { readonly type: 'copy'; readonly record: Opened<JobRecordKind> }
  /**
   * These records exceed what their signers may say, or rest on such: they are not kept any more. Some may be this node's own, so
   * keep the first serial that it has not used.
   */
  | { readonly type: 'discard'; readonly records: readonly RecordId[]; readonly serial: number }
  /**
   * Fetch the block with the adverts of this list from abroad, from this steward, and hold the list against them; if nothing is wrong,
   * keep the block with the job, and say `census-checked`. Before that nothing counts here that was drawn from it.
   */
  | {
      readonly type: 'check-census'
      readonly list: RecordId
      readonly draw: DrawAbroad
      readonly from: PeerId
    }
  /** This draw, or lease, never counts here: make that durable. */
  | { readonly type: 'shut-out'; readonly record: RecordId }
  /** Somebody signed more of the job's records than it may; the rest is not taken. Said once of each. */
  | { readonly type: 'refused'; readonly signer: PeerId; readonly why: Refusal }
  /**
   * This node has no place among the stewards any more: it forgets the job, and keeps only the first serial that it has not
   * used, in case it gets a place again.
   */
  | { readonly type: 'left'; readonly why: LeaveReason; readonly serial: number }
  /** Answer to `release`, where no node is willing: this one keeps its place. */
  | { readonly type: 'kept' }
  /** Send a record that is durable here, with its opening if it has one. */
  | { readonly type: 'share'; readonly record: JobRecord; readonly to: PeerId }
  /** Tell this node that it is a steward of the job: send it the manifest and the path to it. */
  | { readonly type: 'entrust'; readonly to: PeerId }
  /** Tell this vehicle that the job is looked after from here: send it the manifest and the path to it. */
  | { readonly type: 'adopt'; readonly to: PeerId }
  /** Fetch the job's lists, shards, documents and weights from its other stewards. */
  | { readonly type: 'hold-inputs' }
  /** Fetch the results that this verdict accepts, from this steward. */
  | {
      readonly type: 'hold-results'
      readonly verdict: RecordId
      readonly results: readonly Cid[]
      readonly from: PeerId
    }
  /** These verdicts and ends count from now on: what is owed follows from them. Keep which of others' do. */
  | ({ readonly type: 'counted' } & Counted)
  /** Leases that were here already began or ceased to count, or other places of them are open: so it is with their claims. */
  | { readonly type: 'recounted'; readonly leases: readonly LeaseId[] }
  /** Reports that this node has begun or ceased to act for the job. */
  | { readonly type: 'acting'; readonly acting: boolean }
