/** When a job that is decided may end: its results are safe, and what stewards decided apart was looked at. */
import { endPatienceMs, proofWaitMs } from '../limits.ts'
import { livingFellows, type Seat } from './seat.ts'

/**
 * Tells whether a job that is decided may end: all accepted results are on two disks, or on those of all who live, or were
 * waited for long enough and are here; and what others decided apart was looked at.
 */
export function mayEnd(seat: Seat, nowMs: number): boolean {
  const { results, unsafeSinceMs } = seat
  const isLate = unsafeSinceMs !== undefined && nowMs - unsafeSinceMs >= endPatienceMs && results.areAllHere
  return (isLate || results.areSafe(livingFellows(seat, nowMs))) && !isJudging(seat, nowMs)
}

/**
 * Tells whether what others decided is still being looked at. Whoever takes over waits for that a moment, or it would do
 * again what was done.
 */
export function isJudging({ judgingSinceMs }: Seat, nowMs: number): boolean {
  return judgingSinceMs !== undefined && nowMs - judgingSinceMs < proofWaitMs
}
