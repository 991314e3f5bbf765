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
  shardUnitsMax,
} from '../limits.ts'
import { totalOf } from '../price.ts'
import { decodeCbor, encodeCbor, encodeHead } from '../record/block.ts'
import { ItemReader } from '../record/items.ts'
import { malformed, naturalSchema } from '../record/record.ts'
import { documentEntryBytesMax } from '../sizes.ts'
import { type FileReference, fileReference, type Manifest } from './manifest.ts'
import { readShardEntry, type ShardEntry, shardEntrySchema } from './shard-entry.ts'

export type { ShardEntry } from './shard-entry.ts'

export interface DocumentEntry extends FileReference {
  readonly name: string
  readonly pages: number
  /** Counted from 1, where it is a part of the document of that name: the page with which the part begins. */
  readonly firstPage?: number
}

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
  return [...new ListReader(shardListBounds, decodeShardEntry).push(bytes, true)]
}

/**
 * Reads the list of a job's shards, which comes in parts. It must be what the manifest says of it, of shards that vehicles take, and each
 * of them another block: the keys of a shard's documents are wrapped for its position, so that no two of an honest list are equal,
 * and a list that repeats one is a few blocks that take a hundred megabytes of memory.
 */
export class ShardListReader {
  readonly #reader = new ListReader(shardListBounds, decodeShardEntry)
  readonly #stated: Manifest['shards']
  readonly #seen = new ManyCids()
  #count = 0
  #pages = 0

  constructor(stated: Manifest['shards']) {
    this.#stated = stated
  }

  /** Yields the entries that are whole by now. `isLast`: no part follows. Throws ProtocolError. */
  *push(part: Uint8Array, isLast: boolean): Generator<ShardEntry> {
    const { count, pages } = this.#stated
    for (const entry of this.#reader.push(part, isLast)) {
      this.#check(entry)
      yield entry
    }
    if (!isLast) return
    if (this.#count !== count) throw wrongList(`it has ${this.#count} shards, and the manifest says ${count}`)
    if (this.#pages !== pages)
      throw wrongList(`its shards have ${this.#pages} pages, and the manifest says ${pages}`)
  }

  #check({ shard, pages, bytes, units }: ShardEntry): void {
    const position = this.#count
    if (pages < 1 || pages > shardPagesMax)
      throw wrongList(`shard ${position} has ${pages} pages; 1 to ${shardPagesMax} are allowed`)
    if (bytes > shardDocumentBytesMax)
      throw wrongList(
        `shard ${position} has ${bytes} bytes of documents; at most ${shardDocumentBytesMax} are allowed`,
      )
    if (units !== undefined && totalOf(units) > shardUnitsMax)
      throw wrongList(
        `shard ${position} has ${totalOf(units)} units of work; at most ${shardUnitsMax} are allowed`,
      )
    if (!this.#seen.add(shard)) throw wrongList(`shard ${position} is the same block as one before it`)
    this.#count += 1
    this.#pages += pages
  }
}

/** A set in many small ones: a large one holds everything up for a tenth of a second whenever it grows. */
class ManyCids {
  readonly #sets = new Map<string, Set<Cid>>()

  /** False when it was there. */
  add(cid: Cid): boolean {
    const part = cid.slice(-3, -1) // of the digest
    let set = this.#sets.get(part)
    if (set === undefined) {
      set = new Set()
      this.#sets.set(part, set)
    }
    const { size } = set
    return set.add(cid).size > size
  }
}

function wrongList(why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what: shardListBounds.what, why })
}

const shardListBounds: ListBounds = {
  what: 'shard list',
  bytesMax: shardListBytesMax,
  countMax: shardsMax,
  itemBytesMax: shardEntryBytesMax,
}

/**
 * A list has a million of them, so that they are not decoded as anything else is: an entry that this node would write is read as it
 * lies there, and for all others the decoder and the schema say what is wrong.
 */
function decodeShardEntry(item: Uint8Array): ShardEntry {
  return readShardEntry(item) ?? decodedBy(shardEntrySchema, shardListBounds)(item)
}

/** Throws ProtocolError. */
export function decodeDocumentList(bytes: Uint8Array): DocumentEntry[] {
  return [...new DocumentListReader().push(bytes, true)]
}

/** Reads a list of documents that comes in parts. `push` throws ProtocolError. */
export class DocumentListReader {
  readonly #reader = new ListReader(documentListBounds, decodedBy(documentEntrySchema, documentListBounds))

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

function decodedBy<Entry>(schema: z.ZodType<Entry>, { what, itemBytesMax }: ListBounds) {
  return (item: Uint8Array): Entry => {
    const decoded = schema.safeParse(decodeCbor(what, item, itemBytesMax))
    if (!decoded.success) throw malformed(what, decoded.error)
    return decoded.data
  }
}

class ListReader<Entry> {
  readonly #bounds: ListBounds
  readonly #items: ItemReader
  #bytes = 0

  constructor(bounds: ListBounds, decode: (item: Uint8Array) => Entry) {
    this.#bounds = bounds
    this.#items = new ItemReader({ ...bounds, decode })
  }

  *push(part: Uint8Array, isLast: boolean): Generator<Entry> {
    const { what, bytesMax } = this.#bounds
    this.#bytes += part.byteLength
    if (this.#bytes > bytesMax)
      throw new ProtocolError({ code: 'too-large', what, bytes: this.#bytes, bytesMax })
    yield* this.#items.push(part, isLast) as Generator<Entry>
  }
}
