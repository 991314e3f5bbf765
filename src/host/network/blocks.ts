/** Exchange of content-addressed blocks between two peers: asking, answering and checking. */
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { abortable } from './abort.ts'
import { BlockAsker } from './block-asker.ts'
import { headerBytes } from './block-frames.ts'
import { type BlockPresence, type BlockProvider, type BlockSource, serveBlocks } from './block-server.ts'
import type { NetworkBounds } from './bounds.ts'
import { cidToBytes } from './cid-bytes.ts'
import type { FlowStream } from './flow.ts'
import { SpareMemory } from './spare-memory.ts'
import { InboundStreams, OutboundStreams } from './streams.ts'

export const blocksProtocol = '/carpool/blocks/1'

export interface FetchedBlock {
  readonly cid: Cid
  /** Checked against the CID; undefined where the peer has no such block, or none for us. */
  readonly bytes: Uint8Array | undefined
}

/**
 * Content-addressed blocks between two peers: weights, shards, manifests, results.
 *
 * Bitswap does this too, at 70 to 95 MB/s and 770 packages; this protocol keeps CIDv1 and sha2-256 so that it could
 * be swapped in. It gives up asking many peers at once. The protocol above chooses the peer to
 * ask, since it knows which peers hold a block and which may have it.
 */
export class BlockExchange {
  readonly #outbound: OutboundStreams
  readonly #inbound: InboundStreams
  readonly #askers = new WeakMap<FlowStream, BlockAsker>()
  readonly #memory: SpareMemory
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  #source: BlockSource | undefined

  constructor(connect: (peer: PeerId) => Promise<Connection>, bounds: NetworkBounds, log: Logger) {
    this.#memory = new SpareMemory(headerBytes + bounds.blockBytesMax)
    this.#bounds = bounds
    this.#log = log
    this.#outbound = new OutboundStreams(blocksProtocol, connect, bounds)
    const serve = (stream: FlowStream, peer: PeerId) =>
      serveBlocks(stream, peer, () => this.#source, bounds, log)
    this.#inbound = new InboundStreams(blocksProtocol, serve, bounds, log)
  }

  listen(node: Libp2p): Promise<void> {
    return this.#inbound.listen(node)
  }

  /**
   * Serves blocks to the peers that the caller allows; on the wire 'denied' and 'missing' look the same. `has`
   * answers have() without reading the block; left out, the block is read and dropped.
   */
  serve(provide: BlockProvider, has?: BlockPresence): void {
    const read: BlockPresence = async (cid, peer) => (await provide(cid, peer)) !== undefined
    this.#source = { provide, has: has ?? read }
  }

  /** Returns those that the peer has and would serve us. Throws NetworkError as fetch() does. */
  async have(peer: PeerId, cids: readonly Cid[], signal?: AbortSignal): Promise<Set<Cid>> {
    const asker = await this.#asker(peer, signal)
    const wanted = cids.map(cidToBytes)
    const had = new Set<Cid>()
    for (let at = 0; at < cids.length; at += this.#bounds.cidsPerRequestMax) {
      const part = wanted.slice(at, at + this.#bounds.cidsPerRequestMax)
      const bits = await abortable(asker.have(part, signal), signal)
      part.forEach((_, index) => {
        if (bits[index >> 3]! & (1 << (index & 7))) had.add(cids[at + index]!)
      })
    }
    return had
  }

  /**
   * Fetches blocks from one peer, yields them in any order, each checked against its CID.
   *
   * Asks ahead of the consumer by `blockWindowBytes`, judged by the sizes seen so far, and no further: a slow
   * consumer slows the peer. Leaving the loop early drops what is still on its way; the signal keeps it from coming,
   * unless others wait for this peer's blocks, too. Throws NetworkError 'corrupt-block' naming the CID, 'stalled',
   * 'unreachable', 'closed', 'malformed' or 'bad-cid'.
   */
  async *fetch(
    peer: PeerId,
    cids: readonly Cid[],
    signal?: AbortSignal,
  ): AsyncGenerator<FetchedBlock, void, undefined> {
    const wanted = cids.map(cidToBytes)
    const asker = await this.#asker(peer, signal)
    const arrived: FetchedBlock[] = []
    let failure: { readonly error: unknown } | undefined
    let wake = () => {}
    let asked = 0
    let yielded = 0
    let blockBytes = this.#bounds.blockBytesMax

    const askAhead = () => {
      const window = Math.min(
        this.#bounds.blockWindowCountMax,
        Math.ceil(this.#bounds.blockWindowBytes / blockBytes),
      )
      const next = Math.min(cids.length, yielded + window)
      if (asked >= next) return
      const first = asked
      asked = next
      for (const [index, answer] of asker.blocks(wanted.slice(first, next), signal).entries()) {
        const cid = cids[first + index]!
        answer.then(
          (bytes) => {
            // Grows at once and shrinks by halves, so that one small block among large ones opens no flood.
            if (bytes !== undefined) blockBytes = Math.max(bytes.byteLength, blockBytes / 2, 1)
            arrived.push({ cid, bytes })
            wake()
          },
          (error) => {
            failure ??= { error }
            wake()
          },
        )
      }
    }

    const giveUp = () => asker.givenUp()
    signal?.addEventListener('abort', giveUp)
    try {
      while (yielded < cids.length) {
        signal?.throwIfAborted()
        askAhead()
        const block = arrived.shift()
        if (block !== undefined) {
          yielded++
          yield block
        } else if (failure !== undefined) {
          throw failure.error
        } else {
          await abortable(
            new Promise<void>((resolve) => {
              wake = resolve
            }),
            signal,
          )
        }
      }
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /** Nobody reads a block any more that was fetched here: its memory may be another's. */
  giveBack(bytes: Uint8Array): void {
    this.#memory.giveBack(bytes)
  }

  stop(): void {
    this.#outbound.stop()
    this.#inbound.stop()
  }

  async #asker(peer: PeerId, signal: AbortSignal | undefined): Promise<BlockAsker> {
    const stream = await abortable(this.#outbound.get(peer), signal)
    let asker = this.#askers.get(stream)
    if (asker === undefined) {
      asker = new BlockAsker(stream, peer, this.#bounds, this.#memory, this.#log)
      this.#askers.set(stream, asker)
    }
    return asker
  }
}
