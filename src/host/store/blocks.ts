/**
 * The block store: bytes named by their hash, kept as long as somebody has a use for them.
 *
 * Small blocks are rows of the database, so that thousands of results share one fsync; large ones are files, since a
 * row is written twice (the log comes first) and a large one is read through a chain of pages. Measured with 32
 * writers on two busy cores: at 20 KB 1,900 rows/s against 1,700 files/s, at 32 KiB 1,550 against 1,000, at 64 KiB 580
 * against 770, at 1 MiB 80 against 250. They meet above 32 KiB; we part at 16, which keeps the database small.
 *
 * A use is (job, kind). A job's end releases its uses, and a block without a use goes. Weights and caches stay
 * for the next job within a budget; the least recently read goes first. Every read from the disk is hashed: a damaged
 * block is put aside and reported missing, so that the caller fetches it again and nobody is served garbage.
 */
import { assert } from '../../base/assert.ts'
import type { Cid, JobId } from '../../protocol/ids.ts'
import { BlockFiles } from './block-files.ts'
import { type BlockKind, type BlockUse, BlockUses, isEvictable } from './block-uses.ts'
import { codecOf, isHashOf } from './cid.ts'
import type { DataDirectory } from './data-directory.ts'
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'
import { HotCache } from './hot-cache.ts'

export type { BlockKind, BlockUse } from './block-uses.ts'

export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

export interface BlockStoreOptions {
  /** What weights and caches of no current job may take on the disk. Less means fetching them again. */
  readonly cacheBytesMax?: number
  /** What blocks read lately may take in memory. Less means reading and hashing (0.7 ms a MiB) again. */
  readonly hotBytesMax?: number
  readonly now?: () => number
  readonly log?: StoreLog
}

/** What pino's loggers have. */
export interface StoreLog {
  warn(facts: object, message: string): void
}

/** A hundred sets of OCR weights, or one language model of 2 B parameters at 8 bits: a guess. */
export const cacheBytesMaxDefault = 2 * 2 ** 30
/** The OCR weights (16 MiB) with room for documents: a guess. */
const hotBytesMaxDefault = 64 * 2 ** 20
/** See the head. */
export const rowBytesMax = 16 * 2 ** 10
/** The list of shards of the largest job (see shardsMax); what may travel is bounded by the protocol. */
export const storedBytesMax = 64 * 2 ** 20
/** The threads of libuv's pool, which more writers would only queue for. */
const writersMax = 4
/** Uses released in one transaction: 15 ms on two busy cores, during which the node answers nobody. */
const releasedPerCommit = 128

export class BlockStore {
  readonly #database: Database
  readonly #files: BlockFiles
  readonly #hot: HotCache
  readonly #uses: BlockUses
  readonly #cacheBytesMax: number
  readonly #log: StoreLog
  #onDamaged: (cid: Cid) => void = () => {}
  /** Evictable bytes put since the budget was last checked. */
  #uncheckedBytes = 0

  constructor(database: Database, directory: DataDirectory, options: BlockStoreOptions = {}) {
    this.#database = database
    this.#files = new BlockFiles(directory.blocksPath, directory.quarantinePath)
    this.#uses = new BlockUses(database, options.now ?? Date.now)
    this.#hot = new HotCache(options.hotBytesMax ?? hotBytesMaxDefault)
    this.#cacheBytesMax = options.cacheBytesMax ?? cacheBytesMaxDefault
    this.#log = options.log ?? { warn: () => {} }
    this.#collectOrphans()
    this.evict()
  }

  /**
   * Keeps a block; durable when it resolves. The bytes must not change until then.
   * Throws StoreError: hash-mismatch, not-a-cid, too-large, disk-full, broken; then nothing was kept.
   */
  async put(cid: Cid, bytes: Uint8Array, use: BlockUse): Promise<void> {
    await this.putMany([{ cid, bytes }], use)
  }

