/**
 * The block store: bytes named by their hash, kept as long as somebody has a use for them.
 *
 * Small blocks are rows of the database, so that thousands of results share one fsync; large ones are files, since a row
 * beyond a few pages is written twice (once to the log) and read through a chain of pages. Measured on this
 * project's machine: at 16 KiB 8,700 rows/s in one commit against 2,500 files/s; at 64 KiB 1,300 against 2,400.
 *
 * A use is (job, kind). A job's end releases its uses, and a block without a use goes. Weights and caches stay
 * for the next job within a budget; the least recently read goes first. Every read from the disk is hashed: a damaged
 * block is put aside and reported missing, so that the caller fetches it again and nobody is served garbage.
 */
import type { Cid, JobId } from '../../protocol/ids.ts'
import { BlockFiles } from './block-files.ts'
import { codecOf, isHashOf } from './cid.ts'
import type { DataDirectory } from './data-directory.ts'
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'
import { HotCache } from './hot-cache.ts'

/** 'weights' may be served to anybody; 'cache' is what can be had again, and serves this node only. */
export type BlockKind = 'weights' | 'input' | 'result' | 'report' | 'cache'

/** Without a job, weights and cache are evictable at once, and the other kinds stay until `drop`. */
export interface BlockUse {
  readonly kind: BlockKind
  readonly job?: JobId
}

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
/** Uses released in one transaction: about 10 ms during which the node answers nobody. */
const releasedPerCommit = 512
/** Reads remembered for eviction; forgetting some only makes eviction less exact. */
const readsRememberedMax = 8192

export class BlockStore {
  readonly #database: Database
  readonly #files: BlockFiles
  readonly #hot: HotCache
  readonly #reads = new Map<Cid, number>()
  readonly #cacheBytesMax: number
  readonly #now: () => number
  readonly #log: StoreLog
  /** Evictable bytes put since the budget was last checked. */
  #uncheckedBytes = 0

