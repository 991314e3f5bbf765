/**
 * Provisions: the blocks that a vehicle needs before it can work on a lease.
 *
 * Shards and documents come from the job's stewards, since only those may hand them out: from the one that looks
 * after the lease, and from the others when it cannot. Weights are public by their CID, so any peer that has them
 * will do, and others are asked before the stewards: a hundred vehicles that join a job should not all fetch 15 MB
 * from the submitter. Leases of one job ask for the same blocks at the same time; each is fetched once, and no
 * further when none of them wants it any more: a vehicle that drives off has its link to itself.
 */
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard, type Shard } from '../../protocol/job/shard.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { keepFetched } from '../keep-fetched.ts'
import type { Network } from '../network/network.ts'
import type { BlockKind, BlockStore } from '../store/blocks.ts'
import { codecOf } from '../store/cid.ts'
import { missingFileBlocks, parseFileRoot } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { SharedWork } from './shared-work.ts'

/** Peers asked for weights before the steward is: a guess; each costs one round trip. */
const peersAskedMax = 4

export class MissingBlocks extends Error {
  constructor(what: string) {
    super(`nobody who was asked has ${what}`)
    this.name = 'MissingBlocks'
  }
}

/** The needs of a lease under way: its blocks, and the peers that may give them, the likeliest first. */
interface Needs {
  readonly manifest: Verified<Manifest>
  readonly lease: Verified<Lease>
  readonly stewards: readonly PeerId[]
}

/** For which job a block is fetched, and as what. */
interface Use {
  readonly mine: JobBlocks
  readonly kind: BlockKind
}

export class Provisions {
  readonly #network: Network
  readonly #blocks: BlockStore
  readonly #log: Logger
  readonly #underWay = new SharedWork()

  constructor(network: Network, blocks: BlockStore, log: Logger) {
    this.#network = network
    this.#blocks = blocks
    this.#log = log
  }

  /**
   * Throws MissingBlocks, NetworkError, StoreError, ProtocolError for blocks that are not what they should be, and the
   * signal's reason.
   */
  async ofLease({ manifest, lease, stewards }: Needs, signal: AbortSignal): Promise<void> {
    const mine = this.#blocks.of(manifest.id)
    await Promise.all([
      this.#inputs(mine, lease.payload.shards, stewards, signal),
      this.#weights(mine, manifest.payload, stewards, signal),
    ])
  }

