/**
 * Sees to it that gossip reaches every connected peer that speaks it.
 *
 * gossipsub opens one stream to a peer, on the connection that it hears of first, and asks for another only when the peer comes
 * back after all its connections have ended. Two connections stand where both sides dialled, or where a node that lost power
 * came back before its old connection was given up; when the one with the stream ends and the other stays, the two are
 * connected and neither hears the other again. Nothing tells of it.
 *
 * So this looks when a connection ends and now and then. Where a stream to the peer is missing it is identified anew, as a
 * connection that has just opened is, and gossipsub then opens its stream there. What that does not mend, as when the
 * missing stream is the peer's own, ends all connections of the peer, so that both dial anew.
 */
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { reason } from './errors.ts'
import type { Node } from './node.ts'

/** Looks in a row at which a stream was missing, after which the peer's connections end. */
const looksMax = 3
/** Peers that were parted from for this that are remembered, the last ones. */
const partedMax = 1_024

export class GossipRepair {
  readonly #node: Node
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #onMended: (peer: PeerId) => void
  /** Connections over which a peer said that it speaks gossip. */
  readonly #speaking = new WeakSet<Connection>()
  /** Looks in a row at which a stream of the peer was missing. */
  readonly #missing = new Map<PeerId, number>()
  /** When a peer was last parted from: not twice in `dialRestMs`. */
  readonly #parted = new BoundedMap<PeerId, number>(partedMax)
  #timer: NodeJS.Timeout | undefined

  /** `onMended`: the peer is reached again, and has missed what was said meanwhile. */
  constructor(node: Node, bounds: NetworkBounds, log: Logger, onMended: (peer: PeerId) => void) {
    this.#node = node
    this.#bounds = bounds
    this.#log = log
    this.#onMended = onMended
    node.addEventListener('peer:identify', ({ detail }) => {
      if (detail.protocols.some((name) => node.services.pubsub.protocols.includes(name)))
        this.#speaking.add(detail.connection)
    })
    node.addEventListener('connection:close', ({ detail }) => {
      const peer = detail.remotePeer.toString() as PeerId
      // Its streams are gone once this turn is over.
      setImmediate(() => {
        if (this.#connectionsTo(peer).length === 0 || this.#has(peer, 'outbound')) return
        this.#missing.set(peer, 0)
        void this.#mend(peer)
      })
    })
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#bounds.gossipRepairMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const connected = new Set(this.#node.getPeers().map((id) => id.toString() as PeerId))
    for (const peer of this.#missing.keys()) if (!connected.has(peer)) this.#missing.delete(peer)
    for (const peer of connected) {
      // Before it has said that it speaks gossip there is nothing to miss, and nothing that was mended.
      if (this.#speakingTo(peer).length === 0) continue
      const looks = this.#missing.get(peer)
      if (!this.#isWhole(peer)) {
        this.#missing.set(peer, (looks ?? 0) + 1)
        // A stream that is missing for the first time may just be opening.
        if (looks !== undefined) void this.#mend(peer)
      } else if (looks !== undefined) {
        this.#missing.delete(peer)
        this.#onMended(peer)
      }
    }
  }

  async #mend(peer: PeerId): Promise<void> {
    const connection = this.#speakingTo(peer).at(-1)
    if (connection === undefined) return
    if (this.#missing.get(peer)! > looksMax) return this.#part(peer)
    if (this.#has(peer, 'outbound')) return
    try {
      await this.#node.services.identify.identify(connection, {
        signal: AbortSignal.timeout(this.#bounds.handshakeTimeoutMs),
      })
      this.#log.info({ peer }, 'gossip goes on over another connection to a peer')
    } catch (thrown) {
      this.#log.debug({ peer }, `gossip to a peer could not be mended: ${reason(thrown)}`)
    }
  }

  #part(peer: PeerId): void {
    const nowMs = systemClock.monotonicMs()
    const partedMs = this.#parted.peek(peer) ?? Number.NEGATIVE_INFINITY
    if (nowMs < partedMs + this.#bounds.dialRestMs) return
    this.#parted.set(peer, nowMs)
    this.#missing.delete(peer)
    this.#log.info({ peer }, 'a peer that gossip does not reach is dialled anew')
    for (const connection of this.#connectionsTo(peer))
      void connection.close().catch((error) => connection.abort(error))
  }

  #isWhole(peer: PeerId): boolean {
    return this.#has(peer, 'outbound') && this.#has(peer, 'inbound')
  }

  #has(peer: PeerId, direction: 'outbound' | 'inbound'): boolean {
    const { protocols } = this.#node.services.pubsub
    return this.#connectionsTo(peer)
      .flatMap(({ streams }) => streams)
      .some((stream) => stream.direction === direction && protocols.includes(stream.protocol))
  }

  #speakingTo(peer: PeerId): Connection[] {
    return this.#connectionsTo(peer).filter((connection) => this.#speaking.has(connection))
  }

  /** Those with a limit are relayed, and gossip does not use them. */
  #connectionsTo(peer: PeerId): Connection[] {
    return this.#node
      .getConnections(peerIdFromString(peer))
      .filter(({ status, limits }) => status === 'open' && limits === undefined)
  }
}
