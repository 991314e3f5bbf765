/**
 * When vehicles are on the road. Private cars seven hours a week, robotaxis fifty: shares as Tesla's shareholders were
 * told them; times of day as commuters keep them. Everything is drawn, and each vehicle has habits of its own.
 */
import type { Chance } from '../chance.ts'

export interface Trip {
  readonly leavesMs: number
  readonly arrivesMs: number
  /** Kilowatts of the charger where it arrives; 0: none. */
  readonly chargerKw: number
}

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export type Kind = 'private' | 'robotaxi'

/** The habits of a driver on a working day, more or less. */
export interface Habits {
  /** The minute of the day. */
  readonly leavesAt: number
  readonly commuteMinutes: number
  readonly workMinutes: number
  /** Kilowatts; 0: none. */
  readonly homeKw: number
  readonly workKw: number
}

export function habitsOf(chance: Chance, kind: Kind): Habits {
  const atHome = kind === 'robotaxi' || chance.happens(0.8)
  return {
    leavesAt: chance.between(6 * 60, 9 * 60),
    commuteMinutes: chance.between(12, 40),
    workMinutes: chance.between(7 * 60, 9 * 60 + 30),
    homeKw: kind === 'robotaxi' ? 22 : atHome ? chance.between(4, 11) : 0,
    // A driver who cannot charge at home mostly can at work, or would not have bought the car.
    workKw: kind === 'private' && chance.happens(atHome ? 0.15 : 0.7) ? 7 : 0,
  }
}

/** In order, none within another, from local midnight of day 0, a Monday. */
export function tripsOf(chance: Chance, kind: Kind, habits: Habits, fromDay: number, days: number): Trip[] {
  const trips: Trip[] = []
  for (let day = fromDay; day < fromDay + days; day += 1)
    for (const trip of kind === 'robotaxi'
      ? shifts(chance, habits)
      : outings(chance, habits, ((day % 7) + 7) % 7)) {
      const leavesMs = day * dayMs + trip.leavesMs
      if (leavesMs > (trips.at(-1)?.arrivesMs ?? Number.NEGATIVE_INFINITY) + 15 * minuteMs)
        trips.push({ ...trip, leavesMs, arrivesMs: day * dayMs + trip.arrivesMs })
    }
  return trips
}

function outings(chance: Chance, habits: Habits, weekday: number): Trip[] {
  const { leavesAt, commuteMinutes, workMinutes, homeKw, workKw } = habits
  if (weekday >= 5) {
    if (!chance.happens(0.7)) return []
    return thereAndBack(
      chance.between(9 * 60, 15 * 60),
      chance.between(15, 50),
      chance.between(60, 240),
      0,
      homeKw,
    )
  }
  // Illness, holidays, a day of work at home.
  if (chance.happens(0.12)) return []
  const leaves = leavesAt + spread(chance, 20)
  const day = thereAndBack(
    leaves,
    commuteMinutes + spread(chance, 5),
    workMinutes + spread(chance, 30),
    workKw,
    homeKw,
  )
  if (!chance.happens(0.25)) return day
  const evening = day[1]!.arrivesMs / minuteMs + chance.between(40, 120)
  return [...day, ...thereAndBack(evening, chance.between(8, 20), chance.between(30, 110), 0, homeKw)]
}

/** Fifty hours a week between six and midnight, with pauses at the depot. */
function shifts(chance: Chance, { homeKw }: Habits): Trip[] {
  return [6, 9, 12, 15, 18, 21].map((hour) => {
    const leaves = hour * 60 + chance.between(0, 90)
    return tripOf(leaves, chance.between(40, 102), homeKw)
  })
}

function thereAndBack(
  leaves: number,
  minutes: number,
  stay: number,
  thereKw: number,
  backKw: number,
): Trip[] {
  return [tripOf(leaves, minutes, thereKw), tripOf(leaves + minutes + stay, minutes, backKw)]
}

function tripOf(leaves: number, minutes: number, chargerKw: number): Trip {
  return { leavesMs: leaves * minuteMs, arrivesMs: (leaves + minutes) * minuteMs, chargerKw }
}

/** Around 0, mostly near it. */
function spread(chance: Chance, minutes: number): number {
  return Math.round((chance.next() + chance.next() + chance.next() - 1.5) * minutes)
}
