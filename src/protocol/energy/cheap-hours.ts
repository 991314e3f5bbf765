/**
 * Cheap hours: whether work that has time waits for them.
 *
 * Vehicles say in their adverts what they will ask in the next hours. The work is given to the cheapest hours before its deadline
 * that have room for twice of it, as far as the vehicles say that they will still be there; so it waits only while the present
 * hour is none of these. What is not done by then has fewer hours to choose from, and near the deadline none: then it waits
 * no more.
 *
 * An hour's room is that of all who will be there, none of them counted as more than the median of them: the slots are a vehicle's
 * word, and one that says a thousand would have the work wait for an hour in which the others cannot do it.
 *
 * An hour's price is the median of what all ask in it, and when an hour has come, everybody whom the job can pay is drawn
 * alike. To draw only those that ask for little would leave the work to a cartel, for which little is easy to ask.
 */
import type { Micros } from '../price.ts'

const hourMs = 3_600_000
/** Room for so many times of the work: cars leave early, and answers come late. A guess. */
const roomFactor = 2
/** Before the deadline: for the last results to be fetched, compared and, where two differ, computed once more. A guess. */
const marginMs = 30 * 60_000
/** Adverts look ahead for a day at most. */
const hoursMax = 48

/** The asks of the next hours, from `hour` on, counted from 1970. */
export interface AsksAhead {
  readonly hour: number
  readonly unitMicros: readonly Micros[]
}

/** A vehicle that works now, as it says of itself. */
export interface PricedVehicle {
  readonly slots: number
  readonly unitMicros: Micros
  /** Undefined: it says nothing, and is taken to ask what it asks now. */
  readonly ahead: AsksAhead | undefined
  /** Null: nobody knows. */
  readonly availableUntilMs: number | null
}

export interface Wait {
  /** False: the work waits. */
  readonly isTime: boolean
  /** The median ask of this hour; null: nobody is there. */
  readonly nowMicros: number | null
  /** The mean of those of the hours that it is given to; null: there are too few. */
  readonly thenMicros: number | null
}

interface Hour {
  readonly hour: number
  readonly micros: number
  readonly roomMs: number
}

/** `needMs`: the work that is to be given out, as these vehicles' slots do it. */
export function cheapHours(
  vehicles: readonly PricedVehicle[],
  needMs: number,
  nowMs: number,
  deadlineMs: number,
): Wait {
  const current = Math.floor(nowMs / hourMs)
  const hours = hoursUntil(vehicles, nowMs, deadlineMs - marginMs)
  const now = hours.find(({ hour }) => hour === current)
  const nowMicros = now?.micros ?? null
  let leftMs = needMs * roomFactor
  let [cost, given] = [0, 0]
  let dearest = Number.NEGATIVE_INFINITY
  for (const { micros, roomMs } of hours.toSorted((a, b) => a.micros - b.micros || a.hour - b.hour)) {
    if (leftMs <= 0) break
    const takenMs = Math.min(leftMs, roomMs)
    leftMs -= takenMs
    cost += takenMs * micros
    given += takenMs
    dearest = micros
  }
  if (leftMs > 0 || now === undefined) return { isTime: true, nowMicros, thenMicros: null }
  return { isTime: now.micros <= dearest, nowMicros, thenMicros: given === 0 ? null : cost / given }
}

function hoursUntil(vehicles: readonly PricedVehicle[], nowMs: number, untilMs: number): Hour[] {
  const first = Math.floor(nowMs / hourMs)
  const hours: Hour[] = []
  for (let hour = first; hour * hourMs < untilMs && hour < first + hoursMax; hour += 1) {
    const fromMs = Math.max(nowMs, hour * hourMs)
    const toMs = Math.min(untilMs, (hour + 1) * hourMs)
    const asks: number[] = []
    const slots: number[] = []
    for (const vehicle of vehicles) {
      const ask = hour === first ? vehicle.unitMicros : askIn(vehicle, hour)
      if (ask === undefined || (vehicle.availableUntilMs ?? toMs) < toMs) continue
      asks.push(ask)
      slots.push(vehicle.slots)
    }
    if (asks.length === 0) continue
    const slotsMost = medianOf(slots)
    const slotsInAll = slots.reduce((sum, count) => sum + Math.min(count, slotsMost), 0)
    hours.push({ hour, micros: medianOf(asks), roomMs: slotsInAll * (toMs - fromMs) })
  }
  return hours
}

/** The lower of two in the middle. */
function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!
}

/** Undefined: nobody knows. */
function askIn({ unitMicros, ahead }: PricedVehicle, hour: number): Micros | undefined {
  return ahead === undefined ? unitMicros : ahead.unitMicros[hour - ahead.hour]
}
