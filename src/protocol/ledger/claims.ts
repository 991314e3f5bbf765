/**
 * Derives the fate of every claim of one job from the job's records. It is a function of their set, so that stewards
 * with equal records come to equal books, in whatever order the records came.
 *
 * A claim is one place of one receipt whose lease counts and named a price, for the units that the receipt says it took, or else all
 * that the lease promises. It is **paid** when a verdict counts its receipt as
 * agreeing, and that verdict stands, or accepted the same result as the one that stands: two stewards that could not
 * hear each other may both have promised, and both answers are right. A verdict that a shard failed names the claims
 * that agreed all the same: whoever lets a job die has their results. It is **void** when its shard was decided
 * without it, or when the job ended. It is void, too, when it came after the verdict, since nobody looks at its
 * result any more, and when its lease's steward had written it off (../job/allowance.ts), since the money may be promised
 * elsewhere. One owner is paid once for a shard, however many stewards leased it to that owner: of several claims the
 * first by lease, receipt and place.
 */
import { compareText } from '../../base/bytes.ts'
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import { type Lease, type Receipt, unitsOwed } from '../job/lease.ts'
import { Verdicts } from '../job/standing.ts'
import type { JobEnd, Verdict } from '../job/verdict.ts'
import type { LeasePrice } from '../price.ts'
import type { Verified } from '../record/record.ts'
import { amountsOf } from './amounts.ts'
import { type Claim, type ClaimOutcome, type ClaimWord, subjectOf } from './entry.ts'

export interface PaidJob {
  readonly job: JobId
  readonly submitter: PeerId
  readonly fleet: PeerId | null
  readonly currency: string
}

/** Records that matter to the claims of a job; all others are passed over. */
export type ClaimRecord =
  | { readonly kind: 'lease'; readonly record: Verified<Lease> }
  | { readonly kind: 'receipt'; readonly record: Verified<Receipt> }
  | { readonly kind: 'allowance'; readonly record: Verified<Allowance> }
  /** With those of its shards for which it counts (state/decisions.ts). */
  | { readonly kind: 'verdict'; readonly record: Verified<Verdict> }
  | { readonly kind: 'end'; readonly record: Verified<JobEnd> }

/** Verdicts and ends that count, as records that matter to claims. */
export function decidedClaims({
  verdicts,
  ends,
}: {
  readonly verdicts: readonly Verified<Verdict>[]
  readonly ends: readonly Verified<JobEnd>[]
}): ClaimRecord[] {
  return [
    ...verdicts.map((record) => ({ kind: 'verdict', record }) as const),
    ...ends.map((record) => ({ kind: 'end', record }) as const),
  ]
}

/** Judges the leases of a job by all its records that are here: call `recount` when it judges otherwise than before. */
export interface JudgeOfLeases {
  /** Tells whether a lease counts (state/counting.ts). */
  counts(lease: LeaseId): boolean
  /** Tells whether so many units at a place of it were not written off (state/allowances.ts). */
  isOpen(lease: LeaseId, place: number, units: number): boolean
}

export interface ClaimNews {
  readonly claim: Claim
  readonly outcome: ClaimWord
}

/** A claim, by the records that make it: a job of a million shards has two million of them. */
interface Known {
  readonly lease: Verified<Lease>
  readonly receipt: Verified<Receipt>
  readonly place: number
  outcome: ClaimOutcome | undefined
}

/** Claims of a receipt. Throws ProtocolError amount-too-large. Empty when its lease pays nothing in this currency. */
export function claimsOfReceipt(job: PaidJob, lease: Verified<Lease>, receipt: Verified<Receipt>): Claim[] {
  const { price, positions, units } = lease.payload
  if (price === null || price.currency !== job.currency) return []
  return receipt.payload.covers
    .filter((place) => positions[place] !== undefined && units[place] !== undefined)
    .map((place) => claimAt(job, price, { lease, receipt, place }))
}

/** `price`: that of the lease. Throws ProtocolError amount-too-large. */
function claimAt(
  { job, submitter, fleet }: PaidJob,
  price: LeasePrice,
  { lease, receipt, place }: Omit<Known, 'outcome'>,
): Claim {
  const { positions, vehicle, owner } = lease.payload
  const units = unitsOwed(lease.payload, receipt.payload, place)
  return {
    job,
    submitter,
    fleet,
    lease: lease.id,
    receipt: receipt.id,
    place,
    position: positions[place]!,
    vehicle,
    owner,
    units,
    currency: price.currency,
    ...amountsOf(`place ${place} of receipt ${receipt.id}`, units, price),
  }
}

export class JobClaims {
  readonly #job: PaidJob
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #seen = new Set<RecordId>()
  /** By position. */
  readonly #claims = new Map<number, readonly Known[]>()
  readonly #verdicts = new Verdicts()
  #ended = false

  readonly #judge: JudgeOfLeases

  constructor(job: PaidJob, judge: JudgeOfLeases) {
    this.#job = job
    this.#judge = judge
  }

