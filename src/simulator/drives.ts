/** When the vehicles of a fleet are on the road, day by day (the scenario `fleet`). */
import type { Chance } from './chance.ts'

export const dayMs = 86_400_000
const minuteMs = 60_000

interface Trip {
  readonly atMs: number
  readonly forMs: number
}

/** Seven hours a week: to work and back, and out on one day of the weekend. `day` 0 is Monday. */
export function privateTrips(fate: Chance, day: number): Trip[] {
  if (day >= 5) return fate.happens(0.5) ? [{ atMs: at(fate, 10, 16), forMs: 120 * minuteMs }] : []
  return [
    { atMs: at(fate, 7, 9), forMs: 30 * minuteMs },
    { atMs: at(fate, 16, 19), forMs: 30 * minuteMs },
  ]
}

/** Fifty hours a week, in shifts of about 70 minutes, between six and midnight. */
export function robotaxiTrips(fate: Chance): Trip[] {
  return [6, 9, 12, 15, 18, 21].map((hour) => ({
    atMs: at(fate, hour, hour + 1.5),
    forMs: fate.between(40, 102) * minuteMs,
  }))
}

function at(fate: Chance, fromHour: number, toHour: number): number {
  return fate.between(fromHour * 60, toHour * 60) * minuteMs
}
