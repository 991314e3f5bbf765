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
  /** Tells whether a place of it was not written off (state/allowances.ts). */
  isOpen(lease: LeaseId, place: number): boolean
}

export interface ClaimNews {
  readonly claim: Claim
  readonly outcome: ClaimWord
}

interface Known {
  readonly claim: Claim
  outcome: ClaimOutcome | undefined
}

/** Claims of a receipt. Throws ProtocolError amount-too-large. Empty when its lease pays nothing in this currency. */
export function claimsOfReceipt(job: PaidJob, lease: Verified<Lease>, receipt: Verified<Receipt>): Claim[] {
  const { price, positions, units, vehicle, owner } = lease.payload
  if (price === null || price.currency !== job.currency) return []
  return receipt.payload.covers.flatMap((place): Claim[] => {
    const position = positions[place]
    if (position === undefined || units[place] === undefined) return []
    const count = unitsOwed(lease.payload, receipt.payload, place)
    const what = `place ${place} of receipt ${receipt.id}`
    return [
      {
        job: job.job,
        submitter: job.submitter,
        fleet: job.fleet,
        lease: lease.id,
        receipt: receipt.id,
        place,
        position,
        vehicle,
        owner,
        units: count,
        currency: price.currency,
        ...amountsOf(what, count, price),
      },
    ]
  })
}

export class JobClaims {
  readonly #job: PaidJob
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #seen = new Set<RecordId>()
  /** By position. */
  readonly #claims = new Map<number, Known[]>()
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
      for (const { claim, outcome } of claims)
        if (outcome === 'pending') yield { claim, outcome: isReopened ? 'reopened' : 'pending' }
        else if (outcome !== undefined) yield { claim, outcome }
    }
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
        for (const claim of claims) this.#claimsOf(claim.position).push({ claim, outcome: undefined })
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
      known.flatMap(({ claim, outcome }) =>
        outcome === undefined ? [] : [[subjectOf(claim), { claim, outcome }]],
      ),
    )
  }

  #claimsOf(position: number): Known[] {
    const known = this.#claims.get(position) ?? []
    this.#claims.set(position, known)
    return known
  }

  #settle(position: number): ClaimNews[] {
    const claims = this.#claimsOf(position)
    const paid = this.#paidReceipts(position)
    // An owner, and a vehicle whatever owner a lease names for it, is paid once for a shard.
    const payees = new Set<OwnerId | PeerId>()
    const news: ClaimNews[] = []
    for (const known of claims.sort(inOrder)) {
      const { lease, place, receipt } = known.claim
      const isReal = this.#judge.counts(lease)
      if (!isReal && known.outcome === undefined) continue // it has never been one
      const isOwed = isReal && paid?.has(receipt) === true && this.#judge.isOpen(lease, place)
      const { owner, vehicle } = known.claim
      const counts = isOwed && !payees.has(owner) && !payees.has(vehicle)
      if (counts) payees.add(owner).add(vehicle)
      const isPending = isReal && paid === undefined && !this.#ended
      const outcome = counts ? 'paid' : isPending ? 'pending' : 'void'
      const again = outcome === 'pending' && known.outcome !== undefined
      if (outcome !== known.outcome) news.push({ claim: known.claim, outcome: again ? 'reopened' : outcome })
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
  return compareText(a.claim.lease, b.claim.lease) || compareText(subjectOf(a.claim), subjectOf(b.claim))
}