  /** Keeps several blocks, all or none, in one commit. */
  async putMany(blocks: readonly Block[], use: BlockUse): Promise<void> {
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
    // What is here already may be damaged, and nobody has noticed yet: it is put aside, and kept anew.
    for (const { cid } of blocks) await this.#read(cid)
    const large = blocks.filter(({ bytes }) => bytes.byteLength > rowBytesMax)
    for (const { cid } of large) this.#files.hold(cid)
    try {
      // Again only when another reader put a damaged file aside, or a release took the row, in between.
      do await this.#writeFiles(large)
      while (!(await this.#database.soon(() => this.#insert(blocks, use))))
    } finally {
      for (const { cid } of large) this.#files.letGo(cid, this.has(cid))
    }
    if (isEvictable(use.kind)) this.#checkBudget(blocks)
  }

  /** The verified bytes, to be read only: others may be reading the same. Undefined when not here, or damaged. */
  async get(cid: Cid): Promise<Uint8Array | undefined> {
    const hot = this.#hot.get(cid)
    if (hot !== undefined) {
      this.#uses.read(cid)
      return hot
    }
    const bytes = await this.#read(cid)
    if (bytes === undefined) return undefined
    this.#uses.read(cid)
    // It may have gone while its file was read.
    if (this.has(cid)) this.#hot.set(cid, bytes)
    return bytes
  }

  has(cid: Cid): boolean {
    return this.size(cid) !== undefined
  }

  /** Bytes of a block that is here. */
  size(cid: Cid): number | undefined {
    return this.#database.get<{ bytes: number }>('SELECT bytes FROM blocks WHERE cid = ?', cid)?.bytes
  }

  /** Adds a use to a block that is here already. False when it is not: then `put` it. */
  async use(cid: Cid, use: BlockUse): Promise<boolean> {
    return this.#database.soon(() => {
      if (!this.has(cid)) return false
      this.#uses.add(cid, use)
      return true
    })
  }

  /**
   * Whether anybody may have it: it is somebody's weights, and nobody's document or result. Otherwise a job that names
   * another job's document as its weights would have us hand it out.
   */
  isPublic(cid: Cid): boolean {
    const kinds = this.#uses.kindsOf(cid)
    return kinds.includes('weights') && kinds.every(isEvictable)
  }

  /** Tells of every block that was found damaged and put aside. One listener. */
  onDamaged(listener: (cid: Cid) => void): void {
    this.#onDamaged = listener
  }

  /** The jobs that use a block, in order of their ids. */
  jobsOf(cid: Cid): JobId[] {
    return this.#uses.jobsOf(cid)
  }

  /** The blocks that a job uses, of one kind or of all, in order of their ids. */
  blocksOf(job: JobId, kind?: BlockKind): Cid[] {
    return this.#uses.blocksOf(job, kind ?? null)
  }

