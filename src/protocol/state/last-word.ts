/**
 * The last word: what the submitter's node signs once its job has ended, so that all stewards come to the same money.
 *
 * Stewards that were apart may have decided a shard differently, and one of them may hear of it only after the end. Each believes
 * itself; a recomputation proves nothing to the others; and who believes what depends on the order in which records came. While
 * the job runs, the steward that acts decides such a shard once more. After the end nobody acts. So the node that all believe, and
 * that pays, says of each such shard what counts there: the result that stands, or that there is none and which claims are owed
 * all the same. That verdict settles all that say otherwise, so the outcome follows from the set of records again. It settles as well
 * what says the same and does not count here, as where one of its leases does not, and names those of its claims that do count: their
 * vehicles did what the shard needed, and their own steward owes it to them.
 *
 * It says nothing of other shards, and of each a bounded number of times, whatever others sign. The alternative, to name in the
 * end all verdicts that it rests on, takes a record as large as the job, and says nothing of what comes later.
 */
import { pushTo } from '../../base/push-to.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import { unitsOwed } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Decision } from '../job/standing.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import { settledVerdictsMax, verdictReceiptsMax } from '../limits.ts'
import type { UnitCount } from '../price.ts'
import type { Claim } from '../verification/tally.ts'
import type { JobState } from './job-state.ts'

/** Verdicts of the submitter's node that settle what was said of one shard: after so many it leaves the shard, whatever others sign. A guess. */
export const lastWordsMax = 8

/** The verdicts that the submitter's node, `self`, has to add to the records of a job that has ended. */
export function lastWords(state: JobState, self: PeerId, shards: readonly ShardEntry[]): ShardVerdict[] {
  if (state.end() === undefined) return []
  const said = decisionsIn(state, shards)
  const accused = accusedIn(state, said)
  return [...said]
    .sort(([a], [b]) => a - b)
    .flatMap(([position, decisions]) => {
      const own = decisions.filter(({ record }) => record.signer === self)
      if (own.filter(({ verdict }) => verdict.settles.length > 0).length >= lastWordsMax) return []
      const standing = state.standing(position)
      const stands = standing.state === 'stands' ? standing.verdict : undefined
      const isAlike = ({ verdict }: Decision) => verdict.result !== null && verdict.result === stands?.result
      const left = decisions.filter(({ record }) => !state.verdicts.isSettledAt(record.id, position))
      const isSaid = own.some(isAlike) || !isDoubtful(state, stands, accused)
      const unheard = unheardIn(state, stands, left)
      if (isSaid && unheard.size === 0 && !left.some(({ verdict }) => saysOtherwise(verdict, stands)))
        return []
      const settled = left
        .filter((decision) => !isAlike(decision) || unheard.has(decision))
        .sort((a, b) => rankOf(a) - rankOf(b))
      const settles = settled.slice(0, settledVerdictsMax).map(({ record }) => record.id)
      if (stands?.outcome !== 'accepted')
        return { ...withoutResult(state, position, shards, stands), settles }
      const agreeing = [...new Set([...stands.agreeing, ...[...unheard.values()].flat()])]
      return { ...stands, agreeing: agreeing.slice(0, verdictReceiptsMax), settles }
    })
}

/** By position, all that the records say of the job's shards. */
function decisionsIn(state: JobState, shards: readonly ShardEntry[]): Map<number, Decision[]> {
  const said = new Map<number, Decision[]>()
  for (const { record } of state.inTurn('verdict'))
    for (const verdict of record.payload.shards)
      if (shards[verdict.position]?.shard === verdict.shard)
        pushTo(said, verdict.position, { record, verdict })
  return said
}

/** The owners of whom some verdict says that they are wrong, or who contradict themselves: a steward that believes it may not count what they say. */
function accusedIn(state: JobState, said: ReadonlyMap<number, readonly Decision[]>): Set<OwnerId> {
  const accused = new Set<OwnerId>()
  for (const decisions of said.values())
    for (const { verdict } of decisions)
      for (const receipt of verdict.outcome === 'accepted' ? verdict.contradicting : []) {
        const owner = state.leaseOf(receipt)?.owner
        if (owner !== undefined) accused.add(owner)
      }
  for (const { payload } of state.equivocated()) accused.add(payload.owner)
  return accused
}

