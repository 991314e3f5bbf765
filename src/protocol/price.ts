/**
 * Prices: the cost of a unit of work, fixed before it is done.
 *
 * Work is counted in units that the job fixes (a page, a document), never in seconds that a vehicle claims. An owner
 * asks a price for a unit, in its advert; a submitter caps it and sets a budget, in the manifest; a lease names the
 * price at which its steward took the vehicle, and a vehicle that took the lease is owed that for every unit of it
 * that agrees with a final verdict, audits included (ledger/claims.ts). Work that it did in vain is its own risk;
 * that is also why driving off costs nothing but the shard under way.
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
import { shardUnitsMax, unitMicrosMax } from './limits.ts'
import { naturalSchema } from './record/record.ts'

/** Millionths of a currency's unit, a whole number. */
export type Micros = number

/** ISO 4217, or a fleet's name for its own points. */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/)

/**
 * The units that work is counted in. A page is whatever a runtime makes one record of: a page of a scan, a document
 * of a WASM job. Bytes are those of the documents as they are stored, each once in a shard. Tokens would need a
 * runtime that counts them alike everywhere.
 */
const workUnits = ['page', 'kibibyte'] as const
export type WorkUnit = (typeof workUnits)[number]

/** The price that an owner asks for one unit of this runtime's work. */
export interface Ask {
  readonly currency: string
  readonly unitMicros: Micros
}

/** The payment that a submitter promises in the manifest: price × units on final verdicts, never above the budget. */
export interface Payment {
  readonly currency: string
  readonly unit: WorkUnit
  /** The most that one unit of one execution may cost. */
  readonly unitMicrosMax: Micros
  /** The most that all executions together may cost, even if vehicles fail. */
  readonly budgetMicros: Micros
}

/** The price that a steward promises a vehicle in the lease. */
export interface LeasePrice {
  readonly currency: string
  readonly unitMicros: Micros
  /** The operator's share of it, in parts per million; the rest is the owner's. */
  readonly operatorPpm: number
}

const unitMicrosSchema = naturalSchema.max(unitMicrosMax)

export const askSchema: z.ZodType<Ask> = z.strictObject({
  currency: currencySchema,
  unitMicros: unitMicrosSchema,
})

export const paymentSchema: z.ZodType<Payment> = z.strictObject({
  currency: currencySchema,
  unit: z.enum(workUnits),
  unitMicrosMax: unitMicrosSchema,
  budgetMicros: naturalSchema,
})

export const leasePriceSchema: z.ZodType<LeasePrice> = z.strictObject({
  currency: currencySchema,
  unitMicros: unitMicrosSchema,
  operatorPpm: naturalSchema.max(1_000_000),
})

/** Tells whether an owner who asks this works for a job that pays nobody. */
export function worksForNothing(ask: Ask | null): boolean {
  return ask === null || ask.unitMicros === 0
}

/** Tells whether a job that pays this much may have the owner's work. */
export function isAffordable(
  ask: Ask | null,
  payment: Pick<Payment, 'currency' | 'unitMicrosMax'> | null,
): boolean {
  if (worksForNothing(ask)) return true
  return payment !== null && ask!.currency === payment.currency && ask!.unitMicros <= payment.unitMicrosMax
}

/** Units of work in a shard of these pages, whose documents, each once, have so many bytes. At least 1. */
export function unitsOf(
  { pages, bytes }: { readonly pages: number; readonly bytes: number },
  unit: WorkUnit,
): number {
  const units = unit === 'page' ? pages : Math.ceil(bytes / 1024)
  return Math.min(shardUnitsMax, Math.max(1, units))
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
