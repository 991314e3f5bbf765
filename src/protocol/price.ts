/**
 * Prices: the cost of a unit of work, fixed before it is done.
 *
 * Work is counted in units of the job's runtime (a page, a document, a token), never in seconds that a vehicle claims. An owner
 * asks a price for a unit, in its advert; a submitter caps it and sets a budget, in the manifest; a lease names the
 * price at which its steward took the vehicle, and a vehicle that took the lease is owed that for every unit of it
 * that agrees with a final verdict, audits included (ledger/claims.ts). Work that it did in vain is its own risk;
 * that is also why driving off costs nothing but the shard under way.
 *
 * Where the length of a result is open, as that of an answer in tokens, a lease promises the most, and what is owed follows from the
 * result that owners agree on: its records say how many units each page took, a receipt claims so many, and a claim of more, or
 * of fewer, than its result has is no claim (verification/counted-units.ts).
 *
 * A lease pays what its vehicle's owner asked when it was drawn. Paying everybody the cap would make owners truthful,
 * and submitters pay for work that was offered for less; an auction among owners would let the cheapest choose where
 * they are drawn, and cheapness is what a cartel can best afford. So a price decides whether an owner is drawn at all
 * (not above the cap), and never how likely.
 *
 * Amounts are whole numbers of millionths of a currency's unit ("micros"): a page is worth less than a cent, and a
 * float has no place in a ledger. 2^53 of them are nine billion.
 */
import { z } from 'zod'
import { pricedUnitsMax, shardUnitsMax, unitMicrosMax } from './limits.ts'
import { naturalSchema } from './record/record.ts'

/** Millionths of a currency's unit, a whole number. */
export type Micros = number

/** ISO 4217, or a fleet's name for its own points. */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/)

/**
 * The name of the unit that a job's work is counted in, as its runtime calls it: a page of a scan, a document of a WASM job, a
 * token of a language model. A shard states how many it has where its list of shards says so (`UnitCount`). Else a kibibyte is
 * one of the documents as they are stored, each once in a shard, and any other unit is a page: whatever a runtime makes one record of.
 */
export type WorkUnit = string

/**
 * Units of a page, of a shard, or of what a receipt claims: those of what goes in, and those of what comes out. What goes in is
 * known before the work; of what comes out a shard states the most, and the verified result how many there were.
 */
export interface UnitCount {
  readonly input: number
  readonly output: number
}

/** A price that is for so many units, as for 1,000 tokens; left out: for one. */
interface Priced {
  readonly per?: number
}

/** The price that an owner asks for one unit of this runtime's work, or for `per` of them. */
export interface Ask extends Priced {
  readonly currency: string
  readonly unitMicros: Micros
}

/** The payment that a submitter promises in the manifest: price × units on final verdicts, never above the budget. */
export interface Payment extends Priced {
  readonly currency: string
  readonly unit: WorkUnit
  /** The most that one unit of one execution may cost, or `per` of them. */
  readonly unitMicrosMax: Micros
  /** The most that all executions together may cost, even if vehicles fail. */
  readonly budgetMicros: Micros
}

/** The price that a steward promises a vehicle in the lease. */
export interface LeasePrice extends Priced {
  readonly currency: string
  readonly unitMicros: Micros
  /** The operator's share of it, in parts per million; the rest is the owner's. */
  readonly operatorPpm: number
}

const unitMicrosSchema = naturalSchema.max(unitMicrosMax)
const perSchema = naturalSchema.min(2).max(pricedUnitsMax).exactOptional()

export const unitCountSchema: z.ZodType<UnitCount> = z.strictObject({
  input: naturalSchema.max(shardUnitsMax),
  output: naturalSchema.max(shardUnitsMax),
})

export const askSchema: z.ZodType<Ask> = z.strictObject({
  currency: currencySchema,
  unitMicros: unitMicrosSchema,
  per: perSchema,
})

export const paymentSchema: z.ZodType<Payment> = z.strictObject({
  currency: currencySchema,
  unit: z.string().regex(/^[a-z]{1,16}$/),
  unitMicrosMax: unitMicrosSchema,
  per: perSchema,
  budgetMicros: naturalSchema,
})

