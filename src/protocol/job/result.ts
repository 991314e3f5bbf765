/**
 * A result's block: one record for each page of a shard; and as the stewards of a blind job see it. One that is too long for a
 * block is in parts (result-parts.ts).
 */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import { blockBytesMax, shardPagesMax } from '../limits.ts'
import { type UnitCount, unitCountSchema } from '../price.ts'
import { decodeCbor, encodeCbor } from '../record/block.ts'
import { bytesSchema, malformed } from '../record/record.ts'

/** One page's outcome. Output is the runtime's JSON; with an error it is empty. */
export interface PageRecord {
  readonly output: Uint8Array
  readonly text: string
  readonly error: { readonly code: string; readonly message: string } | null
  /** The units of work that it took; left out where pages or bytes are counted. Compared as the rest of it. */
  readonly units?: UnitCount
}

export interface ShardResult {
  readonly engine: string
  readonly records: readonly PageRecord[]
}

/**
 * A result of a blind job, as its stewards see it: the facts that they need to count it, and the ShardResult as
 * ciphertext. Each vehicle makes the same ciphertext, so that equal results are equal bytes.
 */
export interface SealedResult {
  readonly engine: string
  /** Some page failed for want of resources (tally.ts). */
  readonly exhausted: boolean
  /** The units of work that all pages took together, where these are counted. */
  readonly units?: UnitCount
  readonly sealed: Uint8Array
}

export const pageRecordSchema: z.ZodType<PageRecord> = z.strictObject({
  output: bytesSchema,
  text: z.string(),
  error: z.strictObject({ code: z.string().max(64), message: z.string().max(1024) }).nullable(),
  units: unitCountSchema.exactOptional(),
})

const resultSchema: z.ZodType<ShardResult> = z.strictObject({
  engine: z.string().max(2048),
  records: z.array(pageRecordSchema).max(shardPagesMax),
})

const sealedResultSchema: z.ZodType<SealedResult> = z.strictObject({
  engine: z.string().max(2048),
  exhausted: z.boolean(),
  units: unitCountSchema.exactOptional(),
  sealed: bytesSchema,
})

export function encodeResult(result: ShardResult): Uint8Array {
  return encodeCbor(result)
}

/** Throws ProtocolError, also when the records are not one for each page. */
export function decodeResult(bytes: Uint8Array, pages: number): ShardResult {
  const decoded = resultSchema.safeParse(decodeCbor('result', bytes, blockBytesMax))
  if (!decoded.success) throw malformed('result', decoded.error)
  if (decoded.data.records.length !== pages)
    throw new ProtocolError({
      code: 'malformed',
      what: 'result',
      why: `${decoded.data.records.length} records for ${pages} pages`,
    })
  return decoded.data
}

export function encodeSealedResult(result: SealedResult): Uint8Array {
  return encodeCbor(result)
}

/** Throws ProtocolError. */
export function decodeSealedResult(bytes: Uint8Array): SealedResult {
  const decoded = sealedResultSchema.safeParse(decodeCbor('sealed result', bytes, blockBytesMax))
  if (!decoded.success) throw malformed('sealed result', decoded.error)
  return decoded.data
}
