/**
 * Tariffs: the price of a kilowatt-hour, by the hour.
 *
 * A tariff of hours is an owner's contract: the same each week, in a time zone. A list of prices is a market's: those of the
 * hours that are known, today's and, from noon on, tomorrow's. Amounts are whole micros of a currency for a kilowatt-hour, and
 * may be negative where a market pays for being relieved of power.
 */
import { z } from 'zod'
import { currencySchema, type Micros } from '../price.ts'
import { Hours } from '../rules/hours.ts'
import { isTimeZone, LocalTime, parseHours } from '../rules/week.ts'

/** From `fromMs` until before `untilMs`; null: from then on. */
export interface PricedTime {
  readonly fromMs: number
  readonly untilMs: number | null
  readonly kwhMicros: Micros
}

export interface Tariff {
  /** Null: that of whatever it is compared with. */
  readonly currency: string | null
  /** Null: not known, of a time that is over or too far ahead. */
  priceAt(atMs: number): Micros | null
  /** The next instant after this one at which the price may be another; null: never. */
  nextChange(atMs: number): number | null
}

/** A kilowatt-hour at 1,000 of any currency is a mistake in the unit. */
const kwhPriceMax = 1_000
const priceSchema = z.number().min(-kwhPriceMax).max(kwhPriceMax)
const timesMax = 1_024
const hoursMax = 64

const hoursSchema = z.strictObject({
  currency: currencySchema,
  timeZone: z.string().max(64).refine(isTimeZone),
  /** The price of hours that nothing else is said of. */
  price: priceSchema,
  hours: z
    .array(
      z.strictObject({
        hours: z
          .string()
          .max(64)
          .refine((text) => parseHours(text) !== null),
        price: priceSchema,
      }),
    )
    .max(hoursMax)
    .default([]),
})

const listSchema = z.strictObject({
  currency: currencySchema,
  prices: z
    .array(z.strictObject({ from: z.iso.datetime({ offset: true }), price: priceSchema }))
    .min(1)
    .max(timesMax),
})

/** The same price at any time. */
export function flatTariff(currency: string | null, kwhMicros: Micros): Tariff {
  return { currency, priceAt: () => kwhMicros, nextChange: () => null }
}

/**
 * Reads what a file says: `{"currency":"EUR","timeZone":"Europe/Berlin","price":0.32,"hours":[{"hours":"22:00-06:00","price":0.21}]}`,
 * the first of several hours that fit counting; or `{"currency":"EUR","prices":[{"from":"2026-03-01T00:00:00Z","price":0.08}]}`,
 * each price holding until the next begins, and the last for an hour. Prices are for a kWh. Throws Error of one sentence.
 */
export function tariffOf(json: unknown): Tariff {
  if (typeof json === 'object' && json !== null && 'prices' in json)
    return listTariff(parsed(listSchema, json))
  const { currency, timeZone, price, hours } = parsed(hoursSchema, json)
  const local = LocalTime.in(timeZone)
  const rates = hours.map((one) => ({
    hours: new Hours(parseHours(one.hours)!),
    kwhMicros: microsOf(one.price),
  }))
  return {
    currency,
    priceAt(atMs) {
      const minute = local.minuteOfWeek(atMs)
      return rates.find((rate) => rate.hours.has(minute))?.kwhMicros ?? microsOf(price)
    },
    nextChange(atMs) {
      const changes = rates.flatMap((rate) => [
        rate.hours.nextBeginning(local, atMs),
        rate.hours.nextEnd(local, atMs),
      ])
      const known = changes.filter((ms) => ms !== null)
      return known.length === 0 ? null : Math.min(...known)
    },
  }
}

const listHourMs = 3_600_000

function listTariff({ currency, prices }: z.infer<typeof listSchema>): Tariff {
  const times = prices
    .map(({ from, price }) => ({ fromMs: Date.parse(from), kwhMicros: microsOf(price) }))
    .sort((a, b) => a.fromMs - b.fromMs)
  const edges = [...times.map(({ fromMs }) => fromMs), times.at(-1)!.fromMs + listHourMs]
  return {
    currency,
    priceAt: (atMs) =>
      atMs >= edges.at(-1)! ? null : (times.findLast(({ fromMs }) => fromMs <= atMs)?.kwhMicros ?? null),
    nextChange: (atMs) => edges.find((edge) => edge > atMs) ?? null,
  }
}

/** The prices from now until then, in order; what is not known is left out. At most so many. */
export function pricesAhead(tariff: Tariff, nowMs: number, untilMs: number, most: number): PricedTime[] {
  const ahead: PricedTime[] = []
  for (let fromMs = nowMs; fromMs < untilMs && ahead.length < most; ) {
    const endMs = tariff.nextChange(fromMs)
    const kwhMicros = tariff.priceAt(fromMs)
    if (kwhMicros !== null) ahead.push({ fromMs, untilMs: endMs, kwhMicros })
    if (endMs === null) break
    fromMs = endMs
  }
  return ahead
}

const joulesPerKwh = 3_600_000

/** The cost of so much energy at this price, not rounded. */
export function costOfJoules(joules: number, kwhMicros: Micros): number {
  return (joules / joulesPerKwh) * kwhMicros
}

function microsOf(price: number): Micros {
  return Math.round(price * 1e6)
}

function parsed<Value>(schema: z.ZodType<Value>, json: unknown): Value {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const { path, message } = result.error.issues[0]!
  throw new Error(`${path.length === 0 ? 'the tariff' : path.join('.')} is not understood: ${message}`)
}
