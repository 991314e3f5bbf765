/**
 * Prices: what a unit of work costs, fixed before it is done.
 *
 * Work is counted in units that the job fixes (a page, a document), never in seconds that a vehicle claims. An owner
 * asks a price for a unit, in its advert; a submitter caps it and sets a budget, in the manifest; a lease names the
 * price at which its steward took the vehicle, and a vehicle that took the lease is owed that for every unit of it
 * that agrees with a final verdict, copies and audits included. What it computed in vain is its own risk, and the
 * reason why driving off costs nothing but the shard under way.
 *
 * Amounts are whole numbers of millionths of a currency's unit ("micros"): a page is worth less than a cent, and a
 * float has no place in a ledger. 2^53 of them are nine billion.
 */
import { z } from 'zod'
import { naturalSchema } from './record.ts'

/** Millionths of a currency's unit, a whole number. */
export type Micros = number

/** ISO 4217, or what a fleet calls its own points. */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/)

/** What an owner asks for one unit of this runtime's work. */
export interface Ask {
  readonly currency: string
  readonly unitMicros: Micros
}

/** What a submitter promises, in the manifest: price × units on final verdicts, never above the budget. */
export interface Payment {
  readonly currency: string
  /** The most that one unit of one execution may cost. */
  readonly unitMicrosMax: Micros
  /** The most that all executions together may cost, whatever fails. */
  readonly budgetMicros: Micros
}

/** What a steward promises a vehicle, in the lease. */
export interface LeasePrice {
  readonly currency: string
  readonly unitMicros: Micros
  /** Of that, the operator's share, in parts per million; the rest is the owner's. */
  readonly operatorPpm: number
}

export const askSchema: z.ZodType<Ask> = z.strictObject({
  currency: currencySchema,
  unitMicros: naturalSchema,
})

export const paymentSchema: z.ZodType<Payment> = z.strictObject({
  currency: currencySchema,
  unitMicrosMax: naturalSchema,
  budgetMicros: naturalSchema,
})

export const leasePriceSchema: z.ZodType<LeasePrice> = z.strictObject({
  currency: currencySchema,
  unitMicros: naturalSchema,
  operatorPpm: naturalSchema.max(1_000_000),
})
