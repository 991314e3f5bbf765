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
import { encodeCbor, encodeHead } from '../record/block.ts'
import { ItemReader } from '../record/items.ts'
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

/** A list is its head and its entries, one behind the other, so that a long one need not be in memory. */
export function encodeListHead(count: number): Uint8Array {
  return encodeHead('list', count)
}

export function encodeDocumentEntry({ name, file, bytes, pages, firstPage }: DocumentEntry): Uint8Array {
  return encodeCbor({ name, file, bytes, pages, ...(firstPage === undefined ? {} : { firstPage }) })
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
  return decodeList(bytes, documentEntrySchema, documentListBounds)
}

/** Reads a list of documents that comes in parts. `push` throws ProtocolError. */
export class DocumentListReader {
  readonly #reader = new ListReader(documentEntrySchema, documentListBounds)

  /** Yields the entries that are whole by now. `isLast`: no part follows. */
  push(part: Uint8Array, isLast: boolean): Generator<DocumentEntry> {
    return this.#reader.push(part, isLast)
  }
}

const documentListBounds: ListBounds = {
  what: 'document list',
  bytesMax: documentListBytesMax,
  countMax: documentsMax,
  itemBytesMax: documentEntryBytesMax,
}

interface ListBounds {
  readonly what: string
  readonly bytesMax: number
  readonly countMax: number
  readonly itemBytesMax: number
}

function decodeList<Entry>(bytes: Uint8Array, schema: z.ZodType<Entry>, bounds: ListBounds): Entry[] {
  return [...new ListReader(schema, bounds).push(bytes, true)]
}

class ListReader<Entry> {
  readonly #schema: z.ZodType<Entry>
  readonly #bounds: ListBounds
  readonly #items: ItemReader
  #bytes = 0

  constructor(schema: z.ZodType<Entry>, bounds: ListBounds) {
    this.#schema = schema
    this.#bounds = bounds
    this.#items = new ItemReader(bounds)
  }

  *push(part: Uint8Array, isLast: boolean): Generator<Entry> {
    const { what, bytesMax } = this.#bounds
    this.#bytes += part.byteLength
    if (this.#bytes > bytesMax)
      throw new ProtocolError({ code: 'too-large', what, bytes: this.#bytes, bytesMax })
    for (const item of this.#items.push(part, isLast)) {
      const decoded = this.#schema.safeParse(item)
      if (!decoded.success) throw malformed(what, decoded.error)
      yield decoded.data
    }
  }
}