export const leasePriceSchema: z.ZodType<LeasePrice> = z.strictObject({
  currency: currencySchema,
  unitMicros: unitMicrosSchema,
  per: perSchema,
  operatorPpm: naturalSchema.max(1_000_000),
})

/** Tells whether an owner who asks this works for a job that pays nobody. */
export function worksForNothing(ask: Ask | null): boolean {
  return ask === null || ask.unitMicros === 0
}

/** Tells whether a job that pays this much may have the owner's work. */
export function isAffordable(
  ask: Ask | null,
  payment: Pick<Payment, 'currency' | 'unitMicrosMax' | 'per'> | null,
): boolean {
  if (worksForNothing(ask)) return true
  return payment !== null && isLikePriced(ask!, payment) && ask!.unitMicros <= payment.unitMicrosMax
}

/** Tells whether two prices are in one currency, and for equally many units. */
export function isLikePriced(
  a: Priced & { readonly currency: string },
  b: Priced & { readonly currency: string },
): boolean {
  return a.currency === b.currency && a.per === b.per
}

/**
 * Units of work in a shard of these pages, whose documents, each once, have so many bytes: those that it states, at most, or else
 * as the unit is counted. At least 1.
 */
export function unitsOf({ pages, bytes, units: stated }: ShardFacts, unit: WorkUnit): number {
  const units =
    stated === undefined ? (unit === 'kibibyte' ? Math.ceil(bytes / 1024) : pages) : totalOf(stated)
  return Math.min(shardUnitsMax, Math.max(1, units))
}

interface ShardFacts {
  readonly pages: number
  readonly bytes: number
  readonly units?: UnitCount
}

export function totalOf({ input, output }: UnitCount): number {
  return input + output
}

export function sumOfUnits(counts: Iterable<UnitCount>): UnitCount {
  let [input, output] = [0, 0]
  for (const count of counts) {
    input += count.input
    output += count.output
  }
  return { input, output }
}

/**
 * Returns the cost of so many units of one shard. A begun micro is a whole one, so that a shard of a few tokens is not for nothing;
 * and fewer units never cost more.
 */
export function costOfUnits(units: number, price: Pick<LeasePrice, 'unitMicros' | 'per'>): Micros {
  return Math.ceil((units * price.unitMicros) / (price.per ?? 1))
}

/**
 * Reads `0.0002EUR` or `5 EUR`, exactly; undefined for a text that is not an amount of up to nine billion, to a
 * millionth.
 */
export function parseMoney(text: string): { readonly currency: string; readonly micros: Micros } | undefined {
  const [, whole, fraction = '', currency] =
    /^(\d{1,10})(?:\.(\d{1,6}))? ?([A-Z]{3})$/.exec(text.trim()) ?? []
  if (whole === undefined || currency === undefined) return undefined
  const micros = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  return micros > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : { currency, micros: Number(micros) }
}

/** Reads `0.0005EUR`, the price of one unit, or `0.0002EUR/1k`, that of 1,000; undefined for a text that is neither. */
export function parsePrice(
  text: string,
): { readonly currency: string; readonly micros: Micros; readonly per: 1 | 1000 } | undefined {
  const [, amount = '', many] = /^(.*?)(\/1k)?$/.exec(text.trim()) ?? []
  const money = parseMoney(amount)
  return money && { ...money, per: many === undefined ? 1 : 1000 }
}

/** `0.0002 EUR`, `5.00 EUR`: exact, with at least two decimals. */
export function formatMoney(micros: Micros, currency: string): string {
  return `${formatAmount(micros)} ${currency}`
}

/** Without its currency. */
export function formatAmount(micros: Micros): string {
  const digits = `${Math.abs(micros)}`.padStart(7, '0')
  const fraction = digits.slice(-6).replace(/0{1,4}$/, '')
  return `${micros < 0 ? '-' : ''}${digits.slice(0, -6)}.${fraction}`
}
