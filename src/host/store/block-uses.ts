/**
 * The reasons why each block is kept: its uses, each a (job, kind), and the time when it was last read.
 *
 * A block without a use goes. Weights and caches lose their job's use for one without a job, which makes them the
 * cache: blocks that can be fetched again, and that eviction may choose from. Everything here is rows; call it within
 * a transaction. Many blocks are one statement, with their ids as a JSON list: a lease has dozens of blocks, and a statement
 * for each was a tenth of what a small shard cost a vehicle.
 */
import type { Cid, JobId } from '../../protocol/ids.ts'
import type { Database } from './database.ts'

/** 'weights' may be served to anybody; 'report' is what a job's report needs beside results; 'log' is what modules wrote to stderr, for the submitter; 'pin' weights are kept because this node's owner wants them; 'cache' blocks can be fetched again, and serve this node only. */
export type BlockKind = 'weights' | 'input' | 'result' | 'report' | 'log' | 'pin' | 'cache'

/** Only weights and cache are ever without a job: the store may evict them then. */
export interface BlockUse {
  readonly kind: BlockKind
  /** Nobody reads it soon: its bytes are not kept in memory. */
  readonly isCold?: boolean
  readonly job?: JobId
}

/** Reads remembered for eviction; forgetting some only makes eviction less exact. A guess. */
const readsRememberedMax = 8192

export class BlockUses {
  readonly #database: Database
  readonly #now: () => number
  /** Written down at eviction and at the end only: a commit for every read would cost more than the reading. */
  readonly #reads = new Map<Cid, number>()

  constructor(database: Database, now: () => number) {
    this.#database = database
    this.#now = now
  }

