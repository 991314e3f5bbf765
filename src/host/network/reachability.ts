/**
 * Learns whether others can dial this node, and tells when that changes.
 *
 * A few peers are asked to dial it back (dial-back.ts). A connection that comes in proves that it can be dialled, whatever they
 * say; only their word shows that it cannot. Peers that see this node from a public address count for more than neighbours in its
 * own network: who is reached by these alone is behind a router. The mesh of a house, which has no others, goes by them.
 *
 * It is asked again when the network changes: other addresses, another router, or after a quarter of an hour.
 */
import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Reachability } from '../../protocol/membership/advert.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { askToDial, dialBackProtocol } from './dial-back.ts'
import { reason } from './errors.ts'
import { hostIn, type OwnAddresses } from './own-addresses.ts'
import { areaOf } from './reach.ts'
import { isRelayed } from './relayed.ts'
import { hostOf } from './turnstile.ts'

/** The two kinds of places from which others see this node. */
type Side = 'public' | 'near'

interface Evidence {
  /** Somebody came in from there. */
  hasComeIn: boolean
  /** Peers there that were asked … */
  asked: number
  /** … and could not dial it. */
  failed: number
}

export class ReachabilityWatch {
  readonly #node: Libp2p
  readonly #own: OwnAddresses
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #stopping = new AbortController()
  readonly #listeners: (() => void)[] = []
  /** Peers that answer such questions, by the side from which they see this node. */
  readonly #askable = new Map<PeerId, { readonly connection: Connection; readonly side: Side }>()
  readonly #asked = new Set<PeerId>()
  readonly #cameIn = new Map<PeerId, number>()
  #evidence: Record<Side, Evidence> = { public: noEvidence(), near: noEvidence() }
  #current: Reachability | undefined
  #seenAt: string | undefined
  #addresses = ''
  #roundMs = systemClock.monotonicMs()
  #isAsking = false
  readonly #timer: NodeJS.Timeout