/** It counts here, and may not count on a node that heard of other things first: a claim speaks against it, or it rests on an owner that is accused. */
function isDoubtful(
  state: JobState,
  stands: ShardVerdict | undefined,
  accused: ReadonlySet<OwnerId>,
): boolean {
  if (stands?.outcome !== 'accepted') return false
  const { position, result, agreeing } = stands
  if (agreeing.some((receipt) => accused.has(state.leaseOf(receipt)?.owner as OwnerId))) return true
  const alike = state.verdicts.agreeing(position, result!) // their bytes may differ where texts are compared
  return state.decisions
    .claimsOn(position)
    .some((claim) => claim.result !== result && !alike.has(claim.receipt))
}

/**
 * By verdict, the claims that count here for the result that stands, in the same units, and that no verdict names which counts here: one of
 * another steward names them, beside a claim that counts there alone. Each owner is named once.
 */
function unheardIn(
  state: JobState,
  stands: ShardVerdict | undefined,
  left: readonly Decision[],
): Map<Decision, readonly RecordId[]> {
  const unheard = new Map<Decision, readonly RecordId[]>()
  if (stands?.outcome !== 'accepted') return unheard
  const { position, result } = stands
  const named = state.verdicts.agreeing(position, result!)
  const claims = [...named].flatMap((receipt) => state.claimOf(receipt, position) ?? [])
  const owners = new Set(claims.map(({ owner }) => owner))
  const units = claims.find((claim) => claim.result === result)?.units
  for (const decision of left) {
    if (decision.verdict.result !== result) continue
    const receipts = decision.verdict.agreeing.filter((receipt) => {
      const claim = state.claimOf(receipt, position)
      if (claim?.result !== result || !isSameCount(claim.units, units)) return false
      if (owners.has(claim.owner) || !state.decisions.voices.has(claim.owner)) return false
      owners.add(claim.owner)
      return true
    })
    if (receipts.length > 0) unheard.set(decision, receipts)
  }
  return unheard
}

function isSameCount(one: UnitCount | undefined, other: UnitCount | undefined): boolean {
  return one?.input === other?.input && one?.output === other?.output
}

/** Tells whether a node that believes it comes to another result, or to other money. */
function saysOtherwise(
  { outcome, result, agreeing }: ShardVerdict,
  stands: ShardVerdict | undefined,
): boolean {
  if (outcome === 'accepted') return result !== stands?.result
  return stands?.outcome !== 'accepted' && !haveSame(agreeing, stands?.agreeing ?? [])
}

/** There is no result; claims that agree are owed all the same, but for places that were written off, and those that were owed stay so. */
function withoutResult(
  state: JobState,
  position: number,
  shards: readonly ShardEntry[],
  before: ShardVerdict | undefined,
): Omit<ShardVerdict, 'settles'> {
  const isPaid = ({ receipt }: Claim) => isOpen(state, receipt, position)
  const { owed, others } = state.decisions.owedOn(position, isPaid)
  const receipts = (claims: readonly Claim[]) =>
    claims.slice(0, verdictReceiptsMax).map(({ receipt }) => receipt)
  const isMore = owed.length >= (before?.agreeing.length ?? 0)
  return {
    ...{ position, shard: shards[position]!.shard, outcome: 'failed', status: 'final', result: null },
    because: 'ended',
    agreeing: isMore ? receipts(owed) : before!.agreeing,
    contradicting: isMore ? receipts(others) : before!.contradicting,
  }
}

/** Tells whether the place of a claim was not written off. */
function isOpen(state: JobState, receipt: RecordId, position: number): boolean {
  const entry = state.get(receipt)
  const lease = state.leaseOf(receipt)
  if (entry?.kind !== 'receipt' || lease === undefined) return false
  const place = lease.positions.indexOf(position)
  const { payload } = entry.record
  return state.allowances.isOpen(payload.lease, place, unitsOwed(lease, payload, place))
}

/** Accepted results are settled first, where there are too many for one verdict. */
function rankOf({ verdict }: Decision): number {
  return verdict.outcome === 'accepted' ? 0 : 1
}

function haveSame(some: readonly RecordId[], others: readonly RecordId[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id))
}
