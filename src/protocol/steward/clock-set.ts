/**
 * After the clock of this machine was set: the moments from which a steward counts go along. The deadline of the job, and
 * the times until which vehicles will be there, are dates, and stay.
 */
import type { Desk } from './desk.ts'

/** `byMs`: how far it was set forward, or back when negative. */
export function clockWasSet(desk: Desk, byMs: number): void {
  desk.leases.clockSet(byMs)
  desk.patience.clockSet(byMs)
  desk.rooms.clockSet(byMs)
  desk.returns.clockSet(byMs)
  desk.windows?.clockSet(byMs)
  for (const [position, apart] of desk.apart)
    desk.apart.set(position, { ...apart, untilMs: apart.untilMs + byMs })
  if (desk.short !== undefined) desk.short.sinceMs += byMs
  if (desk.startedMs !== undefined) desk.startedMs += byMs
}
