/**
 * Fetches the blocks of weights from several peers at once, for vehicles and standbys.
 *
 * Every peer is asked for some blocks at a time, and for more when these have come: a fast one brings more of them. The
 * order is random, so that vehicles which fetch the same weights at the same time soon have blocks for each other. A peer that fails, or
 * lacks a block, leaves it to the others. In memory are no more than what the network asks ahead of one peer, and what waits
 * for the disk, for each of the peers.
 */
import type { Cid, PeerId } from '../protocol/ids.ts'
import { BlockTooLong } from './keep-fetched.ts'
import type { FetchedBlock } from './network/blocks.ts'
import type { Network } from './network/network.ts'
import { shuffled } from './shuffled.ts'
import type { Block, BlockKind } from './store/blocks.ts'
import { StoreError } from './store/errors.ts'
import type { JobBlocks } from './store/job-blocks.ts'

/** Blocks asked for at a time: a round trip for each 16 MiB. A guess. */
const blocksPerTurn = 16
/** While the blocks of one turn are synced, those of the next come. */
const turnsAtOnce = 2

/** Peers asked whether they have weights: each costs one round trip. A guess. */
const peersAskedMax = 16
/** Those that weights come from at once: each may bring 12 MiB that wait in memory. A guess. */
const peersAtOnceMax = 4

/** Connected peers that say that they have a file of weights, in random order, and none of these. */
export async function providersOf(
  file: Cid,
  network: Pick<Network, 'connectedPeers'> & { readonly blocks: Pick<Network['blocks'], 'have'> },
  except: readonly PeerId[],
  signal?: AbortSignal,
): Promise<PeerId[]> {
  const others = network.connectedPeers().filter((peer) => !except.includes(peer))
  const asked = shuffled(others).slice(0, peersAskedMax)
  const answers = await Promise.all(
    asked.map(async (peer) => {
      try {
        return (await network.blocks.have(peer, [file], signal)).has(file)
      } catch {
        return false
      }
    }),
  )
  return asked.filter((_, i) => answers[i]).slice(0, peersAtOnceMax)
}

/** For which job a block is fetched, and as what. */
export interface Use {
  readonly mine: JobBlocks
  readonly kind: BlockKind
  /** Hears of the bytes of weights as they come. */
  readonly told?: (peer: PeerId, bytes: number) => void
}

export interface GatheringOptions {
  readonly fetch: (peer: PeerId, cids: readonly Cid[], signal: AbortSignal) => AsyncIterable<FetchedBlock>
  /** The bytes of a block that was fetched may be another's. */
  readonly giveBack: (bytes: Uint8Array) => void
  readonly use: Use
  readonly bytesMaxOf: (cid: Cid) => number
}

/** The blocks that nobody gave, and why. */
export interface Ungathered {
  readonly left: readonly Cid[]
  /** The last peer's that failed. */
  readonly failure: unknown
}

/** Blocks that have come are kept, also when this fails. Throws StoreError, and the signal's reason. */
export async function gather(
  cids: readonly Cid[],
  from: readonly PeerId[],
  options: GatheringOptions,
  signal: AbortSignal,
): Promise<Ungathered> {
  const gathering = new Gathering(cids, options, signal)
  const asked = await Promise.allSettled(
    from.flatMap((peer) => {
      const lacks = new Set<Cid>()
      return Array.from({ length: turnsAtOnce }, () => gathering.ask(peer, lacks))
    }),
  )
  signal.throwIfAborted()
  for (const one of asked) if (one.status === 'rejected') throw one.reason
  return gathering.ungathered
}

class Gathering {
  readonly #options: GatheringOptions
  readonly #signal: AbortSignal
  #wanted: Cid[]
  #turns = 0
  #failure: unknown
  #isOver = false
  #changed = Promise.withResolvers<void>()

  constructor(cids: readonly Cid[], options: GatheringOptions, signal: AbortSignal) {
    const turns = Array.from({ length: Math.ceil(cids.length / blocksPerTurn) }, (_, i) => i * blocksPerTurn)
    this.#wanted = shuffled(turns).flatMap((at) => cids.slice(at, at + blocksPerTurn))
    this.#options = options
    this.#signal = signal
  }

  get ungathered(): Ungathered {
    return { left: this.#wanted, failure: this.#failure }
  }

  /** Resolves when the peer fails, or has nothing more that is wanted. `lacks`: known of it already. */
  async ask(peer: PeerId, lacks: Set<Cid>): Promise<void> {
    while (!this.#isOver) {
      const some = this.#take(lacks)
      if (some.length > 0) {
        if (!(await this.#turn(peer, some, lacks))) return
      } else if (this.#turns === 0) return
      else await this.#changed.promise // what another one fails to bring
    }
  }

  /** False when the peer failed. */
  async #turn(peer: PeerId, some: readonly Cid[], lacks: Set<Cid>): Promise<boolean> {
    const { fetch, use } = this.#options
    this.#turns += 1
    let left = some
    try {
      await use.mine.putParts(this.#come(fetch(peer, some, this.#signal), peer, lacks))
      left = some.filter((cid) => lacks.has(cid))
      return true
    } catch (error) {
      if (error instanceof StoreError || this.#signal.aborted) {
        this.#isOver = true
        throw error
      }
      this.#failure = error
      left = await use.mine.take(some, use.kind)
      return false
    } finally {
      this.#wanted.push(...left)
      this.#turns -= 1
      this.#changed.resolve()
      this.#changed = Promise.withResolvers()
    }
  }

  /** The blocks that a peer gives. */
  async *#come(fetched: AsyncIterable<FetchedBlock>, peer: PeerId, lacks: Set<Cid>): AsyncGenerator<Block> {
    const { use, bytesMaxOf, giveBack } = this.#options
    for await (const { cid, bytes } of fetched) {
      if (bytes === undefined) lacks.add(cid)
      else if (bytes.byteLength > bytesMaxOf(cid))
        throw new BlockTooLong(cid, bytes.byteLength, bytesMaxOf(cid))
      else {
        use.told?.(peer, bytes.byteLength)
        yield { cid, bytes, letGo: () => giveBack(bytes) }
      }
    }
  }

  #take(lacks: ReadonlySet<Cid>): Cid[] {
    const some: Cid[] = []
    const rest: Cid[] = []
    for (const cid of this.#wanted) (some.length < blocksPerTurn && !lacks.has(cid) ? some : rest).push(cid)
    this.#wanted = rest
    return some
  }
}
