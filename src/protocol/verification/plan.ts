/**
 * Plans: finds the replicas and checks that an error bound takes, and their cost.
 *
 * Against an informed cartel that holds a share f of the owners, m unanimous replicas of distinct owners are wrong with
 * probability at most f^m, the chance that the draw met only its members. After a disagreement unanimity is gone; then
 * Wald's sequential test accepts at a lead of d voices, wrong with probability r^d / (1 + r^d) for r = f / (1 − f).
 *
 * Checks are cheaper for large jobs. Of a window of an owner's claims, k are checked at random after they were
 * signed, and one lie that is found takes all of them back and the owner's voice for good. An owner that lies in a
 * share s of a window is not found with probability (1 − s)^k, so that the expected share of wrong results, f/(1 − f)
 * · s(1 − s)^k, is at most f / ((1 − f)·e·k), and m times less where m owners must stand for each shard, all of whose
 * windows are checked (Sarmenta 2001, "Sabotage-tolerance mechanisms", with blacklisting and backtracking). Checks by
 * other owners count as k(1 − f), since those may be of the cartel, too; recomputing here counts in full. (Notes on
 * reliability, §3; all were checked there by Monte Carlo.)
 */
import { ProtocolError } from '../errors.ts'
import type { Audits } from '../job/manifest.ts'
import { isSampled } from '../job/window.ts'
import { checkShareMin, voicesMax, windowShardsMax } from '../limits.ts'

export const errorBoundDefault = 1e-4
export const colludingShareDefault = 0.01

export interface PlanRequest {
  readonly errorBound: number
  readonly colludingShare: number
  readonly shards: number
  /** Distinct owners that could execute the job now. */
  readonly owners: number
  /**
   * The party that would check: recomputing on the steward costs no vehicle anything, and takes the steward's time.
   */
  readonly auditor: Audits['auditor']
  /** The work of one check, as a part of an execution. Left out: 1, the claim is made again. */
  readonly checkCost?: number
  /** Results are wanted while the job runs. Left out: when it is complete is soon enough, and cheaper. */
  readonly isFollowed?: boolean
}

/**
 * Windows of a job that is followed hold so many shards for each of their checks: the checks cost an eighth of it at least, and a quarter
 * at most, since an owner has two windows or more. Larger windows cost less and hold results back for longer. A guess.
 */
const followedShardsPerCheck = 8

export interface Plan {
  /** Voices that are enough when all agree. */
  readonly replicas: number
  readonly lead: number
  /** Null: unanimous replicas for every shard. */
  readonly audits: Audits | null
  /** Expected while nobody lies and nobody drives off; checks by the steward count, too. */
  readonly executionsPerShard: number
  /** The error bound that it guarantees, at least as good as the one asked for. */
  readonly errorBound: number
  readonly ownersNeeded: number
}

/** All plans that meet the bound, the cheapest first. Throws ProtocolError('impossible-bound'). */
export function plansFor(request: PlanRequest): Plan[] {
  const { errorBound, colludingShare } = request
  const replicas = replicasFor(errorBound, colludingShare)
  const lead = leadFor(errorBound, colludingShare)
  const plans: Plan[] = [
    {
      replicas,
      lead,
      audits: null,
      executionsPerShard: replicas,
      errorBound: colludingShare ** replicas,
      ownersNeeded: replicas,
    },
  ]
  for (let m = 1; m < replicas; m += 1) {
    const plan = auditedPlan(request, m, replicas, lead)
    if (plan !== undefined) plans.push(plan)
  }
  return plans.sort((a, b) => a.executionsPerShard - b.executionsPerShard)
}

/** Returns the worth of each of k checks against the cartel that they are to find. */
function worthOf(auditor: Audits['auditor'], colludingShare: number): number {
  return auditor === 'owners' ? 1 - colludingShare : 1
}

/** f / ((1 − f)·e·m·k). */
function auditedBound(colludingShare: number, m: number, checks: number): number {
  return colludingShare / ((1 - colludingShare) * Math.E * m * checks)
}

/** Undefined when windows would be too small to be checked by drawing, or the job is followed and would end before the first one closes. */
function auditedPlan(
  { errorBound, colludingShare, shards, owners, auditor, checkCost = 1, isFollowed = false }: PlanRequest,
  m: number,
  replicas: number,
  lead: number,
): Plan | undefined {
  const worth = worthOf(auditor, colludingShare)
  const least = auditedBound(colludingShare, m, 1) / errorBound / worth
  const claimsOfOwner = (shards * m) / Math.max(1, owners)
  const leastChecks = Math.max(1, Math.ceil(least - 1e-9))
  const most = isFollowed ? Math.min(windowShardsMax, followedShardsPerCheck * leastChecks) : windowShardsMax
  const windows = Math.max(1, Math.ceil(claimsOfOwner / most))
  if (isFollowed && windows === 1) return undefined
  const size = Math.floor(claimsOfOwner / windows)
  const checks = Math.max(leastChecks, Math.ceil(size * checkShareMin))
  // Alike where results are waited for, lest the first of two windows be nearly all that an owner does.
  const windowShards = isFollowed ? Math.ceil(claimsOfOwner / windows) : most
  const audits: Audits = { replicas: m, checks, windowShards, auditor }
  if (checks > windowShardsMax || !isSampled(size, audits, replicas)) return undefined
  return {
    replicas,
    lead,
    audits,
    executionsPerShard: m * (1 + (checks * checkCost) / size),
    errorBound: auditedBound(colludingShare, m, checks * worth),
    ownersNeeded: Math.max(m + 1, 2),
  }
}

/** The least m with f^m ≤ ε. Throws ProtocolError('impossible-bound'). */
export function replicasFor(errorBound: number, colludingShare: number): number {
  checkBound(errorBound, colludingShare)
  for (let m = 1; m <= voicesMax; m += 1) if (atMost(colludingShare ** m, errorBound)) return m
  throw new ProtocolError({
    code: 'impossible-bound',
    why: `no ${voicesMax} replicas reach ${errorBound} when a share of ${colludingShare} colludes`,
  })
}

/** The least d with r^d / (1 + r^d) ≤ ε. Throws ProtocolError('impossible-bound'). */
export function leadFor(errorBound: number, colludingShare: number): number {
  checkBound(errorBound, colludingShare)
  const r = colludingShare / (1 - colludingShare)
  for (let d = 1; d <= voicesMax; d += 1) if (atMost(r ** d / (1 + r ** d), errorBound)) return d
  throw new ProtocolError({
    code: 'impossible-bound',
    why: `no lead of ${voicesMax} voices reaches ${errorBound} when a share of ${colludingShare} colludes`,
  })
}

/** 0.01² is 1.0000000000000002e-4 in binary: a bound that is met in decimals is met. */
function atMost(value: number, bound: number): boolean {
  return value <= bound * (1 + 1e-9)
}

function checkBound(errorBound: number, colludingShare: number): void {
  if (!(errorBound > 0 && errorBound < 1))
    throw new ProtocolError({ code: 'impossible-bound', why: `${errorBound} is not between 0 and 1` })
  if (!(colludingShare >= 0 && colludingShare < 0.5))
    throw new ProtocolError({
      code: 'impossible-bound',
      why: `a colluding share of ${colludingShare} is not between 0 and 0.5, where no number of voices helps`,
    })
}
