/**
 * After the clock of this machine was set: the moments from which a council counts go along, so that nobody is taken for
 * silent, or left unasked, for as long as the step was.
 */
import { stewardLeaseMs } from '../limits.ts'
import type { Seat } from './seat.ts'

/** `byMs`: how far it was set forward, or back when negative. `nowMs` is by the clock as it is now. */
export function clockWasSet(seat: Seat, byMs: number, nowMs: number): void {
  seat.attendance.clockSet(byMs)
  seat.progress.clockSet(byMs)
  if (seat.cancelledMs !== undefined) seat.cancelledMs += byMs
  if (seat.judgingSinceMs !== undefined) seat.judgingSinceMs += byMs
  if (seat.unsafeSinceMs !== undefined) seat.unsafeSinceMs += byMs
  if (seat.closingSinceMs !== undefined) seat.closingSinceMs += byMs
  seat.watch.clockSet(byMs)
  // It may have been a sleep, in which stewards that were not heard may have lived all the same.
  if (byMs > stewardLeaseMs / 2) seat.attendance.seatAnew(nowMs)
  for (const [peer, atMs] of seat.compared) seat.compared.set(peer, atMs + byMs)
  for (const [peer, atMs] of seat.soughtAnewMs) seat.soughtAnewMs.set(peer, atMs + byMs)
  for (const [peer, atMs] of seat.answeredMs) seat.answeredMs.set(peer, atMs + byMs)
  for (const [peer, { owner, untilMs }] of seat.refused)
    seat.refused.set(peer, { owner, untilMs: untilMs + byMs })
  if (seat.invited !== undefined) seat.invited = { ...seat.invited, untilMs: seat.invited.untilMs + byMs }
  seat.noWayUntilMs += byMs
  seat.ownNewsMs += byMs
  seat.ownReturnMs += byMs
  if (seat.begunMs !== undefined) seat.begunMs += byMs
  if (seat.actingSinceMs !== undefined) seat.actingSinceMs += byMs
  if (seat.lookedMs !== undefined) seat.lookedMs += byMs
}
