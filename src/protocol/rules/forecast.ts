/**
 * Predicts when this vehicle will probably leave, from when it left before.
 *
 * It looks at this same minute of each of the last eight weeks, takes how long it was until the vehicle left, and
 * picks an early one of these times. That needs no model of commuters, shifts or holidays, follows a changed habit
 * within weeks, and is right about the time of day without knowing what a day is. A distribution for each hour (as
 * Android's app-standby buckets learn) was declined: it says how often a vehicle is away, and not when it goes.
 */
import { dayMs, type LocalTime } from './week.ts'

/** Eight weeks of nine a day; a robotaxi's two weeks. 4 KiB. */
export const departuresMax = 512
const weeks = 8
/** Fewer weeks than this say less about a weekday than as many days do: a guess. */
const samplesMin = 3
/** One departure in five is earlier: losing work costs more than leaving a vehicle idle for some minutes. A guess. */
const earlyShare = 0.2
/** A departure that usually comes about now and has not is still expected for this long: a guess. */
const lateMs = 3_600_000

/** With one more, in order, the oldest beyond the bound forgotten. Times of departure in milliseconds since 1970. */
export function noteDeparture(departures: readonly number[], atMs: number): number[] {
  return [...departures, atMs].sort((a, b) => a - b).slice(-departuresMax)
}

/** An early guess at the next departure, which has passed when one is overdue; null with too little history. `departures` in order. */
export function nextDeparture(departures: readonly number[], local: LocalTime, nowMs: number): number | null {
  const waits = waitsAfter(departures, local, nowMs, 7 * dayMs)
  const samples = waits.length >= samplesMin ? waits : waitsAfter(departures, local, nowMs, dayMs)
  if (samples.length < samplesMin) return null
  samples.sort((a, b) => a - b)
  const early = samples[Math.floor(samples.length * earlyShare)]!
  return local.toUtc(local.toLocal(nowMs) + early, nowMs)
}

/** How long it took each time until the next departure, going back in steps of a week or a day; below 0: it had just left. */
function waitsAfter(
  departures: readonly number[],
  local: LocalTime,
  nowMs: number,
  stepMs: number,
): number[] {
  const first = departures[0]
  const last = departures.at(-1)
  if (first === undefined || last === undefined) return []
  // A vehicle that has just left and come back is not overdue.
  const graceMs = nowMs - last > 2 * lateMs ? lateMs : 0
  const waits: number[] = []
  const localNowMs = local.toLocal(nowMs)
  for (let back = 1; back <= weeks; back += 1) {
    const thenMs = local.toUtc(localNowMs - back * stepMs)
    if (thenMs - graceMs < first) break
    const next = departures[firstAfter(departures, thenMs - graceMs)]
    // It has stood here ever since: at least so long.
    // By the clock on the wall, as a habit is: the clocks may have changed between.
    waits.push(local.toLocal(next ?? nowMs) - local.toLocal(thenMs))
  }
  return waits
}

/** Returns the index of the first above `atMs`. */
function firstAfter(sorted: readonly number[], atMs: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! > atMs) high = middle
    else low = middle + 1
  }
  return low
}
