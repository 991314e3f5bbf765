/**
 * Holdings: what a steward says that it has on its disk. A job is durable when its standbys hold the inputs, and a
 * verdict is final when two stewards hold what it accepted, or all that remain.
 */
import { z } from 'zod'
import type { RecordId } from '../ids.ts'
import { holdingVerdictsMax, recordBytesMax } from '../limits.ts'
import { cidSchema, recordType } from '../record/record.ts'

export interface Holding {
  /** Manifest, lists, shards, documents and weights. */
  readonly inputs: boolean
  /** Verdict records whose accepted results it has. */
  readonly verdicts: readonly RecordId[]
}

const holdingSchema: z.ZodType<Holding> = z.strictObject({
  inputs: z.boolean(),
  verdicts: z.array(cidSchema).max(holdingVerdictsMax),
})

export const holdingType = recordType('holding', holdingSchema, recordBytesMax.holding)
export const { open: openHolding } = holdingType
