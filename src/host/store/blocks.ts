/**
 * The block store: bytes named by their hash, kept as long as somebody has a use for them.
 *
 * Small blocks are rows of the database, large ones are files (block-writer.ts).
 *
 * A use is (job, kind), and a job takes and gives its uses through its own part only (`of`, job-blocks.ts). A job's end
 * releases them, and a block without a use goes: nothing else is ever collected. Weights and caches stay for the next job
 * within a budget; the least recently read goes first. Every read from the disk is hashed: a damaged
 * block is put aside and reported missing, so that the caller fetches it again and nobody is served garbage.
 */
import type { Cid, JobId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import { Assembly } from './assembly.ts'
import { BlockFiles } from './block-files.ts'
import { BlockRemoval, usesPerCommit } from './block-removal.ts'
import { type BlockKind, type BlockUse, BlockUses, isEvictable } from './block-uses.ts'
import { BlockWriter } from './block-writer.ts'
import { codecOf, isHashOf } from './cid.ts'
import type { DataDirectory } from './data-directory.ts'
import type { Database } from './database.ts'
import { DiskReserve } from './disk-reserve.ts'
import { HotCache } from './hot-cache.ts'
import { type JobAccess, JobBlocks } from './job-blocks.ts'
import { Losses, type StoreLog } from './losses.ts'
import { WeightFiles } from './weight-files.ts'
import { WeightRows } from './weight-rows.ts'
import { WeightShelf } from './weight-shelf.ts'

export type { BlockKind, BlockUse } from './block-uses.ts'
export type { Block } from './block-writer.ts'

export interface BlockStoreOptions {
  /** The bytes that weights and caches of no current job may take on the disk. Less means fetching them again. */
  readonly cacheBytesMax?: number
  /** The bytes of memory for blocks read lately. Less means reading and hashing (0.7 ms a MiB) again. */
  readonly hotBytesMax?: number
  readonly now?: () => number
  readonly log?: StoreLog
}

/** A hundred sets of OCR weights, or one language model of 2 B parameters at 8 bits: a guess. */
export const cacheBytesMaxDefault = 2 * 2 ** 30
/** The OCR weights (16 MiB) with room for documents and results: a guess. A job of a million documents fills it. */
const hotBytesMaxDefault = 32 * 2 ** 20

export class BlockStore {
  readonly #database: Database
  readonly #files: BlockFiles
  readonly #hot: HotCache
  readonly #uses: BlockUses
  readonly #writer: BlockWriter
  readonly #removal: BlockRemoval
  readonly #weightFiles: WeightFiles
  readonly #assembly: Assembly
  readonly #losses: Losses
  readonly #log: StoreLog
  /** Weights as this node's owner sees them. */
  readonly weights: WeightShelf
  /** The room for jobs of strangers. */
  readonly reserve: DiskReserve
  /** The parts of jobs that are not over. */
  readonly #parts = new Map<JobId, JobBlocks>()
  readonly #releasing = new Map<JobId, Promise<void>>()

  constructor(database: Database, directory: DataDirectory, options: BlockStoreOptions = {}) {
    this.#database = database
    this.#files = new BlockFiles(directory.blocksPath, directory.quarantinePath)
    this.#uses = new BlockUses(database, options.now ?? systemClock.now)
    this.#hot = new HotCache(options.hotBytesMax ?? hotBytesMaxDefault)
    const weightRows = new WeightRows(database)
    const weightFiles = new WeightFiles(directory.weightsPath, weightRows)
    this.#weightFiles = weightFiles
    this.#assembly = new Assembly({ database, files: this.#files, weightRows, weightFiles, blocks: this })
    this.#writer = new BlockWriter({
      database,
      files: this.#files,
      uses: this.#uses,
      hot: this.#hot,
      has: (cid) => this.has(cid),
      present: (cids) => this.#present(cids),
      look: (cid) => this.#read(cid),
      weightRows,
      weightFiles,
    })
    this.#removal = new BlockRemoval({
      database,
      files: this.#files,
      uses: this.#uses,
      hot: this.#hot,
      weightRows,
      weightFiles,
      cacheBytesMax: options.cacheBytesMax ?? cacheBytesMaxDefault,
    })
    this.#log = options.log ?? { warn: () => {} }
    const [files, uses, hot, log] = [this.#files, this.#uses, this.#hot, this.#log]
    this.#losses = new Losses({ database, files, uses, hot, weightRows, weightFiles, log })
    this.weights = new WeightShelf(database, this.#uses, this.#removal, weightRows)
    this.reserve = new DiskReserve({
      space: () => directory.space(),
      usedBy: (job) => this.#uses.bytesOf(job),
      cachedBytes: () => this.#uses.cachedBytes(),
      evict: (bytes) => this.#removal.evict(bytes),
    })
    this.#losses.collect()
    this.#removal.evict()
  }

  /**
   * A job's part in the store. Ask for it before the work begins that it is for: it ends when the job is released, and
   * whoever asks then gets another one, which is not stopped by the end of the first.
   */
  of(job: JobId): JobBlocks {
    const known = this.#parts.get(job)
    if (known !== undefined) return known
    codecOf(job)
    const part = new JobBlocks(job, this.#access, this.#releasing.get(job))
    this.#parts.set(job, part)
    return part
  }

  readonly #access: JobAccess = {
    take: (cids, use, check) => this.#take(cids, use, check),
    putMany: (blocks, use, check, along) => this.#writer.putMany(blocks, use, check, along),
    putParts: (blocks, use, check) => this.#writer.putParts(blocks, use, check),
    get: (cid) => this.get(cid),
    size: (cid) => this.size(cid),
    isHeld: (cid, job) => this.#uses.isHeld(cid, job),
    kindsOf: (cid, job) => this.#uses.kindsOfJob(cid, job),
    list: (job, kind) => this.#uses.blocksOf(job, kind),
    page: (job, kind, after) => this.#uses.pageOf(job, kind, after, usesPerCommit),
    hasAny: (job, kind) => this.#uses.hasAny(job, kind),
    plan: (weights) => this.#assembly.plan(weights),
    pathOf: (weights, setAside) => this.#assembly.pathOf(weights, setAside),
    link: (weights, source, use, check) =>
      this.#assembly.link(weights, source, (cids) => {
        check()
        this.#uses.add(cids, use)
      }),
    setAside: (job, bytes, isOwn) => this.reserve.setAside(job, bytes, isOwn),
    dropAll: (use) => this.#removal.dropAll(use),
    letGo: (use, isIdle) => this.#removal.letGo(use, isIdle),
    rest: (job, isIdle) => this.#removal.rest(job, isIdle),
    restNow: (job) => this.#removal.restNow(job),
  }

  /** In several commits, so that a large job stops nobody. */
  async #take(cids: readonly Cid[], use: BlockUse, check: () => void): Promise<Cid[]> {
    const missing: Cid[] = []
    for (let at = 0; at < cids.length; at += usesPerCommit) {
      const some = cids.slice(at, at + usesPerCommit)
      missing.push(...(await this.#database.soon(() => this.#takeNow(some, use, check))))
    }
    return missing
  }

  /** Within a transaction. */
  #takeNow(cids: readonly Cid[], use: BlockUse, check: () => void): Cid[] {
    check()
    const present = this.#uses.presentFor(cids, use.job)
    this.#uses.add(present, use)
    const here = new Set(present)
    return cids.filter((cid) => !here.has(cid))
  }

  #present(cids: readonly Cid[]): Cid[] {
    return this.#database
      .all<{ cid: Cid }>(
        'SELECT cid FROM blocks WHERE cid IN (SELECT value FROM json_each(?))',
        JSON.stringify(cids),
      )
      .map(({ cid }) => cid)
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
    // It may have gone while its file was read. Weights would only push others out: the system has their pages.
    if (this.has(cid) && !this.#weightFiles.has(cid)) this.#hot.set(cid, bytes)
    return bytes
  }

  /** As `get`, of a block that nobody reads again soon. */
  getCold(cid: Cid): Promise<Uint8Array | undefined> {
    return this.#read(cid)
  }

  has(cid: Cid): boolean {
    return this.size(cid) !== undefined
  }

  /** Tells whether all of a file of weights is here. */
  hasWeights(file: Cid): boolean {
    return this.#weightFiles.pathOf(file) !== undefined
  }

  /** Bytes of a block that is here. */
  size(cid: Cid): number | undefined {
    return this.#database.get<{ bytes: number }>('SELECT bytes FROM blocks WHERE cid = ?', cid)?.bytes
  }

  /**
   * Tells whether anybody may have the block: it is part of somebody's weights, and of nobody's document or result.
   * Otherwise a job that names another job's document as its weights would have us hand it out.
   */
  isPublic(cid: Cid): boolean {
    const kinds = this.#uses.kindsOf(cid)
    return kinds.includes('weights') && kinds.every((kind) => isEvictable(kind) || kind === 'pin')
  }

  /** Tells of every block that was found damaged and put aside. One listener. */
  onDamaged(listener: (cid: Cid) => void): void {
    this.#losses.onDamaged(listener)
  }

  /** The jobs that use a block, or use it so, in order of their ids. */
  jobsOf(cid: Cid, kind?: BlockKind): JobId[] {
    return this.#uses.jobsOf(cid, kind ?? null)
  }

  /**
   * Ends a job's part: drops its uses and the blocks that nobody else uses; weights and cache stay within the budget.
   * Call it again after a crash, or let `keepOnly` do so: it goes on where it was. Works on a full disk.
   */
  async release(job: JobId): Promise<void> {
    codecOf(job)
    this.reserve.forget(job)
    this.#parts.get(job)?.close()
    this.#parts.delete(job)
    const before = this.#releasing.get(job)
    const released =
      before === undefined ? this.#removal.release(job) : before.then(() => this.#removal.release(job))
    const over = released.catch(() => {}) // the caller's
    this.#releasing.set(job, over)
    try {
      await released
    } finally {
      if (this.#releasing.get(job) === over) this.#releasing.delete(job)
    }
  }

  /** Releases every job but these: a crash may have left blocks of a job that was never begun, or is forgotten. */
  async keepOnly(jobs: ReadonlySet<JobId>): Promise<void> {
    const others = this.#uses.jobs().filter((job) => !jobs.has(job))
    if (others.length > 0)
      this.#log.warn({ jobs: others.length }, 'releasing the blocks of jobs that are gone')
    for (const job of others) await this.release(job)
  }

  /** Writes down what was read lately, for the next start's evictions. */
  close(): void {
    this.#database.transaction(() => this.#uses.writeReads())
    this.#weightFiles.close()
  }

  #row(cid: Cid): { readonly body: Uint8Array | null; readonly bytes: number } | undefined {
    return this.#database.get('SELECT body, bytes FROM blocks WHERE cid = ?', cid)
  }

  /** Reads a block from the disk and verifies it; a damaged one is put aside. */
  async #read(cid: Cid): Promise<Uint8Array | undefined> {
    const row = this.#row(cid)
    if (row === undefined) return undefined
    const bytes =
      row.body ?? (await this.#weightFiles.reader.read(cid, row.bytes)) ?? (await this.#files.read(cid))
    return bytes !== undefined && isHashOf(cid, bytes) ? bytes : this.#readAgain(cid)
  }

  /** Without a pause: a file that went and came back while it was being read is not damaged. */
  #readAgain(cid: Cid): Uint8Array | undefined {
    const row = this.#row(cid)
    if (row === undefined) return undefined
    const bytes = row.body ?? this.#weightFiles.reader.readNow(cid, row.bytes) ?? this.#files.readNow(cid)
    if (bytes !== undefined && isHashOf(cid, bytes)) return bytes
    this.#losses.putAside(cid, row.body, bytes === undefined ? 'unreadable' : 'hash mismatch')
    return undefined
  }
}
