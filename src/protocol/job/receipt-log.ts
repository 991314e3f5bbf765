/**
 * The stderr of a module, as a vehicle tells a steward beside a receipt. It is for people who look for a mistake: it is one
 * vehicle's word, nobody compares it, and no record has it, so that what vehicles agree on is the same with and without it.
 */
import { z } from 'zod'
import type { RecordId } from '../ids.ts'
import { leaseShardsMax, shardPagesMax } from '../limits.ts'
import { decodeCbor, encodeCbor } from '../record/block.ts'
import { cidSchema, malformed, naturalSchema } from '../record/record.ts'
import { logCharsMax, receiptLogBytesMax, receiptLogPagesMax } from '../sizes.ts'

/** The stderr of one page: its end. */
export interface PageLog {
  /** The shard's position in the lease. */
  readonly place: number
  /** The page's place in the shard. */
  readonly page: number
  readonly text: string
}

const pageLogSchema: z.ZodType<PageLog> = z.object({
  place: naturalSchema.max(leaseShardsMax - 1),
  page: naturalSchema.max(shardPagesMax - 1),
  text: z.string().min(1).max(logCharsMax),
})

export const receiptLogSchema = z.array(pageLogSchema).max(receiptLogPagesMax)

/** The part that a steward keeps. */
export interface KeptLog {
  readonly receipt: RecordId
  /** `position`: the shard's, in the job. */
  readonly pages: readonly { readonly position: number; readonly page: number; readonly text: string }[]
}

const keptSchema: z.ZodType<KeptLog> = z.strictObject({
  receipt: cidSchema,
  pages: z
    .array(
      z.strictObject({ position: naturalSchema, page: naturalSchema, text: z.string().max(logCharsMax) }),
    )
    .max(receiptLogPagesMax),
})

export function encodeKeptLog(kept: KeptLog): Uint8Array {
  return encodeCbor(kept)
}

/** Throws ProtocolError. */
export function decodeKeptLog(bytes: Uint8Array): KeptLog {
  const decoded = keptSchema.safeParse(decodeCbor('log', bytes, 2 * receiptLogBytesMax))
  if (!decoded.success) throw malformed('log', decoded.error)
  return decoded.data
}

/** The logs that still fit in a message: whole ones, the first first. */
export function boundedLog(logs: readonly PageLog[]): PageLog[] {
  const fitting: PageLog[] = []
  let bytes = 0
  for (const log of logs) {
    bytes += encodeCbor(log).byteLength
    if (bytes > receiptLogBytesMax || fitting.length === receiptLogPagesMax) break
    fitting.push(log)
  }
  return fitting
}
