/**
 * The tally: turns the claims about one shard into a verdict, or into the replicas that are still missing.
 *
 * While all agree, m voices of distinct owners are enough. Once two disagree, unanimity is gone for good and
 * the shard is accepted only when one answer leads all others together by d voices, or when the steward, asked
 * as arbiter, has recomputed it with the exact engine. Disagreement costs replicas, never a wrong answer.
 *
 * When two claims agree is for the job's runtime to say (agreement.ts). Nothing is ever rounded: a rounding has an edge,
 * and on the edge two honest vehicles differ. Nor is anything chained: all claims of a group agree with each other.
 *
 * A vehicle that ran out of time or memory, or whose process died, says so in its result. That is its word
 * about itself, not about the document: against a claim that succeeded it has no voice, and only when m owners
 * failed alike, and nobody succeeded, is the failure what the submitter gets.
 */
import { compareText } from '../../base/bytes.ts'
import type { Cid, OwnerId, PeerId, RecordId } from '../ids.ts'
import {
  type Agreement,
  type Content,
  isTolerance,
  type Tolerance,
  withinTolerance,
} from '../job/agreement.ts'
import type { Assurance } from '../job/manifest.ts'
import { comparedResultsMax } from '../limits.ts'

export interface Claim {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly receipt: RecordId
  readonly result: Cid
  /** The instruction-set class that the steward pinned for this vehicle. */
  readonly isa: string | null
  /** Digest of what is compared across classes: the texts and errors of all pages. */
  readonly text: string
  /** Some page failed for want of resources: see above. */
  readonly exhausted: boolean
  /** The part of a result that is compared under a tolerance. */
  readonly content?: Content
}

/** The result that the steward got by recomputing with the exact engine. */
export interface Recomputation {
  readonly result: Cid
  readonly text: string
  readonly content?: Content
}

export type Tally =
  | {
      readonly state: 'open'
      readonly missing: number
      readonly disputed: boolean
      /** The largest group that agrees; all that count, while nobody disagrees. */
      readonly leading: readonly Claim[]
    }
  | {
      readonly state: 'accepted'
      readonly result: Cid
      readonly because: 'unanimous' | 'lead' | 'recomputed'
      readonly agreeing: readonly Claim[]
      /** Claims of something else, except exhausted ones. Named in the report. */
      readonly contradicting: readonly Claim[]
    }

/** At most one claim of each owner counts: the first in the order given. */
export function tally(
  claims: readonly Claim[],
  assurance: Pick<Assurance, 'replicas' | 'lead'>,
  agreement: Agreement,
  recomputed: Recomputation | undefined,
): Tally {
  const voices = oneForEachOwner(claims)
  const successes = voices.filter((claim) => !claim.exhausted)
  const counted = successes.length > 0 || recomputed !== undefined ? successes : voices
  const groups = groupByAnswer(counted, agreement)

  if (recomputed !== undefined) return arbitrated(groups, counted, agreement, recomputed)

  const best = groups[0]
  if (best === undefined) return { state: 'open', missing: assurance.replicas, disputed: false, leading: [] }
  const others = counted.length - best.length
  const disputed = others > 0
  if (disputed && counted !== successes) {
    const missing = Math.max(0, assurance.replicas - best.length)
    return missing > 0
      ? { state: 'open', missing, disputed: false, leading: best }
      : accepted(best, counted, 'unanimous')
  }
  const missing = disputed ? assurance.lead - (best.length - others) : assurance.replicas - best.length
  if (missing > 0) return { state: 'open', missing, disputed, leading: best }
  return accepted(best, counted, disputed ? 'lead' : 'unanimous')
}

/** Do two claims say the same? */
export function answersAlike(a: Claim, b: Claim, agreement: Agreement): boolean {
  if (a.result === b.result) return true
  if (isTolerance(agreement)) return areWithin(agreement, a, b)
  return agreement === 'class-text' && a.isa !== b.isa && a.text === b.text
}

function oneForEachOwner(claims: readonly Claim[]): Claim[] {
  const byOwner = new Map<OwnerId, Claim>()
  for (const claim of claims) if (!byOwner.has(claim.owner)) byOwner.set(claim.owner, claim)
  return [...byOwner.values()]
}

/**
 * Groups that agree pairwise, the largest first, ties by result. Agreement is not transitive across classes
 * (a's bytes differ from b's in one class, both texts equal c's), so a group takes one result of each class:
 * the one that most claim.
 */
