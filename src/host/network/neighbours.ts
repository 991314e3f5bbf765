/** Keeps enough of the known peers connected that the mesh holds without its bootstrap peers. */
import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import { shuffled } from '../shuffled.ts'
import { abortable } from './abort.ts'
import type { NetworkBounds } from './bounds.ts'
import { DialPlan, redialPauseMs } from './dial-plan.ts'
import { Dialler, ownPlaces, relayPlaces } from './dialler.ts'
import { NetworkError, reason } from './errors.ts'
import type { Acquaintance } from './introductions.ts'
import { type Known, namesOf, newlyKnown, prove } from './known.ts'
import { placeOf, type Reach } from './reach.ts'
import { isRelayed } from './relayed.ts'

/**
 * Keeps enough of the known peers connected that the mesh holds without its bootstrap peers.
 *
 * Peers that are sought (a steward that has work, for one) are connected in any case.
 *
 * Up to `fullMeshPeersMax` known peers, we connect to all; in a larger mesh, to random ones until `degreeMin`
 * are connected, in or out. Random graphs of degree 8 stay connected through the loss of any few nodes, and
 * nobody has to agree on anything. Of a pair that learn of each other at the same time the smaller id dials
 * first, since two crossing dials leave two connections.
 *
 * An address is a claim until the peer was met there. A claim is tried a bounded number of times (dial-plan.ts), and
 * is forgotten with the advert that made it; a peer that was met is looked for as long as there is room to remember
 * it, so that a mesh that was parted for an hour finds itself again.
 *
 * We keep the addresses ourselves: libp2p's peer store forgets a peer's after an hour even while it is connected, its
 * reconnects stop after five tries, and it dials no peer that it discovers (notes/libp2p.md §1, traps 11, 12, 14).
 * kad-dht was declined: adverts carry addresses already.
 * Nobody is dialled through a relay for the sake of our degree, since gossip does not go over relays.
 */
