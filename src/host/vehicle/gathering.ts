/**
 * Fetches the blocks of weights from several peers at once.
 *
 * Every peer is asked for some blocks at a time, and for more when these have come: a fast one brings more of them. The
 * order is random, so that vehicles which fetch the same weights at the same time soon have blocks for each other. A peer that fails, or
 * lacks a block, leaves it to the others. In memory are no more than what the network asks ahead of one peer, and what waits
 * for the disk, for each of the peers.
 *
 * Whoever says that it has weights may be a stranger who brings a byte now and then, and no more, so that vehicles never begin. So a block
 * that has been due for a while is asked of another peer, too, which has nothing else to bring; the first that brings it is taken. And the
 * reserves, a job's stewards, are spared only while the others get on.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import { BlockTooLong } from '../keep-fetched.ts'
import type { FetchedBlock } from '../network/blocks.ts'
import { shuffled } from '../shuffled.ts'
import type { Block, BlockKind } from '../store/blocks.ts'
import { StoreError } from '../store/errors.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

/** Blocks asked for at a time: a round trip for each 16 MiB. A guess. */
const blocksPerTurn = 16
/** While the blocks of one turn are synced, those of the next come. */
const turnsAtOnce = 2
/**
 * A block that is due for longer is asked of another peer, too, and peers that bring less than a turn in this time get help: 0.8 MiB/s. More
 * lets one slow peer hold up a lease for longer; less fetches blocks twice over links that are merely slow. A guess.
 */
const lateMsUsual = 20_000
/** Reserves that are asked at once: each may bring 12 MiB that wait in memory. A guess. */
const reservesAtOnceMax = 2

/** For which job a block is fetched, and as what. */
export interface Use {
  readonly mine: JobBlocks
  readonly kind: BlockKind
  /** Hears of the bytes of weights as they come. */
  readonly told?: (peer: PeerId, bytes: number) => void
}

export interface GatheringOptions {
  readonly fetch: (peer: PeerId, cids: readonly Cid[], signal: AbortSignal) => AsyncIterable<FetchedBlock>
  readonly use: Use
  readonly bytesMaxOf: (cid: Cid) => number
  /** The peers that are asked only where the others do not get on, as they are known by then. */
  readonly reserves?: () => Iterable<PeerId>
  readonly lateMs?: number | undefined
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
  await gathering.run(from)
  signal.throwIfAborted()
  return gathering.ungathered
}

/** A block that was asked for and has not come. */
interface Due {
  readonly peers: Set<PeerId>
  /** Since when the last of them was asked. */
  sinceMs: number
}

class Gathering {
  readonly #options: GatheringOptions
  readonly #lateMs: number
  readonly #signal: AbortSignal
  readonly #over = new AbortController()
  readonly #asked = new Set<PeerId>()
  readonly #due = new Map<Cid, Due>()
  #wanted: Cid[]
  #came = 0
  #asking = 0
  #failure: unknown
  #broken: { readonly error: unknown } | undefined
  #changed = Promise.withResolvers<void>()

  constructor(cids: readonly Cid[], options: GatheringOptions, signal: AbortSignal) {
    const turns = Array.from({ length: Math.ceil(cids.length / blocksPerTurn) }, (_, i) => i * blocksPerTurn)
    this.#wanted = shuffled(turns).flatMap((at) => cids.slice(at, at + blocksPerTurn))
    this.#options = options
    this.#lateMs = options.lateMs ?? lateMsUsual
    this.#signal = AbortSignal.any([signal, this.#over.signal])
  }

