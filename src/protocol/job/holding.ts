/**
 * Holdings: the statements of a steward about its disk. A job is durable when its standbys hold the inputs. A verdict
 * is final when two stewards, or all that remain, hold the result that it accepted.
 */
import { z } from 'zod'
import type { RecordId } from '../ids.ts'
import { holdingVerdictsMax } from '../limits.ts'
import { cidSchema, recordType } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

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

export const holdingType = recordType('holding', holdingSchema, recordBytesMax.holding, {
  // Each in the record, and in a set of those who hold it (state/holders.ts).
  names: ({ verdicts }) => 4 * verdicts.length,
})
export const { open: openHolding } = holdingType
