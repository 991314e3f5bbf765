/** Waits for cheap hours, where the submitter has said that the job has time until its deadline. */
import { cheapHours, type PricedVehicle } from '../energy/cheap-hours.ts'
import type { Desk } from './desk.ts'

/** To look is to add up what is open, and to sort what everybody asks. */
const lookMs = 60_000

/** Tells whether leases are given out now. */
export function isTimeToLease(desk: Desk, nowMs: number): boolean {
  const { waits, payment, deadlineMs } = desk.options.manifest
  if (waits !== true || payment === null) return true
  const known = desk.waiting
  if (known !== undefined && nowMs >= known.sinceMs && nowMs < known.sinceMs + lookMs) return known.isTime
  const { isTime } = cheapHours(vehiclesOf(desk), needMsOf(desk), nowMs, deadlineMs)
  desk.waiting = { sinceMs: nowMs, isTime }
  return isTime
}

function vehiclesOf({ rooms }: Desk): PricedVehicle[] {
  return [...rooms.all()]
    .filter(({ mode }) => mode === 'run')
    .map(({ slots, unitMicros, ahead, availableUntilMs }) => ({
      slots,
      unitMicros: unitMicros ?? 0,
      ahead,
      availableUntilMs,
    }))
}

/** The work that nobody has yet, as vehicles have been doing it. */
function needMsOf({ board, slowness }: Desk): number {
  let costMs = 0
  for (const { entry, wanted } of board.open) costMs += entry.costMs * wanted
  return costMs * slowness.value
}
