/** The entries of a ledger: immutable, and each moves an amount between accounts that are named here. */
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Micros } from '../price.ts'
import type { AccountId } from './account.ts'
import type { Amounts } from './amounts.ts'

/** One place of one receipt: a vehicle's work on one shard, and its worth if a verdict agrees. */
export interface Claim extends Amounts {
  readonly job: JobId
  /** The submitter of the job, who pays. */
  readonly submitter: PeerId
  readonly fleet: PeerId | null
  readonly lease: LeaseId
  readonly receipt: RecordId
  /** In the lease's list of shards. */
  readonly place: number
  /** In the job's list of shards. */
  readonly position: number
  readonly vehicle: PeerId
  readonly owner: OwnerId
  readonly units: number
  readonly currency: string
}

/**
 * The fate of a claim: `pending`, nobody knows yet; `paid`, a final verdict counts it; `void`, it came to nothing.
 */
export type ClaimOutcome = 'pending' | 'paid' | 'void'

/** The news of a claim that a ledger gets: `pending` the first time, `reopened` when it had been decided before. */
export type ClaimWord = ClaimOutcome | 'reopened'

/** By all records it has never counted, though a ledger may know it from before a crash, when it did. */
export type Unfounded = 'unfounded'

/**
 * `pending` sets an amount aside, `posted` or `voided` resolve that, once. `reversed` takes back what was posted, since
 * stewards apart had decided otherwise. `paid` is money that left for a payee, `unpaid` that it did not after all.
 */
export type EntryKind = 'pending' | 'posted' | 'voided' | 'reversed' | 'paid' | 'unpaid'

export interface EntryBody {
  /** Its place in the ledger, from 1. */
  readonly serial: number
  readonly atMs: number
  readonly kind: EntryKind
  /**
   * The subject of the entry, under which the same is never written twice: `<receipt>/<place>`, or `payment/<name>`.
   */
  readonly subject: string
  /** Rises when what was resolved has to be opened again. */
  readonly generation: number
  readonly currency: string
  readonly debit: AccountId
  /** The credits; `debit` loses their sum. */
  readonly credits: readonly { readonly account: AccountId; readonly micros: Micros }[]
  readonly claim: Pick<Claim, 'job' | 'receipt' | 'place' | 'position' | 'vehicle' | 'owner' | 'units'> | null
  /** A payment's reference; empty for claims. */
  readonly memo: string
}

export interface Entry extends EntryBody {
  /** Over this entry and the hash of the one before it: nothing in between can be changed, added or left out. */
  readonly hash: Uint8Array
}

/** Before the first entry. */
export const firstHash: Uint8Array = new Uint8Array(32)

export function subjectOf({
  receipt,
  place,
}: {
  readonly receipt: RecordId
  readonly place: number
}): string {
  return `${receipt}/${place}`
}

/** How an entry moves the balances, credits counted positive; the same for every account kind. */
export function movementsOf({
  kind,
  debit,
  credits,
}: Pick<EntryBody, 'kind' | 'debit' | 'credits'>): Movement[] {
  const [pending, posted] = signs[kind]
  const total = credits.reduce((sum, { micros }) => sum + micros, 0)
  return [{ account: debit, micros: -total }, ...credits].map(({ account, micros }) => ({
    account,
    pendingMicros: pending * micros || 0,
    postedMicros: posted * micros || 0,
  }))
}

export interface Movement {
  readonly account: AccountId
  readonly pendingMicros: number
  readonly postedMicros: number
}

/** By kind: the signs of the change to the sum set aside, and to the sum owed. */
const signs: Readonly<Record<EntryKind, readonly [number, number]>> = {
  pending: [1, 0],
  posted: [-1, 1],
  voided: [-1, 0],
  reversed: [0, -1],
  paid: [0, 1],
  unpaid: [0, -1],
}
