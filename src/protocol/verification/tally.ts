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
 * Where several answers, or several bytes of one answer, are as good, the one that was leased first is taken. Stewards
 * number their leases, while the name of a result, or the moment at which it arrives, is the vehicle's to choose.
 *
 * A vehicle that ran out of time, memory or stack, or whose process died, says so in its result. That is its word
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
import type { Verified } from '../record/record.ts'

/** A lease's place among those of its job. */
type LeaseTurn = Pick<Verified, 'epoch' | 'signer' | 'serial'>

export interface Claim {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly receipt: RecordId
  readonly result: Cid
  /** The lease that it came from. */
  readonly lease: LeaseTurn
  /** Digest of the texts and errors of all pages: what is compared where bytes are not. */
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
  /** Under `scored`: results that the steward has scored, and that passed. They are as good as this one. */
  readonly passed?: readonly Cid[]
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

/**
 * At most one claim of each owner counts: that of its first lease. The order in which claims are given changes nothing.
 * Where `areEnough` says no of as many voices as there must be (../job/order.ts), one is missing.
 */
export function tally(
  claims: readonly Claim[],
  assurance: Pick<Assurance, 'replicas' | 'lead'>,
  agreement: Agreement,
  recomputed: Recomputation | undefined,
  areEnough: (voices: readonly Claim[], needed: number) => boolean = always,
): Tally {
  const voices = oneForEachOwner([...claims].sort(inOrderOfLeases))
  const successes = voices.filter((claim) => !claim.exhausted)
  const counted = successes.length > 0 || recomputed !== undefined ? successes : voices
  if (recomputed !== undefined) return arbitrated(counted, agreement, recomputed)

  const groups = groupByAnswer(counted, agreement)
  const best = groups[0]
  if (best === undefined) return { state: 'open', missing: assurance.replicas, disputed: false, leading: [] }
  const others = counted.length - best.length
  const disputed = others > 0
  const missingOf = (needed: number, against: number) =>
    Math.max(needed - (best.length - against), areEnough(best, needed) ? 0 : 1)
  if (disputed && counted !== successes) {
    const missing = missingOf(assurance.replicas, 0)
    return missing > 0
      ? { state: 'open', missing, disputed: false, leading: best }
      : accepted(best, counted, 'unanimous')
  }
  const missing = disputed ? missingOf(assurance.lead, others) : missingOf(assurance.replicas, 0)
  if (missing > 0) return { state: 'open', missing, disputed, leading: best }
  return accepted(best, counted, disputed ? 'lead' : 'unanimous')
}

/**
 * Returns the result that stands for claims that agree: the one that most of them name, of equals the one that was
 * leased first. `claims` is in the order of leases, and not empty.
 */
export function representative(claims: readonly Claim[]): Cid {
  return byFrequency(claims)[0]![0]!.result
}

/** The same of claims in any order. */
export function mostClaimed(claims: readonly Pick<Claim, 'result' | 'lease'>[]): Cid {
  return byFrequency([...claims].sort(inOrderOfLeases))[0]![0]!.result
}

function always(): boolean {
  return true
}

/** The facts about a result that are compared. */
type Compared = Pick<Claim, 'result' | 'text' | 'content'>

/** Do two results say the same? */
export function answersAlike(a: Compared, b: Compared, agreement: Agreement): boolean {
  if (a.result === b.result) return true
  if (isTolerance(agreement)) return areWithin(agreement, a, b)
  return agreement === 'class-text' && a.text === b.text
}

function inOrderOfLeases({ lease: a }: Pick<Claim, 'lease'>, { lease: b }: Pick<Claim, 'lease'>): number {
  return a.epoch - b.epoch || compareText(a.signer, b.signer) || a.serial - b.serial
}

function oneForEachOwner(claims: readonly Claim[]): Claim[] {
  const byOwner = new Map<OwnerId, Claim>()
  for (const claim of claims) if (!byOwner.has(claim.owner)) byOwner.set(claim.owner, claim)
  return [...byOwner.values()]
}

/** Groups that agree pairwise, the largest first, of equals the one that was leased first. */
function groupByAnswer(claims: readonly Claim[], agreement: Agreement): Claim[][] {
  if (isTolerance(agreement)) return groupsWithin(agreement, claims)
  const groups = Map.groupBy(claims, ({ text, result }) => (agreement === 'class-text' ? text : result))
  return [...groups.values()].sort((a, b) => b.length - a.length)
}

/** Use: comparing two long texts takes a tenth of a second, and each review of a shard asks again. */
const compared = new WeakMap<Tolerance, WeakMap<Content, WeakMap<Content, boolean>>>()

function areWithin(tolerance: Tolerance, { content: a }: Compared, { content: b }: Compared): boolean {
  if (a === undefined || b === undefined) return false
  const ofTolerance = compared.get(tolerance) ?? new WeakMap<Content, WeakMap<Content, boolean>>()
  const ofOne = ofTolerance.get(a) ?? new WeakMap<Content, boolean>()
  const isAlike = ofOne.get(b) ?? withinTolerance(tolerance, a, b)
  compared.set(tolerance, ofTolerance.set(a, ofOne.set(b, isAlike)))
  return isAlike
}

/** Under a tolerance: the most claims all of which agree with each other, then the rest likewise. */
function groupsWithin(tolerance: Tolerance, claims: readonly Claim[]): Claim[][] {
  const groups: Claim[][] = []
  let left = [...claims]
  while (left.length > 0) {
    const results = byFrequency(left)
    const alike = new Set(largestWithin(tolerance, results.slice(0, comparedResultsMax)).flat())
    groups.push(left.filter((claim) => alike.has(claim)))
    left = left.filter((claim) => !alike.has(claim))
  }
  return groups
}

/** The claims of each result, those of the most frequent one first, of equals those of the first lease. */
function byFrequency<Some extends Pick<Claim, 'result'>>(claims: readonly Some[]): Some[][] {
  // Sorting is stable, and groups are in the order of their first claims.
  return [...Map.groupBy(claims, ({ result }) => result).values()].sort((a, b) => b.length - a.length)
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

function accepted(agreeing: Claim[], counted: Claim[], because: 'unanimous' | 'lead'): Tally {
  const inside = new Set(agreeing)
  const contradicting = counted.filter((claim) => !inside.has(claim) && !claim.exhausted)
  return { state: 'accepted', result: representative(agreeing), because, agreeing, contradicting }
}

/** The steward's own bytes are the result: nobody else has any say in them. */
function arbitrated(counted: Claim[], agreement: Agreement, recomputed: Recomputation): Tally {
  const passed = new Set(recomputed.passed)
  const agrees = (claim: Claim) => passed.has(claim.result) || answersAlike(claim, recomputed, agreement)
  const agreeing = counted.filter(agrees)
  const contradicting = counted.filter((claim) => !agrees(claim))
  return { state: 'accepted', result: recomputed.result, because: 'recomputed', agreeing, contradicting }
}
