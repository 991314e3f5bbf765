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

export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

export interface BlockWriterOptions {
  readonly database: Database
  readonly files: BlockFiles
  readonly uses: BlockUses
  readonly has: (cid: Cid) => boolean
  /** Reads a block, and puts it aside when it is damaged. */
  readonly look: (cid: Cid) => Promise<unknown>
}

/** See the head. */
export const rowBytesMax = 16 * 2 ** 10
/** The list of shards of the largest job (see shardsMax); the protocol bounds the blocks that may travel. */
export const storedBytesMax = 64 * 2 ** 20
/** The threads of libuv's pool, which more writers would only queue for. */
const writersMax = 4

export class BlockWriter {
  readonly #database: Database
  readonly #files: BlockFiles
  readonly #uses: BlockUses
  readonly #has: BlockWriterOptions['has']
  readonly #look: BlockWriterOptions['look']

  constructor({ database, files, uses, has, look }: BlockWriterOptions) {
    this.#database = database
    this.#files = files
    this.#uses = uses
    this.#has = has
    this.#look = look
  }

  /** As JobBlocks' (job-blocks.ts). `check` is called within the transaction that keeps them. */
  async putMany(blocks: readonly Block[], use: BlockUse, check: () => void): Promise<void> {
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
    for (const { cid } of blocks) await this.#look(cid)
    const large = blocks.filter(({ bytes }) => bytes.byteLength > rowBytesMax)
    for (const { cid } of large) this.#files.hold(cid)
    try {
      // Again only when another reader put a damaged file aside, or a release took the row, in between.
      do await this.#writeFiles(large)
      while (!(await this.#database.soon(() => this.#insert(blocks, use, check))))
    } finally {
      for (const { cid } of large) this.#files.letGo(cid, this.#has(cid))
    }
  }

  async #writeFiles(large: readonly Block[]): Promise<void> {
    const queue = large.filter(({ cid }) => !this.#has(cid))
    if (queue.length === 0) return
    const blocks = queue.values()
    const write = async () => {
      for (const { cid, bytes } of blocks) await this.#files.write(cid, bytes)
    }
    const writers = await Promise.allSettled(
      Array.from({ length: Math.min(writersMax, queue.length) }, write),
    )
    for (const writer of writers) if (writer.status === 'rejected') throw writer.reason
    await this.#files.sync()
  }

  /** Within a transaction. False when a file is gone that was there a moment ago. */
  #insert(blocks: readonly Block[], use: BlockUse, check: () => void): boolean {
    check()
    for (const { cid, bytes } of blocks) {
      const isLarge = bytes.byteLength > rowBytesMax
      if (isLarge && !this.#has(cid) && !this.#files.isWritten(cid)) return false
    }
    for (const { cid, bytes } of blocks) {
      const body = bytes.byteLength > rowBytesMax ? null : bytes
      this.#database.run('INSERT OR IGNORE INTO blocks VALUES (?, ?, ?)', cid, bytes.byteLength, body)
      this.#uses.add(cid, use)
    }
    return true
  }
}
