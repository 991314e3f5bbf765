/**
 * Writing blocks, several at a time, all or none.
 *
 * Small blocks are rows of the database, so that thousands of results share one fsync; large ones are files, since a
 * row is written twice (the log comes first) and a large one is read through a chain of pages. Measured with 32
 * writers on two busy cores: at 20 KB 1,900 rows/s against 1,700 files/s, at 32 KiB 1,550 against 1,000, at 64 KiB 580
 * against 770, at 1 MiB 80 against 250. They meet above 32 KiB; we part at 16, which keeps the database small.
 */
import type { Cid } from '../../protocol/ids.ts'
import type { BlockFiles } from './block-files.ts'
import type { BlockUse, BlockUses } from './block-uses.ts'
import { isHashOf } from './cid.ts'
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'
import type { HotCache } from './hot-cache.ts'
import type { WeightFiles, Written } from './weight-files.ts'
import type { WeightRows } from './weight-rows.ts'

export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
  /** A part of weights is on the disk: nobody reads the bytes any more. */
  readonly letGo?: () => void
}

export interface BlockWriterOptions {
  readonly database: Database
  readonly files: BlockFiles
  readonly uses: BlockUses
  readonly hot: HotCache
  readonly has: (cid: Cid) => boolean
  /** Those of the blocks that are here. */
  readonly present: (cids: readonly Cid[]) => Cid[]
  /** Reads a block, and puts it aside when it is damaged. */
  readonly look: (cid: Cid) => Promise<unknown>
  readonly weightRows: WeightRows
  readonly weightFiles: WeightFiles
}

/** See the head. */
export const rowBytesMax = 16 * 2 ** 10
/** The list of shards of the largest job (see shardsMax); the protocol bounds the blocks that may travel. */
export const storedBytesMax = 64 * 2 ** 20
/** The threads of libuv's pool, which more writers would only queue for. */
const writersMax = 4

/** A part that is being written, and whose bytes are not in memory any more once that is done. */
interface Part {
  readonly cid: Cid
  readonly bytes: number
  readonly writing: Promise<Written>
}

/** Parts of one stream that may wait for the disk. A guess. */
const partsWritingMax = 3
/** The bytes of parts that are synced and committed together: a kill has them come again. A guess. */
const partsBytesMax = 32 * 2 ** 20

export class BlockWriter {
  readonly #options: BlockWriterOptions

  constructor(options: BlockWriterOptions) {
    this.#options = options
  }