  constructor(node: Libp2p, own: OwnAddresses, bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.#own = own
    this.#bounds = bounds
    this.#log = log
    node.addEventListener('connection:open', ({ detail }) => this.#connected(detail))
    node.addEventListener('peer:identify', ({ detail }) => this.#identified(detail))
    node.addEventListener('peer:disconnect', ({ detail }) => this.#gone(detail.toString() as PeerId))
    this.#addresses = own.list().join()
    this.#timer = setInterval(() => this.#lookAround(), bounds.ownAddressesEveryMs).unref()
    this.#conclude()
  }

  /** Undefined until somebody has tried. */
  get current(): Reachability | undefined {
    return this.isOutbound && this.#own.circuits().length > 0 ? 'relayed' : this.#current
  }

  /** Nobody can dial this node, whatever a relay may carry. */
  get isOutbound(): boolean {
    return this.#current === 'outbound'
  }

  /** Call when a relay keeps a place for this node, or has lost it. */
  relayChanged(): void {
    this.#say()
  }

  /** The IP address at which peers outside see this node, where that is none of its own; undefined: none is known. */
  get routerAddress(): string | undefined {
    const isOwn = this.#own.list().some((address) => hostIn(address) === this.#seenAt)
    return isOwn ? undefined : this.#seenAt
  }

  /** Called when others reach this node in another way than before, or at other addresses. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  stop(): void {
    this.#stopping.abort(new Error('this node is stopping'))
    clearInterval(this.#timer)
  }

  #connected(connection: Connection): void {
    if (connection.direction !== 'inbound' || isRelayed(connection)) return
    const peer = connection.remotePeer.toString() as PeerId
    this.#cameIn.set(peer, (this.#cameIn.get(peer) ?? 0) + 1)
    const side = sideOf(hostIn(connection.remoteAddr))
    if (side === undefined) return
    this.#evidence[side].hasComeIn = true
    this.#conclude()
  }

  #identified({ peerId, connection, protocols, observedAddr }: IdentifyResult): void {
    const peer = peerId.toString() as PeerId
    const ip = observedAddr === undefined ? '' : hostIn(observedAddr)
    const side = sideOf(ip)
    if (isRelayed(connection) || side === undefined) return
    if (this.#own.seen(ip, hostOf(connection.remoteAddr))) this.#tell()
    if (side === 'public' && ip !== this.#seenAt) {
      const isElsewhere = this.#seenAt !== undefined
      this.#seenAt = ip
      if (isElsewhere) this.#begin()
    }
    if (!protocols.includes(dialBackProtocol)) return
    if (!this.#askable.has(peer)) this.#askable.set(peer, { connection, side })
    void this.#ask()
  }

  #gone(peer: PeerId): void {
    this.#askable.delete(peer)
    this.#cameIn.delete(peer)
    // The network was lost: it may come back as another one.
    if (this.#node.getPeers().length === 0) this.#begin()
  }

  /** The machine may have joined another network. */
  #lookAround(): void {
    const addresses = this.#own.list().join()
    const isElsewhere = addresses !== this.#addresses
    this.#addresses = addresses
    if (isElsewhere) this.#tell()
    if (isElsewhere || systemClock.monotonicMs() - this.#roundMs >= this.#bounds.dialBackAgainMs)
      this.#begin()
    void this.#ask()
  }

  /** Forgets what was learned, except its conclusion, which holds until there is another. */
  #begin(): void {
    // Whoever says that it sees this node at ever other addresses gains no more questions by it.
    if (systemClock.monotonicMs() - this.#roundMs < this.#bounds.ownAddressesEveryMs) return
    this.#roundMs = systemClock.monotonicMs()
    this.#evidence = { public: noEvidence(), near: noEvidence() }
    this.#asked.clear()
    void this.#ask()
  }

  /** Asks one peer after the other, until enough have answered. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#askOne(...next)
    } finally {
      this.#isAsking = false
    }
  }

  #next(): [PeerId, Connection, Side] | undefined {
    if (this.#stopping.signal.aborted || this.#own.list().length === 0) return undefined
    for (const [peer, { connection, side }] of this.#askable) {
      const { hasComeIn, asked } = this.#evidence[side]
      const isEnough = hasComeIn || asked >= this.#bounds.dialBackPeersMax
      if (!isEnough && !this.#asked.has(peer) && connection.status === 'open') return [peer, connection, side]
    }
    return undefined
  }

  async #askOne(peer: PeerId, connection: Connection, side: Side): Promise<void> {
    this.#asked.add(peer)
    const [port] = this.#own.ports(connection.remoteAddr.getComponents()[0]?.name === 'ip6' ? 6 : 4)
    const evidence = this.#evidence[side]
    if (port === undefined) {
      if (this.#canBeDialledFrom(side)) return
      evidence.asked += 1
      evidence.failed += 1
      this.#conclude()
      return
    }
    const before = this.#cameIn.get(peer) ?? 0
    const timeout = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
    try {
      const { reached } = await askToDial(connection, port, AbortSignal.any([timeout, this.#stopping.signal]))
      if (reached === null) return
      evidence.asked += 1
      // It may be at the door at this moment: the two come over different connections.
      if (reached && (this.#cameIn.get(peer) ?? 0) === before) await this.#comesIn(peer)
      if ((this.#cameIn.get(peer) ?? 0) > before) evidence.hasComeIn = true
      else evidence.failed += 1
      this.#conclude()
    } catch (thrown) {
      this.#log.debug({ peer }, `a peer did not say whether it can dial this node: ${reason(thrown)}`)
    }
  }

  /** False where it listens at no address that could mean something there, as with IPv4 alone on a machine that has IPv6 alone. */
  #canBeDialledFrom(side: Side): boolean {
    return this.#own.areAnnounced || this.#own.list().some((address) => sideOf(hostIn(address)) === side)
  }

  #comesIn(peer: PeerId): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#node.removeEventListener('connection:open', opened)
        resolve()
      }
      const timer = setTimeout(end, this.#bounds.dialBackTimeoutMs)
      const opened = ({ detail }: CustomEvent<Connection>) => {
        const isIt = detail.remotePeer.toString() === peer && detail.direction === 'inbound'
        if (isIt && !isRelayed(detail)) end()
      }
      this.#node.addEventListener('connection:open', opened)
    })
  }

  #conclude(): void {
    const found = this.#found()
    if (found === undefined || found === this.#current) return
    this.#current = found
    this.#say()
  }

  #say(): void {
    const reach = this.current
    if (reach !== undefined) this.#log.info({ reach }, sentences[reach])
    this.#tell()
  }

  #found(): Reachability | undefined {
    if (this.#own.list().length === 0) return 'outbound'
    const { public: outside, near } = this.#evidence
    if (outside.hasComeIn) return 'direct'
    // Its owner names an address; the one from which its own dials come may be another.
    if (outside.failed > 0 && this.#own.areAnnounced && this.routerAddress !== undefined) return 'direct'
    if (outside.failed > 0) return 'outbound'
    if (near.hasComeIn) return 'direct'
    return near.failed > 0 ? 'outbound' : undefined
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

const sentences: Record<Reachability, string> = {
  direct: 'other nodes can dial this one',
  relayed: 'other nodes reach this one through a relay',
  outbound: 'other nodes cannot dial this one: it dials them',
}

function noEvidence(): Evidence {
  return { hasComeIn: false, asked: 0, failed: 0 }
}

function sideOf(ip: string): Side | undefined {
  const area = areaOf(ip)
  return area === 'nowhere' ? undefined : area === 'public' ? 'public' : 'near'
}
