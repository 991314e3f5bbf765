/**
 * Fetches blocks and files for a vehicle's leases, each once for all that want it at the same time.
 *
 * A lease is a stranger's word. So the bytes of what is missing are set aside on the disk before the first block is asked
 * for (store/disk-reserve.ts), and no file is fetched that is longer than its reference says.
 */
import type { Logger } from 'pino'
import type { Cid, JobId, PeerId } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import { keepFetched } from '../keep-fetched.ts'
import type { Network } from '../network/network.ts'
import type { BlockStore } from '../store/blocks.ts'
import { firstBlockBytesMax, partsOfFile } from '../store/files.ts'
import { type GatheringOptions, gather, type Use } from './gathering.ts'

export type { Use } from './gathering.ts'

import { SharedWork } from './shared-work.ts'

export class MissingBlocks extends Error {
  constructor(what: string) {
    super(`nobody who was asked has ${what}`)
    this.name = 'MissingBlocks'
  }
}

export class Fetching {
  readonly #network: Network
  readonly #blocks: BlockStore
  readonly #log: Logger
  readonly #onGivenUp: (job: JobId) => void
  readonly #lateMs: number | undefined
  readonly #underWay = new SharedWork()

  /**
   * `onGivenUp` is told when what nobody wants any more has stopped to come, and the last of it is on the disk. `lateMs`: as
   * GatheringOptions'.
   */
  constructor(
    network: Network,
    blocks: BlockStore,
    log: Logger,
    onGivenUp: (job: JobId) => void = () => {},
    lateMs?: number,
  ) {
    this.#network = network
    this.#blocks = blocks
    this.#log = log
    this.#onGivenUp = onGivenUp
    this.#lateMs = lateMs
  }

  /** Blocks of at most so many bytes. Throws MissingBlocks, NetworkError, BlockTooLong, StoreError, and the signal's reason. */
  async blocks(
    cids: readonly Cid[],
    bytesMax: number,
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    const missing = await use.mine.take(cids, use.kind)
    if (missing.length === 0) return
    await use.mine.withRoom(missing.length * bytesMax, () =>
      this.#fetch(missing, () => bytesMax, use, from, signal),
    )
  }

  /**
   * Weights come from all of these peers at once, and from `reserves` where these do not get on; other files from the first that has
   * them. Throws as `blocks`.
   */
  async files(
    files: readonly FileReference[],
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
    reserves?: () => Iterable<PeerId>,
  ): Promise<void> {
    const blocksOf = await this.#known(files, use)
    const missing = await use.mine.take([...blocksOf.values()].flat(), use.kind)
    if (missing.length === 0) return
    const absent = new Set(missing)
    const firstOf = new Map(files.map((file) => [file.file, firstBlockBytesMax(file)]))
    const bytesMaxOf = (cid: Cid) => firstOf.get(cid) ?? blockBytesMax
    let bytes = 0
    for (const [file, blocks] of blocksOf)
      if (blocks.some((cid) => absent.has(cid))) bytes += file.bytes + rootBytesOf(file)
    await use.mine.withRoom(bytes, async () => {
      for (let blocks = missing; blocks.length > 0; ) {
        await this.#fetch(blocks, bytesMaxOf, use, from, signal, reserves)
        // What was fetched is the job's. That leaves the parts of those of which the root has come.
        const left = [...(await this.#known(files, use)).values()].flatMap((known) => known.slice(1))
        blocks = left.length === 0 ? [] : await use.mine.take(left, use.kind)
      }
    })
  }

  /**
   * The blocks of each file, as far as they are known: first the file's own, and then its parts if that one is here. The
   * parts may be here for another job, and must stay when that one ends. Those of weights come into one file. Throws StoreError
   * not-a-file for what has another length than was stated.
   */
  async #known(
    files: readonly FileReference[],
    { mine, kind }: Use,
  ): Promise<Map<FileReference, readonly Cid[]>> {
    const known = new Map<FileReference, readonly Cid[]>()
    for (const file of files) {
      const parts = (await partsOfFile(file, this.#blocks)) ?? []
      if (kind === 'weights' && parts.length > 0) await mine.plan(file)
      known.set(file, [file.file, ...parts])
    }
    return known
  }

  async #fetch(
    cids: readonly Cid[],
    bytesMaxOf: (cid: Cid) => number,
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
    reserves?: () => Iterable<PeerId>,
  ): Promise<void> {
    const mine = cids.filter((cid) => !this.#underWay.has(keyOf(cid, use)))
    const keysOf = (some: readonly Cid[]) => some.map((cid) => keyOf(cid, use))
    const ofMine = new Set(mine)
    const others = this.#underWay.join(keysOf(cids.filter((cid) => !ofMine.has(cid))), signal)
    if (mine.length === 0) return others
    await Promise.all([
      others,
      this.#underWay.begin(keysOf(mine), signal, (shared) =>
        use.kind === 'weights'
          ? this.#gatherAll(mine, bytesMaxOf, use, from, shared, reserves)
          : this.#fetchAll(mine, bytesMaxOf, use, from, shared),
      ),
    ])
  }

  async #gatherAll(
    cids: readonly Cid[],
    bytesMaxOf: (cid: Cid) => number,
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
    reserves: () => Iterable<PeerId> = () => [],
  ): Promise<void> {
    const fetch: GatheringOptions['fetch'] = (...asked) => this.#network.blocks.fetch(...asked)
    try {
      const { left, failure } = await gather(
        cids,
        from,
        { fetch, use, bytesMaxOf, reserves, lateMs: this.#lateMs },
        signal,
      )
      if (left.length > 0) throw failure ?? new MissingBlocks(`block ${left[0]}`)
    } catch (error) {
      if (signal.aborted) this.#onGivenUp(use.mine.job)
      throw error
    }
  }

  /** Fetches from the first peer that is there and has the blocks, and then the missing ones from the next. */
  async #fetchAll(
    cids: readonly Cid[],
    bytesMaxOf: (cid: Cid) => number,
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    let wanted = cids
    for (const [i, peer] of from.entries()) {
      try {
        await keepFetched(this.#network.blocks.fetch(peer, wanted, signal), use.mine, use.kind, {
          onMissing({ cid }) {
            throw new MissingBlocks(`block ${cid}`)
          },
          bytesMaxOf,
        })
        return
      } catch (error) {
        if (signal.aborted) this.#onGivenUp(use.mine.job)
        if (signal.aborted || i === from.length - 1) throw error
        this.#log.debug({ peer, job: use.mine.job, error }, 'another peer is asked for the blocks')
        wanted = await use.mine.take(wanted, use.kind)
      }
    }
  }
}

/** The block that lists the parts of a large file; a file of one block has none. */
function rootBytesOf({ bytes }: FileReference): number {
  return bytes > blockBytesMax ? blockBytesMax : 0
}

function keyOf(cid: Cid, { mine, kind }: Use): string {
  return `${cid}/${kind}/${mine.job}`
}
