/**
 * A gap: this node's process stood still, or its clock was set and nobody told it so. What it heard before says nothing about
 * now, and what others did meanwhile may still be on its way. So its moments go along, and whatever it has watched since some
 * moment it watches anew: else it would take the turn of a steward that was there all the time, and refuse what that one leased.
 */
import { stewardLeaseMs } from '../limits.ts'
import { clockWasSet } from './clock-set.ts'
import type { CouncilInput } from './contract.ts'
import type { Seat } from './seat.ts'

/** Call with each input, before anything else. */
export function heedClock(seat: Seat, input: CouncilInput, nowMs: number): void {
  if (input.type === 'clock-set') clockWasSet(seat, input.byMs, nowMs)
  else heedGap(seat, nowMs)
}

function heedGap(seat: Seat, nowMs: number): void {
  const sinceMs = nowMs - (seat.lookedMs ?? nowMs)
  if (sinceMs >= 0 && sinceMs <= stewardLeaseMs / 2) return
  clockWasSet(seat, sinceMs, nowMs)
  seat.attendance.seatAnew(nowMs)
  seat.progress.awaitNews(nowMs)
  seat.watch.watchAnew(nowMs)
  if (seat.actingSinceMs !== undefined) seat.actingSinceMs = nowMs
}