export class Neighbours {
  readonly #node: Libp2p
  readonly #self: PeerId
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #dialler: Dialler
  readonly #plan: DialPlan
  /** Where this node was told to look for the mesh. */
  readonly #told: readonly Multiaddr[]
  readonly #known = new Map<PeerId, Known>()
  #sought: ReadonlySet<PeerId> = new Set()
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(node: Libp2p, told: readonly Multiaddr[], reach: Reach, bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.#self = node.peerId.toString() as PeerId
    this.#told = told
    this.#plan = new DialPlan(bounds)
    this.#dialler = new Dialler(node, reach, this.#plan)
    this.#bounds = bounds
    this.#log = log
    node.addEventListener('connection:open', ({ detail }) => this.#connected(detail))
    node.addEventListener('peer:disconnect', ({ detail }) => this.#disconnected(detail.toString() as PeerId))
    node.addEventListener('peer:identify', ({ detail }) => {
      const peer = detail.peerId.toString() as PeerId
      if (!this.#known.has(peer)) this.#remember(peer, detail.listenAddrs.map(String), false)
    })
  }

  /** Remembers where the peer says it is, and dials it if we are short of neighbours. Bad addresses are dropped. */
  learn(peer: PeerId, texts: readonly string[]): void {
    this.#remember(peer, texts, true)
  }

  /** Peers that somebody told of: dialled if we are short of neighbours, and forgotten if they do not answer. */
  hear(acquaintances: readonly Acquaintance[]): void {
    for (const { peer, addresses } of acquaintances) {
      const hearsay = [...this.#known.values()].filter((known) => !known.isAnnounced && !known.isProven)
      if (!this.#known.has(peer) && hearsay.length < hearsayMax) this.#remember(peer, addresses, false)
    }
  }

  /** Returns peers that were met where they say they are, those that are connected first. */
  met(): Acquaintance[] {
    const connected = new Set(this.#node.getPeers().map(String))
    return [...this.#known]
      .filter(([, { isProven }]) => isProven)
      .sort(([a], [b]) => Number(connected.has(b)) - Number(connected.has(a)))
      .map(([peer, known]) => ({ peer, addresses: ownPlaces(known).map(({ address }) => `${address}`) }))
  }

  /** Returns some of them, drawn at random. */
  some(count: number): Acquaintance[] {
    return shuffled(this.met()).slice(0, count)
  }

  /** The peers that it knows of, connected or not. */
  get count(): number {
    return this.#known.size
  }

  /** The advert of the peer is over: what it claimed and never showed is forgotten. */
  lapse(peer: PeerId): void {
    const known = this.#known.get(peer)
    if (known === undefined) return
    known.isAnnounced = false
    if (!known.isProven && this.#openTo(peer) === undefined) this.forget(peer)
  }

  /** These are connected, however many others are. */
  seek(peers: readonly PeerId[]): void {
    this.#sought = new Set(peers)
    this.#fill()
  }

  /** Dials one that is not connected, drawn at random, though there are neighbours enough: up to twice as many. */
  meetAnother(): void {
    if (this.#node.getPeers().length >= 2 * this.#bounds.fullMeshPeersMax) return
    const isDue = ([peer, known]: [PeerId, Known]) => this.#dueMs(peer, known) <= systemClock.monotonicMs()
    const absent = [...this.#known].filter(([peer, { dialing }]) => !dialing && !this.#openTo(peer))
    const [other] = shuffled(absent.filter(isDue))
    if (other !== undefined) void this.#dialForDegree(...other)
  }

  forget(peer: PeerId): void {
    for (const place of this.#known.get(peer)?.places ?? []) this.#plan.forget(place, peer)
    this.#known.delete(peer)
  }

  /** True for peers whose adverts this node believes. */
  isKnown(peer: PeerId): boolean {
    return this.#known.get(peer)?.isAnnounced === true
  }

  /** The connection to the peer, dialled if there is none. Throws NetworkError 'unreachable'. */
  async connect(peer: PeerId): Promise<Connection> {
    try {
      const open = this.#openTo(peer)
      if (open !== undefined) return open
      const known = this.#known.get(peer)
      if (known === undefined || relayPlaces(known).length === 0) return await this.#connectOnce(peer)
      return (await this.#comesSoon(this.#dialOnce(peer, known))) ?? (await this.#relayOnce(peer, known))
    } catch (thrown) {
      throw new NetworkError('unreachable', `${peer} cannot be reached: ${reason(thrown)}`, {
        peer,
        cause: thrown,
      })
    }
  }

  /** Without a relay. */
  async #connectOnce(peer: PeerId): Promise<Connection> {
    const own = this.#connectionsTo(peer).find((one) => one.status === 'open' && !isRelayed(one))
    if (own !== undefined) return own
    const known = this.#known.get(peer)
    if (known !== undefined) return this.#dialOnce(peer, known)
    const told = this.#told.find((address) => String(address).endsWith(`/p2p/${peer}`))
    if (told === undefined) throw new Error('no address of it is known')
    return this.#node.dial(told, { signal: this.#timeLimit() })
  }

  /** Undefined when the dial fails, or takes longer than is worth waiting for where a relay is known. */
  async #comesSoon(dial: Promise<Connection>): Promise<Connection | undefined> {
    const late = AbortSignal.any([AbortSignal.timeout(this.#bounds.relayAfterMs), this.#stopping.signal])
    return abortable(dial, late).catch(() => undefined)
  }

  stop(): void {
    this.#stopping.abort(new NetworkError('closed', 'this node is stopping'))
    clearTimeout(this.#timer)
  }

  #remember(peer: PeerId, texts: readonly string[], isAnnounced: boolean): void {
    if (peer === this.#self) return
    const places = texts
      .flatMap((text) => placeOf(peer, text) ?? [])
      .slice(0, this.#bounds.addressesPerPeerMax)
    const known = this.#known.get(peer)
    if (known !== undefined && isAnnounced) known.isAnnounced = true
    if (places.length === 0) return
    if (known === undefined) {
      this.#makeRoom()
      const yieldMs = this.#self < peer ? 0 : this.#bounds.yieldDialMs
      const fresh = newlyKnown(places, systemClock.monotonicMs() + yieldMs, isAnnounced)
      this.#known.set(peer, fresh)
      prove(fresh, this.#connectionsTo(peer))
    } else if (namesOf(places) !== namesOf(known.places)) {
      for (const place of known.places) this.#plan.forget(place, peer)
      Object.assign(known, { places, failures: 0, notBeforeMs: 0, isProven: false })
      prove(known, this.#connectionsTo(peer))
    }
    this.#fill()
  }

  #connected(connection: Connection): void {
    const peer = connection.remotePeer.toString() as PeerId
    const known = this.#known.get(peer)
    if (known === undefined) return
    Object.assign(known, { failures: 0, notBeforeMs: 0 })
    prove(known, [connection])
  }

  #disconnected(peer: PeerId): void {
    const known = this.#known.get(peer)
    if (known !== undefined && !known.isAnnounced) this.lapse(peer)
    this.#fill()
  }

  /** Dials as many as we are short of, and sets the timer for those whose pause is not over. */
  #fill(): void {
    clearTimeout(this.#timer)
    if (this.#stopping.signal.aborted) return
    const connected = new Set(this.#node.getPeers().map((id) => id.toString() as PeerId))
    const absent = [...this.#known].filter(([peer]) => !connected.has(peer))
    const idle = absent.filter(([, known]) => known.dialing === null)
    const dialing = absent.length - idle.length
    const everyone = this.#known.size <= this.#bounds.fullMeshPeersMax
    let short = everyone ? idle.length : this.#bounds.degreeMin - connected.size - dialing

    const nowMs = systemClock.monotonicMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const [peer, known] of shuffled(idle)) {
      const isSought = this.#sought.has(peer)
      if (short <= 0 && !isSought) continue
      const dueMs = this.#dueMs(peer, known)
      if (dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs)
        continue
      }
      if (!isSought) short--
      void this.#dialForDegree(peer, known)
    }
    if (nextMs < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#fill(), Math.min(nextMs - nowMs, timerMsMax))
  }

  /** When it is worth dialling for the sake of our degree; Infinity: it is given up, or all its places are taken. */
  #dueMs(peer: PeerId, known: Known): number {
    if (!known.isProven && known.failures >= this.#bounds.dialFailuresMax) return Number.POSITIVE_INFINITY
    const free = ownPlaces(known).map((place) => this.#plan.notBeforeMs(place, peer))
    return Math.max(known.notBeforeMs, Math.min(...free))
  }

  async #dialForDegree(peer: PeerId, known: Known): Promise<void> {
    try {
      await this.#dialOnce(peer, known)
    } catch (thrown) {
      const pauseMs = redialPauseMs(known.failures++, this.#bounds)
      known.notBeforeMs = systemClock.monotonicMs() + pauseMs
      const isGivenUp = !known.isProven && known.failures >= this.#bounds.dialFailuresMax
      if (isGivenUp && !known.isAnnounced) this.forget(peer)
      this.#log.debug({ peer, pauseMs, isGivenUp }, reason(thrown))
    }
    this.#fill()
  }

  /** Whoever wants the same peer meanwhile waits for the same dial. */
  #dialOnce(peer: PeerId, known: Known): Promise<Connection> {
    known.dialing ??= this.#dialler.dial(peer, known, this.#timeLimit()).finally(() => {
      known.dialing = null
    })
    return known.dialing
  }

  #relayOnce(peer: PeerId, known: Known): Promise<Connection> {
    const connect = (relay: PeerId) => this.#connectOnce(relay)
    known.relaying ??= this.#dialler.relay(peer, known, connect, this.#timeLimit()).finally(() => {
      known.relaying = null
    })
    return known.relaying
  }

  #timeLimit(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(this.#bounds.dialTimeoutMs), this.#stopping.signal])
  }

  #openTo(peer: PeerId): Connection | undefined {
    const open = this.#connectionsTo(peer).filter(({ status }) => status === 'open')
    return open.find((connection) => !isRelayed(connection)) ?? open[0]
  }

  #connectionsTo(peer: PeerId): Connection[] {
    return this.#node.getConnections(peerIdFromString(peer))
  }

  /**
   * The longest known among those who are not connected makes room, one that was never met first: it was announced
   * again least recently, or never reached.
   */
  #makeRoom(): void {
    if (this.#known.size < this.#bounds.knownPeersMax) return
    const connected = new Set(this.#node.getPeers().map(String))
    const absent = [...this.#known].filter(([peer]) => !connected.has(peer))
    const [peer] = absent.find(([, { isProven }]) => !isProven) ?? absent[0] ?? []
    if (peer !== undefined) this.forget(peer)
  }
}

/** Peers that are remembered by hearsay alone at a time: as many as a book of addresses has. */
const hearsayMax = 64
/** The longest delay that setTimeout takes. */
const timerMsMax = 2 ** 31 - 1
