/** The two files that only stewards read: the job's shards in their order, and the documents as the submitter named them. */
import { z } from 'zod'
import type { Cid } from '../ids.ts'
import { documentListBytesMax, shardListBytesMax } from '../limits.ts'
import { decodeCbor, encodeCbor } from '../record/block.ts'
import { cidSchema, malformed, naturalSchema } from '../record/record.ts'
import { type FileReference, fileReference } from './manifest.ts'

/** The facts that a steward knows of a shard beside its block. */
export interface ShardEntry {
  readonly shard: Cid
  readonly pages: number
  /** The bytes of the documents that its pages are from, as they are stored, each document once. */
  readonly bytes: number
  /** Estimated milliseconds of one reference core. */
  readonly costMs: number
}

export interface DocumentEntry extends FileReference {
  readonly name: string
  readonly pages: number
}

const shardListSchema: z.ZodType<ShardEntry[]> = z.array(
  z.strictObject({ shard: cidSchema, pages: naturalSchema, bytes: naturalSchema, costMs: naturalSchema }),
)
const documentListSchema: z.ZodType<DocumentEntry[]> = z.array(
  z.strictObject({ ...fileReference, name: z.string().max(4096), pages: naturalSchema }),
)

export function encodeList(entries: readonly (ShardEntry | DocumentEntry)[]): Uint8Array {
  return encodeCbor(entries)
}

/** Throws ProtocolError. */
export function decodeShardList(bytes: Uint8Array): ShardEntry[] {
  return decodeList('shard list', shardListSchema, bytes, shardListBytesMax)
}

/** Throws ProtocolError. */
export function decodeDocumentList(bytes: Uint8Array): DocumentEntry[] {
  return decodeList('document list', documentListSchema, bytes, documentListBytesMax)
}

function decodeList<Entry>(
  what: string,
  schema: z.ZodType<Entry[]>,
  bytes: Uint8Array,
  bytesMax: number,
): Entry[] {
  const decoded = schema.safeParse(decodeCbor(what, bytes, bytesMax))
  if (!decoded.success) throw malformed(what, decoded.error)
  return decoded.data
}