  constructor(database: Database, directory: DataDirectory, options: BlockStoreOptions = {}) {
    this.#database = database
    this.#files = new BlockFiles(directory.blocksPath, directory.quarantinePath)
    this.#hot = new HotCache(options.hotBytesMax ?? hotBytesMaxDefault)
    this.#cacheBytesMax = options.cacheBytesMax ?? cacheBytesMaxDefault
    this.#now = options.now ?? Date.now
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
      this.#remember(cid)
      return hot
    }
    const row = this.#row(cid)
    if (row === undefined) return undefined
    const read = row.body ?? (await this.#files.read(cid))
    const bytes = read !== undefined && isHashOf(cid, read) ? read : this.#readAgain(cid)
    if (bytes === undefined) return undefined
    this.#remember(cid)
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
      this.#insertUse(cid, use)
      return true
    })
  }

  /**
   * Whether anybody may have it: it is somebody's weights, and nobody's document or result. Otherwise a job that names
   * another job's document as its weights would have us hand it out.
   */
  isPublic(cid: Cid): boolean {
    const uses = this.#database.all<{ kind: BlockKind }>('SELECT kind FROM block_uses WHERE cid = ?', cid)
    return uses.some(({ kind }) => kind === 'weights') && uses.every(({ kind }) => isEvictable(kind))
  }

  /** The jobs that use a block, in order of their ids. */
  jobsOf(cid: Cid): JobId[] {
    return this.#database
      .all<{ job: JobId }>(
        `SELECT DISTINCT job FROM block_uses WHERE cid = ? AND job <> '' ORDER BY job`,
        cid,
      )
      .map(({ job }) => job)
  }

  /** The blocks that a job uses, of one kind or of all, in order of their ids. */
  blocksOf(job: JobId, kind?: BlockKind): Cid[] {
    return this.#database
      .all<{ cid: Cid }>(
        'SELECT DISTINCT cid FROM block_uses WHERE job = ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY cid',
        job,
        kind ?? null,
      )
      .map(({ cid }) => cid)
  }

  /**
   * Drops a job's uses and the blocks that nobody else uses; weights and cache stay within the budget. Call it again
   * after a crash: it goes on where it was. Works on a full disk.
   */
  async release(job: JobId): Promise<void> {
    codecOf(job)
    while (this.#releaseSome(job) === releasedPerCommit) await new Promise(setImmediate)
    this.evict()
  }

  /** Drops one use, and the block when it was the last. */
  drop(cid: Cid, { kind, job }: BlockUse): void {
    const orphan = this.#database.transactionThatFrees(() => {
      this.#database.run(
        'DELETE FROM block_uses WHERE cid = ? AND job = ? AND kind = ?',
        cid,
        job ?? '',
        kind,
      )
      return this.#deleteUnused(cid)
    })
    if (orphan) this.#forget(cid)
  }

  /** Brings the cache within its budget. Called by itself; the budget is exceeded by at most a sixteenth in between. */
  evict(): void {
    this.#uncheckedBytes = 0
    const evicted = this.#database.transactionThatFrees(() => {
      this.#writeReads()
      const cached = this.#cached()
      let bytes = cached.reduce((sum, block) => sum + block.bytes, 0)
      let count = 0
      while (bytes > this.#cacheBytesMax) {
        bytes -= cached[count]!.bytes
        count += 1
      }
      const oldest = cached.slice(0, count).map(({ cid }) => cid)
      for (const cid of oldest) {
        this.#database.run('DELETE FROM block_uses WHERE cid = ?', cid)
        this.#deleteUnused(cid)
      }
      return oldest
    })
    for (const cid of evicted) this.#forget(cid)
  }

  /** Writes down what was read lately, for the next start's evictions. */
  close(): void {
    this.#database.transaction(() => this.#writeReads())
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
      this.#insertUse(cid, use)
    }
    return true
  }

  #insertUse(cid: Cid, { kind, job }: BlockUse): void {
    this.#database.run('INSERT OR IGNORE INTO block_uses VALUES (?, ?, ?)', cid, job ?? '', kind)
    if (isEvictable(kind)) this.#remember(cid)
  }

  #row(cid: Cid): { readonly body: Uint8Array | null } | undefined {
    return this.#database.get('SELECT body FROM blocks WHERE cid = ?', cid)
  }

  #releaseSome(job: JobId): number {
    const { count, orphans } = this.#database.transactionThatFrees(() => {
      const uses = this.#database.all<{ cid: Cid; kind: BlockKind }>(
        `SELECT cid, kind FROM block_uses WHERE job = ? LIMIT ${releasedPerCommit}`,
        job,
      )
      const orphans: Cid[] = []
      for (const { cid, kind } of uses) {
        this.#database.run('DELETE FROM block_uses WHERE cid = ? AND job = ? AND kind = ?', cid, job, kind)
        if (isEvictable(kind))
          this.#database.run(`INSERT OR IGNORE INTO block_uses VALUES (?, '', ?)`, cid, kind)
        else if (this.#deleteUnused(cid)) orphans.push(cid)
      }
      return { count: uses.length, orphans }
    })
    for (const cid of orphans) this.#forget(cid)
    return count
  }

  /** Within a transaction. True when the block had no use and its row went; its file goes after the commit. */
  #deleteUnused(cid: Cid): boolean {
    if (this.#database.get('SELECT 1 FROM block_uses WHERE cid = ?', cid) !== undefined) return false
    this.#database.run('DELETE FROM block_reads WHERE cid = ?', cid)
    return this.#database.run('DELETE FROM blocks WHERE cid = ?', cid) === 1
  }

  #forget(cid: Cid): void {
    this.#hot.delete(cid)
    this.#reads.delete(cid)
    this.#files.remove(cid)
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
      this.#database.run(
        `DELETE FROM block_uses WHERE cid = ? AND job = '' AND kind IN ('weights', 'cache')`,
        cid,
      )
    })
    this.#files.quarantine(cid, body)
    this.#log.warn({ cid, why }, 'put a damaged block aside')
  }

  #remember(cid: Cid): void {
    this.#reads.delete(cid)
    this.#reads.set(cid, this.#now())
    if (this.#reads.size <= readsRememberedMax) return
    for (const oldest of this.#reads.keys()) {
      this.#reads.delete(oldest)
      return
    }
  }

  #writeReads(): void {
    for (const [cid, atMs] of this.#reads)
      this.#database.run(
        `INSERT OR REPLACE INTO block_reads SELECT ?1, ?2
         WHERE EXISTS (SELECT 1 FROM block_uses WHERE cid = ?1 AND kind IN ('weights', 'cache'))`,
        cid,
        atMs,
      )
    this.#reads.clear()
  }

  /** What no job uses and can be had again, least recently read first. */
  #cached(): { readonly cid: Cid; readonly bytes: number }[] {
    return this.#database.all(
      `SELECT DISTINCT cid, bytes FROM block_uses JOIN blocks USING (cid) LEFT JOIN block_reads USING (cid)
       WHERE job = '' AND kind IN ('weights', 'cache') AND NOT EXISTS (
         SELECT 1 FROM block_uses other
         WHERE other.cid = blocks.cid AND (other.job <> '' OR other.kind NOT IN ('weights', 'cache')))
       ORDER BY at_ms, cid`,
    )
  }

  #checkBudget(blocks: readonly Block[]): void {
    for (const { bytes } of blocks) this.#uncheckedBytes += bytes.byteLength
    if (this.#uncheckedBytes > this.#cacheBytesMax / 16) this.evict()
  }
}

function isEvictable(kind: BlockKind): boolean {
  return kind === 'weights' || kind === 'cache'
}
