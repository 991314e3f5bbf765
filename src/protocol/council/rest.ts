/** When a steward has nothing left to do for a job. */

import type { RecordId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import { beatIntervalMs } from '../limits.ts'
import { reportedOf } from '../state/reported.ts'
import { owesLastWord } from './closing.ts'
import { differs, fellowsOf, hasEnded, isGone, isReader, type Seat } from './seat.ts'

/** Tells whether this node has the end of the job, the verdicts that it stands on and all accepted results. */
export function isComplete(seat: Seat): boolean {
  return hasEnded(seat) && seat.shards !== null && hasVerdicts(seat, seat.shards) && seat.results.areAllHere
}

/**
 * Tells whether a council has nothing left to do until it hears something: the job has ended, this node has all of
 * it, it has asked for all results that verdicts of others rest on, and every other steward has said that it has the same records, or has been gone for so long that it is not
 * sought any more.
 */
export function rests(seat: Seat, nowMs: number): boolean {
  if (!isComplete(seat) || seat.results.haveNews) return false
  if (isReader(seat)) return true
  if (seat.records.decisions.isSeeking) return false
  const isHeard = fellowsOf(seat).every((peer) => !differs(seat, peer) || isGone(seat, peer, nowMs))
  return isHeard && !owesLastWord(seat)
}

/** Asks for the next look, where there is something left to do. */
export function wakeUnlessAtRest(seat: Seat, nowMs: number): void {
  if (seat.isWaking || rests(seat, nowMs)) return
  seat.isWaking = true
  seat.effects.push({ type: 'wake', atMs: nowMs + beatIntervalMs })
}

/** Records come in any order: the end of a complete job may be here before the verdicts on its shards. */
function hasVerdicts(seat: Seat, shards: readonly ShardEntry[]): boolean {
  if (seat.records.end()?.payload.outcome !== 'complete') return true
  return seat.records.verdicts.positions().length === shards.length
}

/**
 * Tells whether every receipt is here that a verdict rests on, the candidates from which those were drawn that it counts, and what the
 * submitter's node signed about money: records come in any order, and a report needs them all.
 */
export function hasGrounds(seat: Seat): boolean {
  const { records } = seat
  const listed = new Map<RecordId, boolean>()
  const isDrawn = (receipt: RecordId) => {
    const basis = records.drawnFrom(receipt)
    if (basis === undefined) return false
    const isListed = listed.get(basis) ?? records.candidatesOf(basis) !== undefined
    listed.set(basis, isListed)
    return isListed
  }
  for (const { payload } of records.verdicts.records.values())
    for (const { agreeing, contradicting } of payload.shards)
      if (!agreeing.every(isDrawn) || !contradicting.every((receipt) => records.has(receipt))) return false
  return !lacksMoney(seat)
}

/**
 * The submitter's node promises nothing beyond what it may. Where a lease of it does not count that the report rests on, an earlier record
 * of it is missing: on its way, or lost with it.
 */
function lacksMoney({ records, options }: Seat): boolean {
  const submitter = options.manifest.stewards[0]?.peer
  const isOwn = (id: RecordId) => records.get(id)?.record.signer === submitter
  const isBeyond = [...records.allowances.promises()].some(
    ({ record, counts }) => !counts && isOwn(record.id),
  )
  return isBeyond && [...reportedOf(records)].some(([id, note]) => note === 'unpaid' && isOwn(id))
}
