/**
 * The documents of a job that is being described: their names, blocks, keys and work, in order.
 *
 * A million of them as objects take a gigabyte. Here they are written one behind the other, and a part that is full is sealed and
 * put aside on the disk until the description is over, under a key that is never written down: names are nobody's business.
 */
import { randomBytes } from 'node:crypto'
import type { Cid } from '../../protocol/ids.ts'
import { encodeDocumentEntry, encodeListHead } from '../../protocol/job/lists.ts'
import type { Slice } from '../../protocol/job/shard.ts'
import { sumOfUnits, totalOf, type UnitCount } from '../../protocol/price.ts'
import { encodeCbor, reopenCbor } from '../../protocol/record/block.ts'
import { RequestError } from '../errors.ts'
import { seal, unseal } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { BlockStore } from '../store/blocks.ts'
import { cidOf } from '../store/cid.ts'
import type { InspectedDocument } from './packer.ts'
import { Staging } from './staging.ts'

/** More means fewer blocks, and more memory. A guess. */
const partBytesMax = 512 * 2 ** 10

/** Bytes of the list of documents that are handed on at once. */
const listPartBytes = 128 * 2 ** 10

type Entry = readonly [
  entry: Uint8Array,
  key: Uint8Array,
  pageCostMs: number,
  slice: Slice | null,
  units: UnitCount | null,
]

export class Catalogue {
  readonly #store: BlockStore
  readonly #staged: Staging
  readonly #key = new Uint8Array(randomBytes(32))
  readonly #full: { readonly cid: Cid; readonly key: Uint8Array }[] = []
  #open: Uint8Array[] = []
  #openBytes = 0
  #entriesBytes = 0
  #count = 0
  #named = 0
  #lastName: string | undefined
  #pages = 0
  #costMs = 0
  #bytes = 0
  #units: UnitCount | undefined
  #lastFile: Cid | undefined

  constructor(store: BlockStore) {
    this.#store = store
    this.#staged = new Staging(store)
  }

  /** Documents, and parts of those that are cut. */
  get count(): number {
    return this.#count
  }

  /** Documents as somebody named them: the parts of one have one name, and follow each other. */
  get named(): number {
    return this.#named
  }

  get pages(): number {
    return this.#pages
  }

  /** The cost of all pages, as the runtime guesses. */
  get costMs(): number {
    return this.#costMs
  }

  /** The units of all pages, of their results at most; undefined where none are counted. */
  get units(): UnitCount | undefined {
    return this.#units
  }

  /** The units that are paid at most: where none are counted, each page is one. */
  get mostUnits(): number {
    return this.#units === undefined ? this.#pages : totalOf(this.#units)
  }

  /** The bytes of all files in which the documents are stored. */
  get bytes(): number {
    return this.#bytes
  }

  /** The bytes of the list of documents as the protocol has it. */
  get listBytes(): number {
    return encodeListHead(this.#count).byteLength + this.#entriesBytes
  }

  /** Throws StoreError when the disk does not take it. */
  async add(document: InspectedDocument): Promise<void> {
    const { name, file, bytes, pages, firstPage, pageCostMs, key, slice = null, units = null } = document
    const entry = encodeDocumentEntry({
      name,
      file,
      bytes,
      pages,
      ...(firstPage === undefined ? {} : { firstPage }),
    })
    this.#open.push(encodeCbor([entry, key, pageCostMs, slice, units]))
    this.#openBytes += this.#open.at(-1)!.byteLength
    this.#entriesBytes += entry.byteLength
    this.#count += 1
    if (name !== this.#lastName) this.#named += 1
    this.#lastName = name
    this.#pages += pages
    this.#costMs += pages * pageCostMs
    if (units !== null)
      for (let page = 0; page < pages; page += 1) this.#units = sumOfUnits([this.#units ?? noUnits, units])
    if (file !== this.#lastFile) this.#bytes += bytes
    this.#lastFile = file
    if (this.#openBytes >= partBytesMax) await this.#close()
  }

  /** In order. Throws RequestError when the disk has lost some of them. */
  async *documents(): AsyncGenerator<InspectedDocument> {
    for await (const [entry, key, pageCostMs, slice, units] of this.#entries())
      yield {
        ...reopenCbor<Pick<InspectedDocument, 'name' | 'file' | 'bytes' | 'pages' | 'firstPage'>>(entry),
        key,
        pageCostMs,
        ...(slice && { slice }),
        ...(units && { units }),
      }
  }

  /** The list of documents as the protocol has it, part by part. Throws as `documents`. */
  async *list(): AsyncGenerator<Uint8Array> {
    let parts = [encodeListHead(this.#count)]
    let bytes = 0
    for await (const [entry] of this.#entries()) {
      parts.push(entry)
      bytes += entry.byteLength
      if (bytes < listPartBytes) continue
      yield Buffer.concat(parts)
      parts = []
      bytes = 0
    }
    yield Buffer.concat(parts)
  }

  letGo(): Promise<void> {
    return this.#staged.letGo()
  }

  async *#entries(): AsyncGenerator<Entry> {
    for (const { cid, key } of this.#full) {
      const sealed = await this.#store.getCold(cid)
      if (sealed === undefined)
        throw new RequestError('the list of its documents was damaged on this disk; submit again')
      yield* entriesOf(unseal(key, sealed, 'a part of the list of documents'))
    }
    for (const entry of this.#open) yield reopenCbor(entry)
  }

  /** Puts the open part aside. A key seals one content only. */
  async #close(): Promise<void> {
    const part = encodeCbor(this.#open)
    this.#open = []
    this.#openBytes = 0
    const key = sha256(Buffer.concat([this.#key, Buffer.from(`${this.#full.length}`)]))
    const bytes = seal(key, part)
    const cid = cidOf('raw', bytes)
    await this.#staged.keepBlock({ cid, bytes })
    await this.#staged.flush()
    this.#full.push({ cid, key })
  }
}

const noUnits: UnitCount = { input: 0, output: 0 }

function* entriesOf(part: Uint8Array): Generator<Entry> {
  for (const entry of reopenCbor<Uint8Array[]>(part)) yield reopenCbor(entry)
}