  get ungathered(): Ungathered {
    return { left: this.#wanted, failure: this.#failure }
  }

  /** Resolves when all has come, or nobody has more. Throws StoreError. */
  async run(from: readonly PeerId[]): Promise<void> {
    for (const peer of from) void this.#ask(peer)
    for (let before = 0; ; before = this.#came) {
      await this.#pause()
      this.#tellAll() // blocks may be late
      if (this.#isDone()) break
      if (this.#asking === 0 || this.#came - before < blocksPerTurn) this.#askReserves()
      if (this.#asking === 0) break
    }
    this.#over.abort()
    while (this.#asking > 0) await this.#changed.promise // what came is being written
    if (this.#broken !== undefined) throw this.#broken.error
  }

  #isDone(): boolean {
    return this.#broken !== undefined || this.#signal.aborted || this.#wanted.length + this.#due.size === 0
  }

  /** Until it is time to look how it gets on, or nobody is being asked, or it is over. */
  async #pause(): Promise<void> {
    const controller = new AbortController()
    const late = delay(this.#lateMs, true, { signal: controller.signal }).catch(() => true)
    for (let isLate = false; !isLate && this.#asking > 0 && !this.#isDone(); )
      isLate = await Promise.race([this.#changed.promise.then(() => false), late])
    controller.abort()
  }

  #askReserves(): void {
    const reserves = [...(this.#options.reserves?.() ?? [])].filter((peer) => !this.#asked.has(peer))
    for (const peer of reserves.slice(0, reservesAtOnceMax)) void this.#ask(peer)
  }

  async #ask(peer: PeerId): Promise<void> {
    this.#asked.add(peer)
    const lacks = new Set<Cid>()
    this.#asking += 1
    await Promise.all(Array.from({ length: turnsAtOnce }, () => this.#askOn(peer, lacks)))
    this.#asking -= 1
    this.#tellAll()
  }

  /** Resolves when the peer fails, or has nothing more that is wanted. `lacks`: known of it already. */
  async #askOn(peer: PeerId, lacks: Set<Cid>): Promise<void> {
    while (!this.#isDone()) {
      const some = this.#take(peer, lacks)
      if (some.length > 0) {
        if (!(await this.#turn(peer, some, lacks))) return
      } else if (this.#due.size === 0) return
      else await this.#changed.promise // what another one fails to bring, or is late with
    }
  }

  /** False when the peer failed. */
  async #turn(peer: PeerId, some: readonly Cid[], lacks: Set<Cid>): Promise<boolean> {
    const { fetch, use } = this.#options
    try {
      await use.mine.putParts(this.#come(fetch(peer, some, this.#signal), peer, lacks))
      return true
    } catch (error) {
      if (error instanceof StoreError) this.#broken ??= { error }
      else if (!this.#signal.aborted) {
        this.#failure = error
        await this.#wantLost(some)
      }
      return false
    } finally {
      for (const cid of some) this.#notCome(cid, peer)
      this.#tellAll()
    }
  }

  /** The blocks that a peer gives, and that no other has given meanwhile. */
  async *#come(fetched: AsyncIterable<FetchedBlock>, peer: PeerId, lacks: Set<Cid>): AsyncGenerator<Block> {
    const { use, bytesMaxOf } = this.#options
    for await (const { cid, bytes } of fetched) {
      if (bytes === undefined) {
        lacks.add(cid)
        this.#notCome(cid, peer)
      } else if (bytes.byteLength > bytesMaxOf(cid))
        throw new BlockTooLong(cid, bytes.byteLength, bytesMaxOf(cid))
      else if (this.#due.delete(cid)) {
        this.#came += 1
        use.told?.(peer, bytes.byteLength)
        yield { cid, bytes }
        if (this.#isDone()) this.#tellAll()
      }
    }
  }

  /** Blocks that came, and that could not be kept. */
  async #wantLost(some: readonly Cid[]): Promise<void> {
    const { mine, kind } = this.#options.use
    try {
      const known = new Set([...this.#due.keys(), ...this.#wanted])
      for (const cid of await mine.take(some, kind)) if (!known.has(cid)) this.#wanted.push(cid)
    } catch (error) {
      this.#broken ??= { error }
    }
  }

  /** This peer does not bring the block, unless it, or another one, has. */
  #notCome(cid: Cid, peer: PeerId): void {
    const due = this.#due.get(cid)
    if (due === undefined || !due.peers.delete(peer) || due.peers.size > 0) return
    this.#due.delete(cid)
    this.#wanted.push(cid)
  }

  /** Blocks that nobody was asked for, or else those that are late. */
  #take(peer: PeerId, lacks: ReadonlySet<Cid>): Cid[] {
    const nowMs = systemClock.monotonicMs()
    const fresh: Cid[] = []
    const rest: Cid[] = []
    for (const cid of this.#wanted) (fresh.length < blocksPerTurn && !lacks.has(cid) ? fresh : rest).push(cid)
    this.#wanted = rest
    const late = [...(fresh.length > 0 ? [] : this.#due)].filter(
      ([cid, { peers, sinceMs }]) => nowMs - sinceMs >= this.#lateMs && !peers.has(peer) && !lacks.has(cid),
    )
    const some = fresh.length > 0 ? fresh : late.slice(0, blocksPerTurn).map(([cid]) => cid)
    for (const cid of some) {
      const peers = this.#due.get(cid)?.peers ?? new Set()
      this.#due.set(cid, { peers: peers.add(peer), sinceMs: nowMs })
    }
    return some
  }

  #tellAll(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