  /**
   * Drops a job's uses and the blocks that nobody else uses; weights and cache stay within the budget. Call it again
   * after a crash: it goes on where it was. Works on a full disk.
   */
  async release(job: JobId): Promise<void> {
    codecOf(job)
    while (this.#deleting(() => this.#uses.release(job, releasedPerCommit)) === releasedPerCommit)
      await new Promise(setImmediate)
    this.evict()
  }

  /** Drops one use, and the block when it was the last. */
  drop(cid: Cid, use: BlockUse): void {
    this.dropAll([cid], use)
  }

  /** Drops one use of each, all in one commit. */
  dropAll(cids: readonly Cid[], use: BlockUse): void {
    if (cids.length === 0) return
    this.#deleting(() => {
      for (const cid of cids) this.#uses.remove(cid, use)
      return cids
    })
  }

  /** Brings the cache within its budget. Called by itself; the budget is exceeded by at most a sixteenth in between. */
  evict(): void {
    this.#uncheckedBytes = 0
    this.#deleting(() => {
      const cached = this.#uses.cached()
      let bytes = cached.reduce((sum, block) => sum + block.bytes, 0)
      const evicted: Cid[] = []
      for (const block of cached) {
        if (bytes <= this.#cacheBytesMax) break
        this.#uses.removeCached(block.cid)
        evicted.push(block.cid)
        bytes -= block.bytes
      }
      return evicted
    })
  }

  /** Writes down what was read lately, for the next start's evictions. */
  close(): void {
    this.#database.transaction(() => this.#uses.writeReads())
  }

  #collectOrphans(): void {
    const rows = this.#database.all<{ cid: Cid }>('SELECT cid FROM blocks WHERE body IS NULL')
    const known = new Set(rows.map(({ cid }) => cid))
    const { removed, found } = this.#files.collect((cid) => known.has(cid))
    if (removed > 0) this.#log.warn({ files: removed }, 'removed block files that a crash left behind')
    for (const cid of known) if (!found.has(cid)) this.#quarantine(cid, null, 'file missing')
  }

  async #writeFiles(large: readonly Block[]): Promise<void> {
    const queue = large.filter(({ cid }) => !this.has(cid))
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
  #insert(blocks: readonly Block[], use: BlockUse): boolean {
    for (const { cid, bytes } of blocks) {
      const isLarge = bytes.byteLength > rowBytesMax
      if (isLarge && !this.has(cid) && !this.#files.isWritten(cid)) return false
    }
    for (const { cid, bytes } of blocks) {
      const body = bytes.byteLength > rowBytesMax ? null : bytes
      this.#database.run('INSERT OR IGNORE INTO blocks VALUES (?, ?, ?)', cid, bytes.byteLength, body)
      this.#uses.add(cid, use)
    }
    return true
  }

  #row(cid: Cid): { readonly body: Uint8Array | null } | undefined {
    return this.#database.get('SELECT body FROM blocks WHERE cid = ?', cid)
  }

  /** Deletes those of the blocks which `release` names that nobody uses any more: the rows, then the files. */
  #deleting(release: () => readonly Cid[]): number {
    assert(!this.#database.isInTransaction, 'a rollback cannot bring a deleted file back')
    const { released, deleted } = this.#database.transactionThatFrees(() => {
      const released = release()
      const deleted = [...new Set(released)].filter((cid) => !this.#uses.has(cid))
      for (const cid of deleted) {
        this.#uses.forgetReads(cid)
        this.#database.run('DELETE FROM blocks WHERE cid = ?', cid)
      }
      return { released, deleted }
    })
    for (const cid of deleted) {
      this.#hot.delete(cid)
      this.#files.remove(cid)
    }
    return released.length
  }

  /** From the disk, and verified; what is damaged is put aside. */
  async #read(cid: Cid): Promise<Uint8Array | undefined> {
    const row = this.#row(cid)
    if (row === undefined) return undefined
    const bytes = row.body ?? (await this.#files.read(cid))
    return bytes !== undefined && isHashOf(cid, bytes) ? bytes : this.#readAgain(cid)
  }

  /** Without a pause: a file that went and came back while it was being read is not damaged. */
  #readAgain(cid: Cid): Uint8Array | undefined {
    const row = this.#row(cid)
    if (row === undefined) return undefined
    const bytes = row.body ?? this.#files.readNow(cid)
    if (bytes !== undefined && isHashOf(cid, bytes)) return bytes
    this.#quarantine(cid, row.body, bytes === undefined ? 'unreadable' : 'hash mismatch')
    return undefined
  }

  /** The jobs' uses stay, so that fetching it again makes it whole for all of them. */
  #quarantine(cid: Cid, body: Uint8Array | null, why: string): void {
    this.#database.transactionThatFrees(() => {
      this.#database.run('DELETE FROM blocks WHERE cid = ?', cid)
      this.#uses.removeCached(cid)
    })
    this.#files.quarantine(cid, body)
    this.#log.warn({ cid, why }, 'put a damaged block aside')
    this.#onDamaged(cid)
  }

  #checkBudget(blocks: readonly Block[]): void {
    for (const { bytes } of blocks) this.#uncheckedBytes += bytes.byteLength
    if (this.#uncheckedBytes > this.#cacheBytesMax / 16) this.evict()
  }
}
