/**
 * What became of every claim of one job, as it follows from the job's records: a function of their set, so that stewards
 * with equal records come to equal books, in whatever order the records came.
 *
 * A claim is one place of one receipt whose lease named a price. It is paid when a verdict counts its receipt as
 * agreeing, and that verdict stands, or accepted the same result as the one that stands: stewards apart may both
 * have promised, and both answers are right. It is void when its shard was decided without it, or when the job ended.
 * A claim that came after the verdict is void, too: nobody looks at its result any more. And so is one that its lease's
 * steward had written off (../allowance.ts): the money may be promised elsewhere. One owner is paid
 * once for a shard, whatever stewards apart leased to it: of several claims the first by lease, receipt and place.
 */
import { compareText } from '../../base/bytes.ts'
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import type { Lease, Receipt } from '../job/lease.ts'
import type { JobEnd, ShardVerdict, Verdict } from '../job/verdict.ts'
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
  | { readonly kind: 'verdict'; readonly record: Verified<Verdict> }
  | { readonly kind: 'end'; readonly record: Verified<JobEnd> }

export interface ClaimNews {
  readonly claim: Claim
  readonly outcome: ClaimWord
}

interface Known {
  readonly claim: Claim
  outcome: ClaimOutcome | undefined
}

interface Shard {
  readonly claims: Known[]
  readonly verdicts: { readonly record: Verified<Verdict>; readonly verdict: ShardVerdict }[]
}

/** Claims of a receipt. Throws ProtocolError amount-too-large. Empty when its lease pays nothing in this currency. */
export function claimsOfReceipt(job: PaidJob, lease: Verified<Lease>, receipt: Verified<Receipt>): Claim[] {
  const { price, positions, units, vehicle, owner } = lease.payload
  if (price === null || price.currency !== job.currency) return []
  return receipt.payload.covers.flatMap((place): Claim[] => {
    const [position, count] = [positions[place], units[place]]
    if (position === undefined || count === undefined) return []
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
  readonly #shards = new Map<number, Shard>()
  /** Positions of a verdict that later ones settle, as `<record>/<position>`. */
  readonly #settled = new Set<string>()
  /** What stewards say that they still owe of a lease; the word of its own counts. */
  readonly #writeOffs = new Map<LeaseId, { readonly by: PeerId; readonly places: readonly number[] }[]>()
  #ended = false

  constructor(job: PaidJob) {
    this.#job = job
  }

  /** Of every claim, what the records say of it by now. */
  *current(): Generator<ClaimNews> {
    for (const { claims, verdicts } of this.#shards.values())
      for (const { claim, outcome } of claims)
        if (outcome === 'pending') yield { claim, outcome: verdicts.length > 0 ? 'reopened' : 'pending' }
        else if (outcome !== undefined) yield { claim, outcome }
  }

  /** What this record changes. A receipt comes after its lease. Throws ProtocolError amount-too-large. */
  learn({ kind, record }: ClaimRecord): ClaimNews[] {
    if (this.#seen.has(record.id)) return []
    this.#seen.add(record.id)
    switch (kind) {
      case 'lease':
        this.#leases.set(record.id, record)
        return []
      case 'receipt': {
        const lease = this.#leases.get(record.payload.lease)
        if (lease === undefined) return []
        const claims = claimsOfReceipt(this.#job, lease, record)
        for (const claim of claims) this.#shard(claim.position).claims.push({ claim, outcome: undefined })
        return claims.flatMap(({ position }) => this.#judge(position))
      }
      case 'allowance': {
        const touched = new Set<number>()
        for (const { lease, places } of record.payload.writtenOff) {
          const others = this.#writeOffs.get(lease) ?? []
          this.#writeOffs.set(lease, [...others, { by: record.signer, places }])
          for (const position of this.#leases.get(lease)?.payload.positions ?? []) touched.add(position)
        }
        return [...touched].flatMap((position) => this.#judge(position))
      }
      case 'verdict': {
        const touched = new Set<number>()
        for (const verdict of record.payload.shards) {
          for (const settled of verdict.settles) this.#settled.add(`${settled}/${verdict.position}`)
          this.#shard(verdict.position).verdicts.push({ record, verdict })
          touched.add(verdict.position)
        }
        return [...touched].flatMap((position) => this.#judge(position))
      }
      case 'end': {
        if (this.#ended) return []
        this.#ended = true
        return [...this.#shards.keys()].flatMap((position) => this.#judge(position))
      }
    }
  }

  #shard(position: number): Shard {
    const known = this.#shards.get(position) ?? { claims: [], verdicts: [] }
    this.#shards.set(position, known)
    return known
  }

  #isWrittenOff({ lease, place }: Claim): boolean {
    const signer = this.#leases.get(lease)?.signer
    return (this.#writeOffs.get(lease) ?? []).some(
      ({ by, places }) => by === signer && !places.includes(place),
    )
  }

  #judge(position: number): ClaimNews[] {
    const { claims, verdicts } = this.#shard(position)
    const paid = this.#paidReceipts(position, verdicts)
    const paidOwners = new Set<OwnerId>()
    const news: ClaimNews[] = []
    for (const known of claims.sort(inOrder)) {
      const isOwed = paid?.has(known.claim.receipt) === true && !this.#isWrittenOff(known.claim)
      const counts = isOwed && !paidOwners.has(known.claim.owner)
      if (counts) paidOwners.add(known.claim.owner)
      const outcome = counts ? 'paid' : paid === undefined && !this.#ended ? 'pending' : 'void'
      const again = outcome === 'pending' && known.outcome !== undefined
      if (outcome !== known.outcome) news.push({ claim: known.claim, outcome: again ? 'reopened' : outcome })
      known.outcome = outcome
    }
    // What is taken back comes first: nobody is owed twice in between.
    return news.sort((a, b) => Number(a.outcome === 'paid') - Number(b.outcome === 'paid'))
  }

  /** Undefined while the shard is open. */
  #paidReceipts(position: number, verdicts: Shard['verdicts']): Set<RecordId> | undefined {
    const left = verdicts.filter(({ record }) => !this.#settled.has(`${record.id}/${position}`))
    const accepted = left.filter(({ verdict }) => verdict.outcome === 'accepted')
    const standing = (accepted.length > 0 ? accepted : left).sort((a, b) => inTurn(a.record, b.record))
    const [first] = standing
    if (first === undefined) return undefined
    const { result, outcome } = first.verdict
    const isAlike = standing.every(({ verdict }) => verdict.result === result)
    if (!isAlike && !this.#ended) return undefined
    if (outcome === 'failed') return new Set()
    const alike = verdicts.filter(
      ({ verdict }) => verdict.outcome === 'accepted' && verdict.result === result,
    )
    return new Set(alike.flatMap(({ verdict }) => verdict.agreeing))
  }
}

function inOrder(a: Known, b: Known): number {
  return compareText(a.claim.lease, b.claim.lease) || compareText(subjectOf(a.claim), subjectOf(b.claim))
}

/** As the steward does that restores them: by generation, then the same on all. */
function inTurn(a: Verified, b: Verified): number {
  return (
    a.epoch - b.epoch || compareText(a.signer, b.signer) || a.serial - b.serial || compareText(a.id, b.id)
  )
}