  /**
   * Reads all that the lease needs, so that the store notices what is damaged, and fetches that again. False when all
   * was whole. Throws as ofLease.
   */
  async repair(needs: Needs, signal: AbortSignal): Promise<boolean> {
    const { manifest, lease } = needs
    const files = new Set<Cid>(manifest.payload.weights.map(({ file }) => file))
    let whole = true
    for (const cid of lease.payload.shards) {
      const bytes = await this.#blocks.get(cid)
      if (bytes === undefined) whole = false
      else for (const { document } of decodeShard(bytes).pages) files.add(document)
    }
    for (const file of files)
      for (const cid of [file, ...(await this.#partsOf(file))])
        if ((await this.#blocks.get(cid)) === undefined) whole = false
    if (!whole) await this.ofLease(needs, signal)
    return !whole
  }

  /** The shards of a lease; they are here once `ofLease` has resolved. */
  async shard(cid: Cid): Promise<Shard> {
    const bytes = await this.#blocks.get(cid)
    if (bytes === undefined) throw new MissingBlocks(`shard ${cid}`)
    return decodeShard(bytes)
  }

  async #inputs(
    mine: JobBlocks,
    shards: readonly Cid[],
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#fetch(await mine.take(shards, 'input'), { mine, kind: 'input' }, stewards, signal)
    const documents = new Set<Cid>()
    for (const shard of shards)
      for (const page of (await this.shard(shard)).pages) documents.add(page.document)
    await this.#files([...documents], { mine, kind: 'input' }, stewards, signal)
  }

  async #weights(
    mine: JobBlocks,
    { weights }: Manifest,
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(
      weights.map(({ file }) => {
        const key = `weights/${file}/${mine.job}`
        if (this.#underWay.has(key)) return this.#underWay.join([key], signal)
        return this.#underWay.begin([key], signal, (shared) => this.#weightsOf(mine, file, stewards, shared))
      }),
    )
  }

  /** Jobs that want the same weights fetch them once, and each takes its own use of them. */
  async #weightsOf(
    mine: JobBlocks,
    file: Cid,
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    const key = `weights/${file}`
    while (this.#underWay.has(key))
      // Another job's stewards may not have them; this one's are asked next.
      await this.#underWay.join([key], signal).catch(() => signal.throwIfAborted())
    await this.#underWay.begin([key], signal, (shared) =>
      this.#weightsFile(file, { mine, kind: 'weights' }, stewards, shared),
    )
  }

  async #weightsFile(file: Cid, use: Use, stewards: readonly PeerId[], signal: AbortSignal): Promise<void> {
    const sources = [...(await this.#providers(file, stewards, signal)), ...stewards]
    for (const [i, peer] of sources.entries()) {
      try {
        const fetched = await this.#files([file], use, [peer], signal)
        if (fetched > 0) this.#log.debug({ peer, file, blocks: fetched }, 'weights were fetched')
        return
      } catch (error) {
        if (signal.aborted || i === sources.length - 1) throw error
        this.#log.debug({ peer, file, error }, 'another peer is asked for the weights')
      }
    }
  }

  /** Connected peers that say that they have it, in random order. */
  async #providers(file: Cid, stewards: readonly PeerId[], signal: AbortSignal): Promise<PeerId[]> {
    if ((await missingFileBlocks(file, this.#blocks)).length === 0) return []
    const others = this.#network.connectedPeers().filter((peer) => !stewards.includes(peer))
    const asked = shuffled(others).slice(0, peersAskedMax)
    const answers = await Promise.all(
      asked.map(async (peer) => {
        try {
          return (await this.#network.blocks.have(peer, [file], signal)).has(file)
        } catch {
          return false
        }
      }),
    )
    return asked.filter((_, i) => answers[i])
  }

  /** Says how many blocks had to be fetched. */
  async #files(
    files: readonly Cid[],
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<number> {
    for (let fetched = 0; ; ) {
      const blocks = new Set<Cid>(files)
      for (const file of files) for (const part of await this.#partsOf(file)) blocks.add(part)
      const missing = await use.mine.take(blocks, use.kind)
      if (missing.length === 0) return fetched
      await this.#fetch(missing, use, from, signal)
      fetched += missing.length
    }
  }

  /** None as long as its root is not here. Parts may be here for another job, and must stay when that one ends. */
  async #partsOf(file: Cid): Promise<readonly Cid[]> {
    if (codecOf(file) === 'raw') return []
    const root = await this.#blocks.get(file)
    return root === undefined ? [] : parseFileRoot(file, root).parts
  }

  async #fetch(cids: readonly Cid[], use: Use, from: readonly PeerId[], signal: AbortSignal): Promise<void> {
    const wanted = [...new Set(cids)]
    const mine = wanted.filter((cid) => !this.#underWay.has(keyOf(cid, use)))
    const keysOf = (some: readonly Cid[]) => some.map((cid) => keyOf(cid, use))
    const others = this.#underWay.join(keysOf(wanted.filter((cid) => !mine.includes(cid))), signal)
    if (mine.length === 0) return others
    await Promise.all([
      others,
      this.#underWay.begin(keysOf(mine), signal, (shared) => this.#fetchAll(mine, use, from, shared)),
    ])
  }

  /** Fetches from the first peer that is there and has the blocks, and then the missing ones from the next. */
  async #fetchAll(
    cids: readonly Cid[],
    use: Use,
    from: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    let wanted = cids
    for (const [i, peer] of from.entries()) {
      try {
        await keepFetched(this.#network.blocks.fetch(peer, wanted, signal), use.mine, use.kind, ({ cid }) => {
          throw new MissingBlocks(`block ${cid}`)
        })
        return
      } catch (error) {
        if (signal.aborted || i === from.length - 1) throw error
        this.#log.debug({ peer, job: use.mine.job, error }, 'another peer is asked for the blocks')
        wanted = await use.mine.take(wanted, use.kind)
      }
    }
  }
}

function keyOf(cid: Cid, { mine, kind }: Use): string {
  return `${cid}/${kind}/${mine.job}`
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
