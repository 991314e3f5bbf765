/** Keeps enough of the known peers connected that the mesh holds without its bootstrap peers. */
import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import { NetworkError, reason } from './errors.ts'

interface Known {
  addresses: Multiaddr[]
  failures: number
  /** On performance.now()'s clock: not dialled for the sake of our degree before then. */
  notBeforeMs: number
  dialing: boolean
}

/**
 * Keeps enough of the known peers connected that the mesh holds without its bootstrap peers.
 *
 * Up to `fullMeshPeersMax` known peers, we connect to all; in a larger mesh, to random ones until `degreeMin`
 * are connected, in or out. Random graphs of degree 8 stay connected through the loss of any few nodes, and
 * nobody has to agree on anything. Of a pair that learn of each other at the same time the smaller id dials
 * first, since two crossing dials leave two connections.
 *
 * We keep the addresses ourselves: libp2p's peer store forgets a peer's after an hour even while it is connected, its
 * reconnects stop after five tries, and it dials no peer that it discovers (notes/libp2p.md §1, traps 11, 12, 14).
 * kad-dht was declined: adverts carry addresses already.
 */
export class Neighbours {
  readonly #node: Libp2p
  readonly #self: PeerId
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #known = new Map<PeerId, Known>()
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(node: Libp2p, bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.#self = node.peerId.toString() as PeerId
    this.#bounds = bounds
    this.#log = log
    node.addEventListener('peer:connect', ({ detail }) => this.#connected(detail.toString() as PeerId))
    node.addEventListener('peer:disconnect', () => this.#fill())
    node.addEventListener('peer:identify', ({ detail }) => {
      const peer = detail.peerId.toString() as PeerId
      if (!this.#known.has(peer)) this.learn(peer, detail.listenAddrs.map(String))
    })
    node.addEventListener('peer:discovery', ({ detail }) => {
      const peer = detail.id.toString() as PeerId
      if (!this.#known.has(peer)) this.learn(peer, detail.multiaddrs.map(String))
    })
  }

  /** Remembers where the peer says it is, and dials it if we are short of neighbours. Bad addresses are dropped. */
  learn(peer: PeerId, texts: readonly string[]): void {
    if (peer === this.#self) return
    const addresses = texts
      .flatMap((text) => addressOf(peer, text))
      .slice(0, this.#bounds.addressesPerPeerMax)
    if (addresses.length === 0) return
    const known = this.#known.get(peer)
    if (known === undefined) {
      this.#makeRoom()
      const yieldMs = this.#self < peer ? 0 : this.#bounds.yieldDialMs
      this.#known.set(peer, {
        addresses,
        failures: 0,
        notBeforeMs: performance.now() + yieldMs,
        dialing: false,
      })
    } else if (addresses.join() !== known.addresses.join()) {
      Object.assign(known, { addresses, failures: 0, notBeforeMs: 0 })
    }
    this.#fill()
  }

  forget(peer: PeerId): void {
    this.#known.delete(peer)
  }

  /** The connection to the peer, dialled if there is none. Throws NetworkError 'unreachable'. */
  async connect(peer: PeerId): Promise<Connection> {
    const known = this.#known.get(peer)
    const timeout = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
    const signal = AbortSignal.any([timeout, this.#stopping.signal])
    try {
      const id = peerIdFromString(peer)
      const open = this.#node.getConnections(id).find((connection) => connection.status === 'open')
      return open ?? (await this.#node.dial(known?.addresses ?? id, { signal }))
    } catch (thrown) {
      throw new NetworkError('unreachable', `${peer} cannot be reached: ${reason(thrown)}`, {
        peer,
        cause: thrown,
      })
    }
  }

  stop(): void {
    this.#stopping.abort(new NetworkError('closed', 'this node is stopping'))
    clearTimeout(this.#timer)
  }

  #connected(peer: PeerId): void {
    const known = this.#known.get(peer)
    if (known !== undefined) Object.assign(known, { failures: 0, notBeforeMs: 0 })
  }

  /** Dials as many as we are short of, and sets the timer for those whose pause is not over. */
  #fill(): void {
    clearTimeout(this.#timer)
    if (this.#stopping.signal.aborted) return
    const connected = new Set(this.#node.getPeers().map((id) => id.toString() as PeerId))
    const absent = [...this.#known].filter(([peer]) => !connected.has(peer))
    const idle = absent.filter(([, known]) => !known.dialing)
    const dialing = absent.length - idle.length
    const everyone = this.#known.size <= this.#bounds.fullMeshPeersMax
    let short = everyone ? idle.length : this.#bounds.degreeMin - connected.size - dialing

    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const [peer, known] of shuffled(idle)) {
      if (short <= 0) return
      if (known.notBeforeMs > nowMs) {
        nextMs = Math.min(nextMs, known.notBeforeMs)
        continue
      }
      short--
      void this.#dial(peer, known)
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#fill(), nextMs - nowMs)
  }

  async #dial(peer: PeerId, known: Known): Promise<void> {
    known.dialing = true
    try {
      await this.connect(peer)
    } catch (thrown) {
      const pauseMs = redialPauseMs(known.failures++, this.#bounds)
      known.notBeforeMs = performance.now() + pauseMs
      this.#log.debug({ peer, pauseMs }, reason(thrown))
    } finally {
      known.dialing = false
    }
    this.#fill()
  }

  /** The longest known among those who are not connected makes room: it was announced again least recently, or never reached. */
  #makeRoom(): void {
    if (this.#known.size < this.#bounds.knownPeersMax) return
    const connected = new Set(this.#node.getPeers().map(String))
    for (const peer of this.#known.keys()) {
      if (connected.has(peer)) continue
      this.#known.delete(peer)
      return
    }
  }
}

/** Doubles from `redialMinMs` to `redialMaxMs`, with half of it random so that a cell does not redial in step. */
export function redialPauseMs(failures: number, bounds: NetworkBounds): number {
  const pauseMs = Math.min(bounds.redialMaxMs, bounds.redialMinMs * 2 ** Math.min(failures, 30))
  return pauseMs * (0.5 + Math.random() / 2)
}

/** One address with the peer's id at its end, or none where the text is no address or names another peer. */
function addressOf(peer: PeerId, text: string): Multiaddr[] {
  try {
    const address = multiaddr(text)
    const named = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
    if (named !== undefined) return named === peer ? [address] : []
    return [address.encapsulate(`/p2p/${peer}`)]
  } catch {
    return []
  }
}

function shuffled<Item>(items: Item[]): Item[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    const swapped = items[last]!
    items[last] = items[other]!
    items[other] = swapped
  }
  return items
}
