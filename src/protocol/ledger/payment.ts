/**
 * Payments as the two sides tell each other about them, beside the statements: the payer names each one, and the payee's
 * vehicle says what arrived. They are fields of messages and bind nobody: what is owed rests on the records alone.
 *
 * A vehicle that says that it was paid more than the payer knows speaks against itself, so that it is believed: that is how a
 * payer that lost its memory, or shares its key with another node, learns what was paid.
 */
import { z } from 'zod'
import type { OwnerId } from '../ids.ts'
import { currencySchema, type Micros } from '../price.ts'
import {
  naturalSchema,
  ownerIdSchema,
  printableSchema,
  type SignedRecord,
  signedRecordSchema,
} from '../record/record.ts'
import { paymentReferenceCharsMax, settlementCharsMax, statementPaymentsMax } from '../sizes.ts'

/** One payment for one vehicle's work. */
export interface PaymentNotice {
  /** Its end-to-end id, as the bank carries it from one account to the other. */
  readonly settlement: string
  readonly micros: Micros
  /** `returned`: the bank sent it back. */
  readonly state: 'paid' | 'returned'
  /** The bank's own name for it, or what the payer noted. */
  readonly reference: string
  /** When the payer noted it. */
  readonly atMs: number
}

/** A vehicle's word on what this payer has paid for its work. */
export interface PayeeWord {
  readonly owner: OwnerId
  readonly currency: string
  /** All that its ledger has as paid by the submitter. */
  readonly paidMicros: Micros
  /** End-to-end ids of payments that its owner says have not arrived. */
  readonly missing: readonly string[]
  /** The newest statement that the submitter's own key signed: another node than that of the job pays now. */
  readonly payer: SignedRecord | null
}

const settlementSchema = printableSchema(settlementCharsMax)

export const paymentNoticesSchema: z.ZodType<readonly PaymentNotice[]> = z
  .array(
    z.object({
      settlement: settlementSchema,
      micros: naturalSchema,
      state: z.enum(['paid', 'returned']),
      reference: printableSchema(paymentReferenceCharsMax),
      atMs: naturalSchema,
    }),
  )
  .max(statementPaymentsMax)

export const payeeWordSchema: z.ZodType<PayeeWord> = z.object({
  owner: ownerIdSchema,
  currency: currencySchema,
  paidMicros: naturalSchema,
  missing: z.array(settlementSchema).max(statementPaymentsMax),
  payer: signedRecordSchema.nullable(),
})
