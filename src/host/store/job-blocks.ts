/**
 * One job's part in the block store: the only way to keep a block, and to count on one, for a job.
 *
 * Every reference to a block is a use by its job, whether the bytes were here before or come now: equal documents and
 * equal engines give several jobs equal blocks, and each of them must hold its own. `take` therefore comes before every
 * fetch, and nobody asks merely whether a block is here.
 *
 * The part ends when the job is released. A fetch or a result that is still under way for the job then keeps nothing
 * any more, so that a job which is gone leaves nothing behind.
 */
import type { Cid, JobId } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { BlockKind, BlockUse } from './block-uses.ts'
import type { Block } from './block-writer.ts'
import type { SetAside } from './disk-reserve.ts'
import { StoreError } from './errors.ts'
import type { SourceFile } from './weight-files.ts'

/** The store's work for one job. `check` throws once the job is over; it is called within the transaction. */
export interface JobAccess {
  readonly take: (cids: readonly Cid[], use: BlockUse, check: () => void) => Promise<Cid[]>
  readonly putMany: (
    blocks: readonly Block[],
    use: BlockUse,
    check: () => void,
    along?: () => void,
  ) => Promise<void>
  readonly putParts: (blocks: AsyncIterable<Block>, use: BlockUse, check: () => void) => Promise<void>
  readonly get: (cid: Cid) => Promise<Uint8Array | undefined>
  readonly size: (cid: Cid) => number | undefined
  readonly isHeld: (cid: Cid, job: JobId) => boolean
  readonly kindsOf: (cid: Cid, job: JobId) => BlockKind[]
  readonly list: (job: JobId, kind: BlockKind | null) => Cid[]
  readonly page: (job: JobId, kind: BlockKind, after: Cid | '') => Cid[]
  readonly hasAny: (job: JobId, kind: BlockKind) => boolean
  readonly plan: (weights: FileReference) => Promise<void>
  readonly pathOf: (weights: FileReference, setAside: (bytes: number) => SetAside) => Promise<string | null>
  readonly link: (
    weights: FileReference,
    source: SourceFile,
    use: BlockUse,
    check: () => void,
  ) => Promise<boolean>
  readonly setAside: (job: JobId, bytes: number, isOwn: boolean) => SetAside
  readonly dropAll: (use: BlockUse & { readonly job: JobId }) => void
  readonly letGo: (use: BlockUse & { readonly job: JobId }, isIdle: () => boolean) => Promise<void>
  readonly rest: (job: JobId, isIdle: () => boolean) => Promise<void>
  readonly restNow: (job: JobId) => void
}

export class JobBlocks {
  readonly job: JobId
  readonly #access: JobAccess
  /** An earlier release of the same job, which must not take what is kept now. */
  readonly #ready: Promise<void> | undefined
  #isOver = false

  constructor(job: JobId, access: JobAccess, ready: Promise<void> | undefined) {
    this.job = job
    this.#access = access
    this.#ready = ready
  }