  /** As JobBlocks' (job-blocks.ts). `check` and `along` are called within the transaction that keeps them. */
  async putMany(
    blocks: readonly Block[],
    use: BlockUse,
    check: () => void,
    along: () => void = () => {},
  ): Promise<void> {
    const { database, files, hot, has, present, look } = this.#options
    for (const { cid, bytes } of blocks) {
      if (bytes.byteLength > storedBytesMax)
        throw new StoreError({
          code: 'too-large',
          what: cid,
          bytes: bytes.byteLength,
          bytesMax: storedBytesMax,
        })
      if (!isHashOf(cid, bytes)) throw new StoreError({ code: 'hash-mismatch', cid, bytes: bytes.byteLength })
    }
    // A block that is here already may be damaged without anybody having noticed: it is then put aside, and kept
    // anew.
    for (const cid of present(blocks.map(({ cid }) => cid))) await look(cid)
    const large = blocks.filter(({ bytes }) => bytes.byteLength > rowBytesMax)
    for (const { cid } of large) files.hold(cid)
    try {
      // Again only when another reader put a damaged file aside, or a release took the row, in between.
      for (let isKept = false; !isKept; ) {
        const parts = await this.#writeParts(blocks)
        await this.#writeFiles(large.filter(({ cid }) => !parts.has(cid)))
        isKept = await database.soon(() => this.#insert(blocks, parts, use, check, along))
      }
    } catch (error) {
      for (const { cid } of blocks) if (!has(cid)) hot.delete(cid)
      throw error
    } finally {
      for (const { cid } of large) files.letGo(cid, has(cid))
    }
  }

  /** As JobBlocks'. */
  async putParts(blocks: AsyncIterable<Block>, use: BlockUse, check: () => void): Promise<void> {
    const { weightRows, weightFiles, has } = this.#options
    let parts: Part[] = []
    let bytesAll = 0
    const keep = async () => {
      const some = parts
      ;[parts, bytesAll] = [[], 0]
      if (some.length > 0) await this.#keepParts(some, use, check)
    }
    try {
      for await (const { cid, bytes, letGo } of blocks) {
        const places = weightRows.wanted(new Map([[cid, bytes.byteLength]])).get(cid)
        if (places === undefined || has(cid)) {
          await this.putMany([{ cid, bytes }], use, check)
          continue
        }
        const writing = weightFiles.write(bytes, places)
        writing.then(letGo).catch(() => {}) // met below
        parts.push({ cid, bytes: bytes.byteLength, writing })
        bytesAll += bytes.byteLength
        await parts.at(-1 - partsWritingMax)?.writing
        if (bytesAll >= partsBytesMax) await keep()
      }
    } finally {
      await keep()
    }
  }

  async #keepParts(parts: readonly Part[], use: BlockUse, check: () => void): Promise<void> {
    const { database, uses, weightFiles } = this.#options
    const written = await Promise.all(parts.map(({ writing }) => writing))
    await weightFiles.sync(written)
    const isKept = await database.soon(() => {
      check()
      if (!weightFiles.note(written)) return false
      for (const { cid, bytes } of parts)
        database.run('INSERT OR IGNORE INTO blocks VALUES (?, ?, NULL)', cid, bytes)
      uses.add(
        parts.map(({ cid }) => cid),
        use,
      )
      return true
    })
    if (!isKept) throw new Error('the file of these weights went while they came')
  }

  /** Writes those of the blocks that are parts of weights, and not here yet, where they belong. */
  async #writeParts(blocks: readonly Block[]): Promise<ReadonlyMap<Cid, Written>> {
    const { weightRows, weightFiles, has } = this.#options
    const written = new Map<Cid, Written>()
    const places = weightRows.wanted(new Map(blocks.map(({ cid, bytes }) => [cid, bytes.byteLength])))
    for (const { cid, bytes } of blocks) {
      const own = places.get(cid)
      if (own !== undefined && !has(cid)) written.set(cid, await weightFiles.write(bytes, own))
    }
    if (written.size > 0) await weightFiles.sync([...written.values()])
    return written
  }

  async #writeFiles(large: readonly Block[]): Promise<void> {
    const { files, has } = this.#options
    const queue = large.filter(({ cid }) => !has(cid))
    if (queue.length === 0) return
    const blocks = queue.values()
    const write = async () => {
      for (const { cid, bytes } of blocks) await files.write(cid, bytes)
    }
    const writers = await Promise.allSettled(
      Array.from({ length: Math.min(writersMax, queue.length) }, write),
    )
    for (const writer of writers) if (writer.status === 'rejected') throw writer.reason
    await files.sync()
  }

  /** Within a transaction. False when a file is gone that was there a moment ago. */
  #insert(
    blocks: readonly Block[],
    parts: ReadonlyMap<Cid, Written>,
    use: BlockUse,
    check: () => void,
    along: () => void,
  ): boolean {
    const { database, files, uses, hot, has, weightFiles } = this.#options
    check()
    for (const { cid, bytes } of blocks) {
      const isLarge = bytes.byteLength > rowBytesMax
      if (isLarge && !has(cid) && !parts.has(cid) && !files.isWritten(cid)) return false
    }
    if (!weightFiles.note([...parts.values()])) return false
    for (const { cid, bytes } of blocks) {
      const body = bytes.byteLength > rowBytesMax || parts.has(cid) ? null : bytes
      database.run('INSERT OR IGNORE INTO blocks VALUES (?, ?, ?)', cid, bytes.byteLength, body)
      // It was hashed just now, and is about to be read: a result by its steward, an input by the lease that waits for it.
      if (body !== null && use.isCold !== true) hot.set(cid, body.slice())
    }
    uses.add(
      blocks.map(({ cid }) => cid),
      use,
    )
    along()
    return true
  }
}
