/**
 * Removing blocks: a job gives up its uses, or the cache outgrows its budget, and the blocks that nobody uses any more go,
 * first their rows and then their files.
 *
 * A job may use as many blocks as it has documents, so uses are given up a few at a time, in commits of their own; what a
 * crash leaves is done again by the next one. All of it works on a full disk.
 */
import { assert } from '../../base/assert.ts'
import type { Cid, JobId } from '../../protocol/ids.ts'
import type { BlockFiles } from './block-files.ts'
import type { BlockUse, BlockUses } from './block-uses.ts'
import type { Database } from './database.ts'
import type { HotCache } from './hot-cache.ts'
import type { WeightFiles } from './weight-files.ts'
import type { WeightRows } from './weight-rows.ts'

export interface BlockRemovalOptions {
  readonly database: Database
  readonly files: BlockFiles
  readonly uses: BlockUses
  readonly hot: HotCache
  readonly weightRows: WeightRows
  readonly weightFiles: WeightFiles
  readonly cacheBytesMax: number
}

/** Uses released or taken in one transaction: 15 ms on two busy cores, during which the node answers nobody. */
export const usesPerCommit = 128

export class BlockRemoval {
  readonly #options: BlockRemovalOptions

  constructor(options: BlockRemovalOptions) {
    this.#options = options
  }

  /** The job is over: weights and cache stay within the budget. */
  async release(job: JobId): Promise<void> {
    await this.#inParts(() => this.#options.uses.release(job, null, usesPerCommit))
    this.evict()
  }

  /** The job's weights join the cache, for as long as it wants nothing of them. */
  async rest(job: JobId, isIdle: () => boolean): Promise<void> {
    await this.#inParts(() => this.#options.uses.release(job, 'weights', usesPerCommit), isIdle)
    this.evict()
  }

  /** The same before this returns: somebody waits for the room. */
  restNow(job: JobId): void {
    while (this.#deleting(() => this.#options.uses.release(job, 'weights', usesPerCommit)) === usesPerCommit);
    this.evict()
  }

  /** All of the job's uses of one kind, for good, for as long as it wants nothing of them. */
  async letGo({ job, kind }: BlockUse & { readonly job: JobId }, isIdle: () => boolean): Promise<void> {
    await this.#inParts(() => this.#options.uses.drop(job, kind, usesPerCommit), isIdle)
  }

  /** The same in one commit, for a few. */
  dropAll(use: BlockUse & { readonly job: JobId }): void {
    const { uses } = this.#options
    const cids = uses.blocksOf(use.job, use.kind)
    if (cids.length === 0) return
    this.#deleting(() => {
      uses.remove(cids, use)
      return cids
    })
  }

  /** These blocks, which no job uses, go now, pinned or not. */
  forget(cids: readonly Cid[]): void {
    const { uses } = this.#options
    this.#deleting(() => {
      uses.remove(cids, { kind: 'pin' })
      for (const cid of cids) uses.removeCached(cid)
      return cids
    })
  }

  /**
   * Brings the cache within its budget, after whatever may have made a block a part of it; or makes it smaller by so many
   * bytes. The least recently read goes first; weights that are one file go as a whole, since a part of them frees nothing.
   */
  evict(bytes = 0): void {
    const { uses, cacheBytesMax } = this.#options
    this.#deleting(() => {
      const cached = uses.cached()
      let left = cached.reduce((sum, block) => sum + block.bytes, 0)
      const keep = Math.min(cacheBytesMax, left - bytes)
      const evicted: Cid[] = []
      let file: Cid | null = null
      for (const block of cached) {
        if (left <= keep && block.file !== file) break
        uses.removeCached(block.cid)
        evicted.push(block.cid)
        left -= block.bytes
        file = block.file
      }
      return evicted
    })
  }

  async #inParts(remove: () => Cid[], goesOn = () => true): Promise<void> {
    while (goesOn() && this.#deleting(remove) === usesPerCommit) await new Promise(setImmediate)
  }

  /** Deletes those of the blocks which `release` names that nobody uses any more: the rows, then the files. */
  #deleting(release: () => readonly Cid[]): number {
    const { database, uses, hot, files, weightRows, weightFiles } = this.#options
    assert(!database.isInTransaction, 'a rollback cannot bring a deleted file back')
    const { released, unused, deleted, emptied } = database.transactionThatFrees(() => {
      const released = release()
      const unused = released.length === 0 ? [] : uses.unused(released)
      if (unused.length === 0) return { released, unused, deleted: [], emptied: [] }
      uses.forgetReads(unused)
      const deleted = database.all<{ cid: Cid; isFile: number }>(
        `DELETE FROM blocks WHERE cid IN (SELECT value FROM json_each(?))
         RETURNING cid, body IS NULL AS isFile`,
        JSON.stringify(unused),
      )
      const shorter = weightRows.lost(unused)
      const linked = shorter.filter((file) => weightRows.get(file)?.isLinked)
      const gone = linked.flatMap((file) => weightRows.forget(file))
      // A file of which no part has come yet has its root only.
      const emptied = [...linked, ...weightRows.forgetEmpty([...shorter, ...unused])]
      return { released, unused: [...unused, ...gone], deleted, emptied }
    })
    for (const cid of unused) hot.delete(cid)
    for (const { cid, isFile } of deleted) if (isFile) files.remove(cid)
    weightFiles.remove(emptied)
    return released.length
  }
}
