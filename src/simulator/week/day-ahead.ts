/**
 * Electricity by the hour, in the shape of a market's: Nord Pool's day-ahead prices in a Swedish area on a Friday and a
 * Saturday (30 September and 1 October 2022), in euros for a megawatt-hour, rounded. The Friday stands for all working days.
 * Fees and taxes that are the same at all hours are left out: nobody saves them by waiting.
 */
import type { Tariff } from '../../protocol/energy/tariff.ts'
import { currency, startMs } from './cell-world.ts'
import { dayMs, hourMs } from './trips.ts'

const workingDay = [
  105, 100, 93, 93, 97, 137, 343, 373, 389, 383, 371, 347, 306, 277, 219, 209, 234, 322, 290, 122, 90, 77, 54,
  50,
]
const weekend = [
  69, 68, 55, 24, 19, 18, 18, 27, 49, 70, 70, 68, 60, 64, 66, 70, 74, 81, 88, 85, 74, 70, 73, 72,
]
/** The market tells tomorrow's prices at about this hour. */
const toldHour = 13

/** In micros of a euro for a kWh. `clockMs`: by clocks; the week begins on a Monday, and no clocks change in it. */
export function dayAheadAt(clockMs: number): number {
  const hour = Math.floor((clockMs - startMs) / hourMs)
  const day = Math.floor(hour / 24) % 7
  return (day < 5 ? workingDay : weekend)[hour % 24]! * 1_000
}

/** The prices that are known at this time: until the end of today, and from one o'clock on until that of tomorrow. */
export function dayAheadKnown(clockMs: number): Tariff {
  const day = Math.floor((clockMs - startMs) / dayMs)
  const isTold = (clockMs - startMs) % dayMs >= toldHour * hourMs
  const untilMs = startMs + (day + (isTold ? 2 : 1)) * dayMs
  return {
    currency,
    priceAt: (atMs) => (atMs < untilMs ? dayAheadAt(atMs) : null),
    nextChange: (atMs) => (Math.floor(atMs / hourMs) + 1) * hourMs,
  }
}