  add(cids: readonly Cid[], { kind, job }: BlockUse): void {
    this.#database.run(
      'INSERT OR IGNORE INTO block_uses SELECT value, ?2, ?3 FROM json_each(?1)',
      JSON.stringify(cids),
      job ?? '',
      kind,
    )
    if (isEvictable(kind)) for (const cid of cids) this.read(cid)
  }

  remove(cids: readonly Cid[], { kind, job }: BlockUse): void {
    this.#database.run(
      `DELETE FROM block_uses WHERE cid IN (SELECT value FROM json_each(?1)) AND job = ?2 AND kind = ?3`,
      JSON.stringify(cids),
      job ?? '',
      kind,
    )
  }

  /**
   * Those of the blocks that are here for all that the job may know: as its own, or as an input or weights of another one. What is
   * another job's result is not here for it: who names a result that it has guessed would learn that somebody has it, and read it.
   */
  presentFor(cids: readonly Cid[], job: JobId | undefined): Cid[] {
    return this.#database
      .all<{ cid: Cid }>(
        `SELECT cid FROM blocks WHERE cid IN (SELECT value FROM json_each(?1)) AND EXISTS (
           SELECT 1 FROM block_uses AS uses WHERE uses.cid = blocks.cid
           AND (uses.job = ?2 OR uses.kind IN ('weights', 'cache', 'input')))`,
        JSON.stringify(cids),
        job ?? '',
      )
      .map(({ cid }) => cid)
  }

  /** Those of the blocks that nobody uses, each once. */
  unused(cids: readonly Cid[]): Cid[] {
    return this.#database
      .all<{ cid: Cid }>(
        `SELECT DISTINCT value AS cid FROM json_each(?)
         WHERE NOT EXISTS (SELECT 1 FROM block_uses WHERE block_uses.cid = value)`,
        JSON.stringify(cids),
      )
      .map(({ cid }) => cid)
  }

  kindsOf(cid: Cid): BlockKind[] {
    return this.#database
      .all<{ kind: BlockKind }>('SELECT kind FROM block_uses WHERE cid = ?', cid)
      .map(({ kind }) => kind)
  }

  isHeld(cid: Cid, job: JobId): boolean {
    return (
      this.#database.get(
        'SELECT 1 FROM block_uses JOIN blocks USING (cid) WHERE cid = ? AND job = ?',
        cid,
        job,
      ) !== undefined
    )
  }

  kindsOfJob(cid: Cid, job: JobId): BlockKind[] {
    return this.#database
      .all<{ kind: BlockKind }>('SELECT kind FROM block_uses WHERE cid = ? AND job = ?', cid, job)
      .map(({ kind }) => kind)
  }

  /** Every job that uses a block. */
  jobs(): JobId[] {
    return this.#database
      .all<{ job: JobId }>(`SELECT DISTINCT job FROM block_uses WHERE job <> ''`)
      .map(({ job }) => job)
  }

  /** `kind`: null for every one. */
  jobsOf(cid: Cid, kind: BlockKind | null): JobId[] {
    return this.#database
      .all<{ job: JobId }>(
        `SELECT DISTINCT job FROM block_uses
         WHERE cid = ?1 AND job <> '' AND (?2 IS NULL OR kind = ?2) ORDER BY job`,
        cid,
        kind,
      )
      .map(({ job }) => job)
  }

  blocksOf(job: JobId, kind: BlockKind | null): Cid[] {
    return this.#database
      .all<{ cid: Cid }>(
        'SELECT DISTINCT cid FROM block_uses WHERE job = ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY cid',
        job,
        kind,
      )
      .map(({ cid }) => cid)
  }

  /** The next `count` of them, after this one. */
  pageOf(job: JobId, kind: BlockKind, after: Cid | '', count: number): Cid[] {
    return this.#database
      .all<{ cid: Cid }>(
        'SELECT cid FROM block_uses WHERE job = ? AND kind = ? AND cid > ? ORDER BY cid LIMIT ?',
        job,
        kind,
        after,
        count,
      )
      .map(({ cid }) => cid)
  }

  hasAny(job: JobId, kind: BlockKind): boolean {
    const sql = 'SELECT 1 FROM block_uses WHERE job = ? AND kind = ? LIMIT 1'
    return this.#database.get(sql, job, kind) !== undefined
  }

  /** The bytes of all blocks that the job uses. */
  bytesOf(job: JobId): number {
    return this.#database.get<{ bytes: number }>(
      `SELECT coalesce(sum(bytes), 0) AS bytes FROM blocks
       WHERE cid IN (SELECT cid FROM block_uses WHERE job = ?)`,
      job,
    )!.bytes
  }

  /** Takes up to `count` of a job's uses of one kind away for good, and says of which blocks. */
  drop(job: JobId, kind: BlockKind, count: number): Cid[] {
    const uses = this.#database.all<{ cid: Cid }>(
      'SELECT cid FROM block_uses WHERE job = ? AND kind = ? LIMIT ?',
      job,
      kind,
      count,
    )
    const cids = uses.map(({ cid }) => cid)
    this.remove(cids, { kind, job })
    return cids
  }

  /**
   * Takes up to `count` of a job's uses away, of one kind or of all, and says of which blocks. Weights and caches become
   * uses without a job.
   */
  release(job: JobId, kind: BlockKind | null, count: number): Cid[] {
    const uses = this.#database.all<{ cid: Cid; kind: BlockKind }>(
      'SELECT cid, kind FROM block_uses WHERE job = ?1 AND (?2 IS NULL OR kind = ?2) LIMIT ?3',
      job,
      kind,
      count,
    )
    for (const { cid, kind } of uses) {
      this.remove([cid], { kind, job })
      if (isEvictable(kind))
        this.#database.run(
          `INSERT OR IGNORE INTO block_uses SELECT cid, '', ?2 FROM blocks WHERE cid = ?1`, // a damaged one is gone
          cid,
          kind,
        )
    }
    return uses.map(({ cid }) => cid)
  }

  /** Forgets the uses without a job of a block that is damaged: nobody waits for its return. */
  removeCached(cid: Cid): void {
    this.#database.run(
      `DELETE FROM block_uses WHERE cid = ? AND job = '' AND kind IN ('weights', 'cache')`,
      cid,
    )
  }

  /** The bytes of the blocks that no job uses and that can be fetched again. */
  cachedBytes(): number {
    return this.#database.get<{ bytes: number }>(
      `SELECT coalesce(sum(bytes), 0) AS bytes FROM blocks
       WHERE cid IN (SELECT cid FROM block_uses WHERE job = '' AND kind IN ('weights', 'cache')) AND NOT EXISTS (
         SELECT 1 FROM block_uses other
         WHERE other.cid = blocks.cid AND (other.job <> '' OR other.kind NOT IN ('weights', 'cache')))`,
    )!.bytes
  }

  /**
   * Returns the blocks that no job uses and that can be fetched again, least recently read first. Those of weights that are one
   * file, which `file` names, follow each other, and count as read when the last of them was.
   */
  cached(): { readonly cid: Cid; readonly bytes: number; readonly file: Cid }[] {
    this.writeReads()
    return this.#database.all(
      `WITH parts AS (SELECT cid, min(file) AS file FROM weight_parts WHERE is_here = 1 GROUP BY cid),
       cached AS (
         SELECT DISTINCT blocks.cid, bytes, coalesce(parts.file, blocks.cid) AS file, coalesce(at_ms, 0) AS at_ms
         FROM block_uses JOIN blocks USING (cid) LEFT JOIN parts USING (cid) LEFT JOIN block_reads USING (cid)
         WHERE job = '' AND kind IN ('weights', 'cache') AND NOT EXISTS (
           SELECT 1 FROM block_uses other
           WHERE other.cid = blocks.cid AND (other.job <> '' OR other.kind NOT IN ('weights', 'cache'))))
       SELECT cid, bytes, file FROM (SELECT *, max(at_ms) OVER (PARTITION BY file) AS last_ms FROM cached)
       ORDER BY last_ms, file, cid`,
    )
  }

  /** Notes that a block was read now. */
  read(cid: Cid): void {
    this.#reads.delete(cid)
    this.#reads.set(cid, this.#now())
    if (this.#reads.size > readsRememberedMax) this.#reads.delete(this.#reads.keys().next().value!)
  }

  /** Only blocks that can be evicted are noted; a rollback takes back read times, and no more. */
  writeReads(): void {
    if (this.#reads.size === 0) return
    this.#database.run(
      `INSERT OR REPLACE INTO block_reads SELECT value ->> 0, value ->> 1 FROM json_each(?)
       WHERE EXISTS (SELECT 1 FROM block_uses WHERE cid = value ->> 0 AND kind IN ('weights', 'cache'))`,
      JSON.stringify([...this.#reads]),
    )
    this.#reads.clear()
  }

  forgetReads(cids: readonly Cid[]): void {
    for (const cid of cids) this.#reads.delete(cid)
    this.#database.run(
      'DELETE FROM block_reads WHERE cid IN (SELECT value FROM json_each(?))',
      JSON.stringify(cids),
    )
  }
}

export function isEvictable(kind: BlockKind): boolean {
  return kind === 'weights' || kind === 'cache'
}
