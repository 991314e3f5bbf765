/** Keeps enough of the known peers connected that the mesh holds without its bootstrap peers. Reasons: README.md, "Neighbours". */
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
import { Dialler } from './dialler.ts'
import { NetworkError, reason } from './errors.ts'
import type { Acquaintance } from './introductions.ts'
import {
  type Known,
  lackOf,
  leastOf,
  metOf,
  namesOf,
  newlyKnown,
  ownPlaces,
  prove,
  relayPlaces,
} from './known.ts'
import { placeOf, type Reach } from './reach.ts'
import { isRelayed } from './relayed.ts'

/** See README.md, "Neighbours". */
export class Neighbours {
  readonly #node: Libp2p
  readonly #self: PeerId
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #dialler: Dialler
  readonly #plan: DialPlan
  readonly #hasParts: boolean
  /** Where this node was told to look for the mesh. */
  readonly #told: readonly Multiaddr[]
  readonly #known = new Map<PeerId, Known>()
  #sought: ReadonlySet<PeerId> = new Set()
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(
    node: Libp2p,
    told: readonly Multiaddr[],
    reach: Reach,
    bounds: NetworkBounds,
    log: Logger,
    hasParts = false,
  ) {
    this.#hasParts = hasParts
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
      if (!this.#known.has(peer)) this.#remember(peer, detail.listenAddrs.map(String), false, this.#hasParts)
    })
  }

  /** Remembers where the peer says it is, and dials it if we are short of neighbours. Bad addresses are dropped. */
  learn(peer: PeerId, texts: readonly string[]): void {
    this.#remember(peer, texts, true)
  }

  /** Peers that somebody told of: dialled if we are short of neighbours, and forgotten if they do not answer. */
  hear(acquaintances: readonly Acquaintance[]): void {
    for (const { peer, addresses } of acquaintances) {
      const hearsay = [...this.#known.values()].filter(
        (known) => !known.isAnnounced && !known.isProven && !known.isFar,
      )
      const isNew = this.#known.get(peer)?.isFar !== false
      if (isNew && hearsay.length < hearsayMax) this.#remember(peer, addresses, false)
    }
  }

  /** Remembers where a peer is, for when something is to be said to it. */
  point(peer: PeerId, texts: readonly string[]): void {
    if (!this.isNear(peer) && this.#openTo(peer) === undefined) this.#remember(peer, texts, false, true)
  }

  addressesOf(peer: PeerId): string[] {
    return (this.#known.get(peer)?.places ?? []).map(({ address }) => `${address}`)
  }

  isNear(peer: PeerId): boolean {
    return this.#known.get(peer)?.isFar === false
  }

  /** Returns peers that were met where they say they are, those that are connected first. */
  met(): Acquaintance[] {
    return metOf(this.#known, this.#peers())
  }

  some(count: number): Acquaintance[] {
    return shuffled(this.met()).slice(0, count)
  }

  get count(): number {
    return this.#known.size
  }

  /** The advert of the peer is over: what it claimed and never showed is forgotten. */
  lapse(peer: PeerId): void {
    const known = this.#known.get(peer)
    if (known === undefined) return
    known.isAnnounced = false
    known.isFar = this.#hasParts
    if (!known.isProven && this.#openTo(peer) === undefined) this.forget(peer)
  }

  seek(peers: readonly PeerId[]): void {
    this.#sought = new Set(peers)
    this.#fill()
  }

  /** Dials one that is not connected, drawn at random, though there are neighbours enough: up to twice as many. */
  meetAnother(): void {
    if (this.#node.getPeers().length >= 2 * this.#bounds.fullMeshPeersMax) return
    const isDue = ([peer, known]: [PeerId, Known]) => this.#dueMs(peer, known) <= systemClock.monotonicMs()
    const absent = [...this.#known].filter(([peer, { dialing }]) => !dialing && !this.#openTo(peer))
    for (const other of shuffled(absent.filter(isDue)).slice(0, 1)) void this.#dialForDegree(...other)
  }

  forget(peer: PeerId): void {
    for (const place of this.#known.get(peer)?.places ?? []) this.#plan.forget(place, peer)
    this.#known.delete(peer)
  }

  isKnown(peer: PeerId): boolean {
    return this.#known.get(peer)?.isAnnounced === true
  }

  /** Dials where there is no connection. Throws NetworkError 'unreachable'. */
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

  #remember(peer: PeerId, texts: readonly string[], isAnnounced: boolean, isFar = false): void {
    if (peer === this.#self) return
    const places = texts
      .flatMap((text) => placeOf(peer, text) ?? [])
      .slice(0, this.#bounds.addressesPerPeerMax)
    const known = this.#known.get(peer)
    if (known !== undefined && isAnnounced) known.isAnnounced = true
    if (known !== undefined && !isFar) known.isFar = false
    if (places.length === 0) return
    if (known === undefined) {
      this.#makeRoom()
      const yieldMs = this.#self < peer ? 0 : this.#bounds.yieldDialMs
      const fresh = newlyKnown(places, systemClock.monotonicMs() + yieldMs, isAnnounced, isFar)
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
    const { idle, ...lacking } = lackOf(this.#known, this.#peers(), this.#hasParts, this.#bounds)
    let { short } = lacking
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

  #peers(): Set<PeerId> {
    return new Set(this.#node.getPeers().map((id) => id.toString() as PeerId))
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

  #makeRoom(): void {
    if (this.#known.size < this.#bounds.knownPeersMax) return
    const peer = leastOf(this.#known, this.#peers())
    if (peer !== undefined) this.forget(peer)
  }
}

/** Peers that are remembered by hearsay alone at a time: as many as a book of addresses has. */
const hearsayMax = 64
const timerMsMax = 2 ** 31 - 1
