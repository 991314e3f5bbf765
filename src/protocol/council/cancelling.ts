/**
 * Cancels a job on its submitter's word: the steward that acts ends it at once, and everybody passes the word on.
 *
 * A steward that acts may be slow, or may not want to hear. One that stands by and has waited for its end takes over then, and
 * ends the job itself. Two ends do no harm: both rest on the same word.
 */
import { cancelPatienceMs } from '../limits.ts'
import type { Opened } from '../records.ts'
import { hasEnded, type Seat, shareWithAll } from './seat.ts'
import { tellSteward } from './turn.ts'

/** The cancellation has just come, and is among the records of the job. */
export function heedCancellation(seat: Seat, entry: Opened<'cancellation'>, nowMs: number): void {
  seat.cancelledMs ??= nowMs
  if (hasEnded(seat)) return
  shareWithAll(seat, entry)
  tellSteward(seat, { type: 'cancel' }, nowMs)
}

/** Tells whether a steward that does not act ends the job, since the one that acts has not done so in time. */
export function isCancelOverdue(seat: Seat, nowMs: number): boolean {
  if (seat.steward !== undefined || !seat.records.decisions.isCancelled) return false
  seat.cancelledMs ??= nowMs // it was known before a restart
  return nowMs - seat.cancelledMs >= cancelPatienceMs
}