  /** Yields every claim with its fate by the records so far. */
  *current(): Generator<ClaimNews> {
    for (const [position, claims] of this.#claims) {
      const isReopened = this.#verdicts.of(position).length > 0
      for (const known of claims) {
        const { outcome } = known
        if (outcome === undefined) continue
        const isPending = outcome === 'pending' && isReopened
        yield { claim: this.#claimOf(known), outcome: isPending ? 'reopened' : outcome }
      }
    }
  }

  /** The claims that have not counted by any of the records so far. */
  *unfounded(): Generator<Claim> {
    for (const claims of this.#claims.values())
      for (const known of claims) if (known.outcome === undefined) yield this.#claimOf(known)
  }

  /**
   * Returns the claims that this record changes. A receipt comes after its lease. Throws ProtocolError
   * amount-too-large.
   */
  learn({ kind, record }: ClaimRecord): ClaimNews[] {
    // Of a verdict, more may count later than at first.
    if (kind !== 'verdict' && this.#seen.has(record.id)) return []
    this.#seen.add(record.id)
    switch (kind) {
      case 'lease':
        this.#leases.set(record.id, record)
        return []
      case 'receipt': {
        const lease = this.#leases.get(record.payload.lease)
        if (lease === undefined) return []
        const claims = claimsOfReceipt(this.#job, lease, record)
        for (const { place, position } of claims) {
          const known: Known = { lease, receipt: record, place, outcome: undefined }
          this.#claims.set(position, [...(this.#claims.get(position) ?? []), known].sort(inOrder))
        }
        return claims.flatMap(({ position }) => this.#settle(position))
      }
      case 'allowance':
        return this.recount(record.payload.writtenOff.map(({ lease }) => lease))
      case 'verdict': {
        this.#verdicts.add(record)
        const touched = new Set(record.payload.shards.map(({ position }) => position))
        return [...touched].flatMap((position) => this.#settle(position))
      }
      case 'end': {
        if (this.#ended) return []
        this.#ended = true
        return [...this.#claims.keys()].flatMap((position) => this.#settle(position))
      }
    }
  }

  /** Returns the claims that change as these leases began or ceased to count, or as other places of them are open. */
  recount(leases: Iterable<LeaseId>): ClaimNews[] {
    const touched = new Set<number>()
    for (const lease of leases)
      for (const position of this.#leases.get(lease)?.payload.positions ?? []) touched.add(position)
    return [...touched].flatMap((position) => this.#settle(position))
  }

  /** Returns how the fate of claims differs from what it was by the records of `before`; a claim that is gone is void. */
  changesSince(before: JobClaims): ClaimNews[] {
    const was = before.#outcomes()
    const is = this.#outcomes()
    const news: ClaimNews[] = []
    for (const [subject, { claim, outcome }] of was)
      if (!is.has(subject) && outcome !== 'void') news.push({ claim, outcome: 'void' })
    for (const [subject, { claim, outcome }] of is) {
      const known = was.get(subject)?.outcome
      if (known === outcome) continue
      news.push({ claim, outcome: outcome === 'pending' && known !== undefined ? 'reopened' : outcome })
    }
    return inSafeOrder(news)
  }

  #outcomes(): Map<string, { readonly claim: Claim; readonly outcome: ClaimOutcome }> {
    const known = [...this.#claims.values()].flat()
    return new Map(
      known.flatMap((one) =>
        one.outcome === undefined
          ? []
          : [[subjectOfKnown(one), { claim: this.#claimOf(one), outcome: one.outcome }]],
      ),
    )
  }

  #claimOf(known: Known): Claim {
    return claimAt(this.#job, known.lease.payload.price!, known)
  }

  #isOpen({ lease, receipt, place }: Known): boolean {
    return this.#judge.isOpen(lease.id, place, unitsOwed(lease.payload, receipt.payload, place))
  }

  #settle(position: number): ClaimNews[] {
    const claims = this.#claims.get(position) ?? []
    const paid = this.#paidReceipts(position)
    // An owner, and a vehicle whatever owner a lease names for it, is paid once for a shard.
    const payees = new Set<OwnerId | PeerId>()
    const news: ClaimNews[] = []
    for (const known of claims) {
      const { lease, receipt } = known
      const isReal = this.#judge.counts(lease.id)
      if (!isReal && known.outcome === undefined) continue // it has never been one
      const isOwed = isReal && paid?.has(receipt.id) === true && this.#isOpen(known)
      const { owner, vehicle } = lease.payload
      const counts = isOwed && !payees.has(owner) && !payees.has(vehicle)
      if (counts) payees.add(owner).add(vehicle)
      const isPending = isReal && paid === undefined && !this.#ended
      const outcome = counts ? 'paid' : isPending ? 'pending' : 'void'
      const again = outcome === 'pending' && known.outcome !== undefined
      if (outcome !== known.outcome)
        news.push({ claim: this.#claimOf(known), outcome: again ? 'reopened' : outcome })
      known.outcome = outcome
    }
    return inSafeOrder(news)
  }

  /** Undefined while the shard is open. */
  #paidReceipts(position: number): Set<RecordId> | undefined {
    const standing = this.#verdicts.standing(position, this.#ended)
    if (standing.state !== 'stands') return undefined
    const { result, agreeing } = standing.verdict
    return result === null ? new Set(agreeing) : this.#verdicts.agreeing(position, result)
  }
}

/** Claims that are taken back come first, so that nobody is owed twice in between. */
function inSafeOrder(news: ClaimNews[]): ClaimNews[] {
  return news.sort((a, b) => Number(a.outcome === 'paid') - Number(b.outcome === 'paid'))
}

function inOrder(a: Known, b: Known): number {
  return compareText(a.lease.id, b.lease.id) || compareText(subjectOfKnown(a), subjectOfKnown(b))
}

function subjectOfKnown({ receipt, place }: Known): string {
  return subjectOf({ receipt: receipt.id, place })
}