  /**
   * Makes those of the blocks that are here the job's, durably, and answers the others: fetch them, and `put` them.
   * Throws StoreError released.
   */
  async take(cids: Iterable<Cid>, kind: BlockKind): Promise<Cid[]> {
    if (this.#ready !== undefined) await this.#ready
    return this.#access.take([...new Set(cids)], { kind, job: this.job }, this.#check)
  }

  /** Keeps a block; `along` and what this throws are as putMany's. */
  async put(cid: Cid, bytes: Uint8Array, kind: BlockKind, along?: () => void): Promise<void> {
    await this.putMany([{ cid, bytes }], kind, along)
  }

  /**
   * Keeps several blocks, all or none, in one commit; durable when it resolves. The bytes must not change until then.
   * `along` writes what is to be in the same commit, and touches nothing but the database.
   * Throws StoreError: hash-mismatch, not-a-cid, too-large, disk-full, broken, released; then nothing was kept.
   */
  async putMany(blocks: readonly Block[], kind: BlockKind, along?: () => void): Promise<void> {
    if (this.#ready !== undefined) await this.#ready
    await this.#access.putMany(blocks, { kind, job: this.job }, this.#check, along)
  }

  /** The same of blocks that nobody reads soon: many small ones in memory would cost more than reading them again. */
  async putCold(blocks: readonly Block[], kind: BlockKind): Promise<void> {
    if (this.#ready !== undefined) await this.#ready
    await this.#access.putMany(blocks, { kind, job: this.job, isCold: true }, this.#check)
  }

  /**
   * Keeps weights as they come, in memory of a few blocks, and many in one commit; all that came is durable when it resolves, or
   * rejects as `blocks` did. Their bytes were checked against their names: they are not hashed again. Throws as putMany, and Error
   * where their file went meanwhile.
   */
  async putParts(blocks: AsyncIterable<Block>): Promise<void> {
    if (this.#ready !== undefined) await this.#ready
    await this.#access.putParts(blocks, { kind: 'weights', job: this.job }, this.#check)
  }

  /** The verified bytes, to be read only. Undefined when the block is not here, or damaged. */
  get(cid: Cid): Promise<Uint8Array | undefined> {
    return this.#access.get(cid)
  }

  /** The bytes of a block, without reading it. Undefined when it is not here. */
  size(cid: Cid): number | undefined {
    return this.#access.size(cid)
  }

  /** Tells whether a block is here and the job's. */
  isHeld(cid: Cid): boolean {
    return this.#access.isHeld(cid, this.job)
  }

  /** The kinds as which the job uses a block, be it here or damaged. */
  kindsOf(cid: Cid): BlockKind[] {
    return this.#access.kindsOf(cid, this.job)
  }

  /** The blocks that the job uses, of one kind or of all, in order of their ids. */
  list(kind?: BlockKind): Cid[] {
    return this.#access.list(this.job, kind ?? null)
  }

  /** The same of one kind, in several lists, so that those of a large job are never in memory as a whole. */
  *pages(kind: BlockKind): Generator<Cid[]> {
    let after: Cid | '' = ''
    for (;;) {
      const page = this.#access.page(this.job, kind, after)
      if (page.length === 0) return
      yield page
      after = page.at(-1)!
    }
  }

  /** Tells whether the job uses any block as this. */
  hasAny(kind: BlockKind): boolean {
    return this.#access.hasAny(this.job, kind)
  }

  /**
   * Fills the disk with up to so many bytes for a stranger's job, which are set aside first. Throws StoreError no-room, and
   * what `fill` throws. `isOwn`: for a job of this node's submitter, which has no share to keep to, only the floor.
   */
  async withRoom<Result>(bytes: number, fill: () => Promise<Result>, isOwn = false): Promise<Result> {
    const room = this.#access.setAside(this.job, bytes, isOwn)
    try {
      return await fill()
    } finally {
      room.settle()
    }
  }

  /**
   * From now on, the parts of this file of weights go to one file when they are put. Its root is here. Throws StoreError
   * not-a-file.
   */
  plan(weights: FileReference): Promise<void> {
    return this.#access.plan(weights)
  }

  /**
   * The path of a file that holds these weights and nothing else, and that nobody writes as long as they are the job's. Null: they
   * are so small that they are in no file. Throws StoreError: block-missing, not-a-file, no-room, disk-full.
   */
  pathOf(weights: FileReference): Promise<string | null> {
    return this.#access.pathOf(weights, (bytes) => this.#access.setAside(this.job, bytes, false))
  }

  /**
   * Makes a user's file that was just read these weights, without copying it. Their root is here. False where it has to be
   * copied. Throws StoreError released.
   */
  async link(weights: FileReference, source: SourceFile): Promise<boolean> {
    if (this.#ready !== undefined) await this.#ready
    return this.#access.link(weights, source, { kind: 'weights', job: this.job }, this.#check)
  }

  /** Drops the job's uses of one kind, and the blocks that nobody else uses, in one commit. */
  dropAll(kind: BlockKind): void {
    this.#access.dropAll({ kind, job: this.job })
  }

  /**
   * The job asks for nothing at present: its weights count as cache, until it takes them again. That takes several commits
   * where there are many; `isIdle` is asked before each, so that what was taken again meanwhile stays the job's.
   */
  rest(isIdle: () => boolean): Promise<void> {
    return this.#access.rest(this.job, isIdle)
  }

  /** The same before this returns. */
  restNow(): void {
    this.#access.restNow(this.job)
  }

  /** The same of whatever was fetched to no purpose: weights become no cache. Works on a full disk. */
  async letGo(kinds: readonly BlockKind[], isIdle = () => true): Promise<void> {
    for (const kind of kinds) await this.#access.letGo({ kind, job: this.job }, isIdle)
  }

  /** Nothing is kept through this part any more. The store calls it when it releases the job. */
  close(): void {
    this.#isOver = true
  }

  readonly #check = (): void => {
    if (this.#isOver) throw new StoreError({ code: 'released', job: this.job })
  }
}
