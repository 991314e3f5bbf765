/** The part of a council that fetches and announces what this steward holds: the job's inputs and accepted results. */
import type { PeerId } from '../ids.ts'
import type { Verdict } from '../job/verdict.ts'
import { holdingVerdictsMax } from '../limits.ts'
import type { Verified } from '../record/record.ts'
import { fellowsOf, hasEnded, isReader, issue, type Seat } from './seat.ts'

/** Puts on record that the inputs are here. */
export function sayInputsHeld(seat: Seat): void {
  const { self } = seat.options
  if (
    isReader(seat) ||
    fellowsOf(seat).length === 0 ||
    seat.records.holders.hasInputs(self) ||
    hasEnded(seat)
  )
    return
  issue(seat, 'holding', { inputs: true, verdicts: [] })
}

/** Asks for accepted results that are not here. */
export function fetchResults(seat: Seat, nowMs: number): void {
  const isReached = (peer: PeerId) => seat.connected.has(peer) && seat.attendance.lives(peer, nowMs)
  for (const { verdict, from } of seat.results.toFetch(isReached)) fetchResultsOf(seat, verdict, from)
}

/** Asks this steward for the results that a verdict accepts. */
export function fetchResultsOf(seat: Seat, verdict: Verified<Verdict>, from: PeerId): void {
  if (!seat.results.startFetch(verdict)) return
  const results = verdict.payload.shards.flatMap(({ result }) => (result === null ? [] : [result]))
  seat.effects.push({ type: 'hold-results', verdict: verdict.id, results, from })
}

/** Puts on record which results have come. */
export function sayArrived(seat: Seat): void {
  if (isReader(seat)) return
  for (;;) {
    const verdicts = seat.results.takeArrived(holdingVerdictsMax)
    if (verdicts.length === 0) return
    issue(seat, 'holding', { inputs: false, verdicts })
  }
}