function groupByAnswer(claims: readonly Claim[], agreement: Agreement): Claim[][] {
  if (isTolerance(agreement)) return groupsWithin(agreement, claims)
  const groups: Claim[][] = []
  let left = [...claims]
  while (left.length > 0) {
    const sameText = gather(left, (claim) => (agreement === 'bytes' ? claim.result : claim.text))
    const group = [...Map.groupBy(sameText, (claim) => claim.isa ?? '').values()].flatMap((sameClass) =>
      gather(sameClass, (claim) => claim.result),
    )
    groups.push(group)
    const taken = new Set(group)
    left = left.filter((claim) => !taken.has(claim))
  }
  return groups.sort((a, b) => b.length - a.length || compareText(a[0]!.result, b[0]!.result))
}

function areWithin(
  tolerance: Tolerance,
  a: { readonly content?: Content },
  b: { readonly content?: Content },
): boolean {
  return (
    a.content !== undefined && b.content !== undefined && withinTolerance(tolerance, a.content, b.content)
  )
}

/**
 * Under a tolerance: the most claims all of which agree with each other, then the rest likewise. The same claims are
 * grouped the same in whatever order they came.
 */
function groupsWithin(tolerance: Tolerance, claims: readonly Claim[]): Claim[][] {
  const groups: Claim[][] = []
  let left = [...claims]
  while (left.length > 0) {
    const results = [...Map.groupBy(left, (claim) => claim.result)]
      .sort(([a, one], [b, other]) => other.length - one.length || compareText(a, b))
      .map(([, all]) => all)
    const alike = new Set(largestWithin(tolerance, results.slice(0, comparedResultsMax)).flat())
    groups.push(left.filter((claim) => alike.has(claim)))
    left = left.filter((claim) => !alike.has(claim))
  }
  return groups
}

/**
 * Returns, of claims grouped by result, those whose results agree pairwise: as many claims as possible, the first
 * found of equals.
 */
function largestWithin(tolerance: Tolerance, results: readonly Claim[][]): Claim[][] {
  let best: Claim[][] = []
  let most = 0
  const grow = (chosen: readonly Claim[][], size: number, candidates: readonly Claim[][]) => {
    if (size > most) {
      most = size
      best = [...chosen]
    }
    let possible = candidates.reduce((sum, { length }) => sum + length, size)
    for (const [i, next] of candidates.entries()) {
      if (possible <= most) return
      const rest = candidates.slice(i + 1).filter((other) => areWithin(tolerance, next[0]!, other[0]!))
      grow([...chosen, next], size + next.length, rest)
      possible -= next.length
    }
  }
  grow([], 0, results)
  return best
}

/** The largest set of claims with one key; ties go to the key that sorts first. */
function gather(claims: readonly Claim[], key: (claim: Claim) => string): Claim[] {
  const sets = [...Map.groupBy(claims, key)]
  sets.sort(([a, one], [b, other]) => other.length - one.length || compareText(a, b))
  return sets[0]![1]
}

function accepted(agreeing: Claim[], counted: Claim[], because: 'unanimous' | 'lead'): Tally {
  const inside = new Set(agreeing)
  const contradicting = counted.filter((claim) => !inside.has(claim) && !claim.exhausted)
  const result = gather(agreeing, (claim) => claim.result)[0]!.result
  return { state: 'accepted', result, because, agreeing, contradicting }
}

/** The steward's own bytes stand in where the vehicles that agree with its text have no common result. */
function arbitrated(
  groups: Claim[][],
  counted: Claim[],
  agreement: Agreement,
  recomputed: Recomputation,
): Tally {
  const agrees = (claim: Claim) => {
    if (isTolerance(agreement))
      return claim.result === recomputed.result || areWithin(agreement, claim, recomputed)
    return agreement === 'bytes' ? claim.result === recomputed.result : claim.text === recomputed.text
  }
  const agreeing = counted.filter(agrees)
  const contradicting = counted.filter((claim) => !agrees(claim))
  const clear = groups.filter((group) => group.some(agrees))
  const result =
    clear.length === 1 && !isTolerance(agreement)
      ? gather(clear[0]!, (claim) => claim.result)[0]!.result
      : recomputed.result
  return { state: 'accepted', result, because: 'recomputed', agreeing, contradicting }
}
