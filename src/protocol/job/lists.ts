/** The two files that only stewards read: the job's shards in their order, and the documents as the submitter named them. */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { Cid } from '../ids.ts'
import {
  documentListBytesMax,
  documentsMax,
  shardDocumentBytesMax,
  shardEntryBytesMax,
  shardListBytesMax,
  shardPagesMax,
  shardsMax,
} from '../limits.ts'
import { encodeCbor } from '../record/block.ts'
import { decodeItems } from '../record/items.ts'
import { cidSchema, malformed, naturalSchema } from '../record/record.ts'
import { documentEntryBytesMax } from '../sizes.ts'
import { type FileReference, fileReference, type Manifest } from './manifest.ts'

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
  /** Counted from 1, where it is a part of the document of that name: the page with which the part begins. */
  readonly firstPage?: number
}

const shardEntrySchema: z.ZodType<ShardEntry> = z.strictObject({
  shard: cidSchema,
  pages: naturalSchema,
  bytes: naturalSchema,
  costMs: naturalSchema,
})
const documentEntrySchema: z.ZodType<DocumentEntry> = z.strictObject({
  ...fileReference,
  name: z.string().max(4096),
  pages: naturalSchema,
  firstPage: naturalSchema.exactOptional(),
})

export function encodeList(entries: readonly (ShardEntry | DocumentEntry)[]): Uint8Array {
  return encodeCbor(entries)
}

/** Throws ProtocolError. */
export function decodeShardList(bytes: Uint8Array): ShardEntry[] {
  const bounds = {
    what: 'shard list',
    bytesMax: shardListBytesMax,
    countMax: shardsMax,
    itemBytesMax: shardEntryBytesMax,
  }
  return decodeList(bytes, shardEntrySchema, bounds)
}

/**
 * The list of a job's shards, which must be what the manifest says of it, and shards that vehicles take. Throws
 * ProtocolError.
 */
export function shardListOf({ count, pages }: Manifest['shards'], bytes: Uint8Array): ShardEntry[] {
  const entries = decodeShardList(bytes)
  const wrong = (why: string) => new ProtocolError({ code: 'malformed', what: 'shard list', why })
  if (entries.length !== count) throw wrong(`it has ${entries.length} shards, and the manifest says ${count}`)
  let sum = 0
  for (const [position, entry] of entries.entries()) {
    if (entry.pages < 1 || entry.pages > shardPagesMax)
      throw wrong(`shard ${position} has ${entry.pages} pages; 1 to ${shardPagesMax} are allowed`)
    if (entry.bytes > shardDocumentBytesMax)
      throw wrong(
        `shard ${position} has ${entry.bytes} bytes of documents; at most ${shardDocumentBytesMax} are allowed`,
      )
    sum += entry.pages
  }
  if (sum !== pages) throw wrong(`its shards have ${sum} pages, and the manifest says ${pages}`)
  return entries
}

/** Throws ProtocolError. */
export function decodeDocumentList(bytes: Uint8Array): DocumentEntry[] {
  const bounds = {
    what: 'document list',
    bytesMax: documentListBytesMax,
    countMax: documentsMax,
    itemBytesMax: documentEntryBytesMax,
  }
  return decodeList(bytes, documentEntrySchema, bounds)
}

interface ListBounds {
  readonly what: string
  readonly bytesMax: number
  readonly countMax: number
  readonly itemBytesMax: number
}

function decodeList<Entry>(bytes: Uint8Array, schema: z.ZodType<Entry>, bounds: ListBounds): Entry[] {
  const { what, bytesMax } = bounds
  if (bytes.byteLength > bytesMax)
    throw new ProtocolError({ code: 'too-large', what, bytes: bytes.byteLength, bytesMax })
  const entries: Entry[] = []
  for (const item of decodeItems(bytes, bounds)) {
    const decoded = schema.safeParse(item)
    if (!decoded.success) throw malformed(what, decoded.error)
    entries.push(decoded.data)
  }
  return entries
}
