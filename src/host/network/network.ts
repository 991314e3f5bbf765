/** The network of a node: gossip, control messages and blocks over one libp2p node. */
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Reachability } from '../../protocol/membership/advert.ts'
import { type Notice, type NoticeKind, Notices } from '../notices.ts'
import { AddressBook, type BookShelf, noShelf } from './address-book.ts'
import { BlockExchange } from './blocks.ts'
import { Bootstrap } from './bootstrap.ts'
import { checkBounds, defaultBounds, type NetworkBounds } from './bounds.ts'
import { ControlChannel, type MessageHandler } from './control.ts'
import { DialBacks } from './dial-back.ts'
import type { ResolveTxt } from './dnsaddr.ts'
import { NetworkError, reason } from './errors.ts'
import { Gossip, type GossipValidator } from './gossip.ts'
import { Introductions } from './introductions.ts'
import type { LanOptions } from './lan.ts'
import { Neighbours } from './neighbours.ts'
import { createNode, type Doors, type Node, parseAddress, startNode } from './node.ts'
import { isAtHome, Reach } from './reach.ts'
import { ReachabilityWatch } from './reachability.ts'
import { Turnstile } from './turnstile.ts'
import { Twins } from './twins.ts'
import { watchVersions } from './versions.ts'

export interface NetworkOptions extends Doors {
  /** Ed25519; the node's identity. */
  readonly privateKey: PrivateKey
  /** Multiaddrs to listen on, such as /ip4/0.0.0.0/tcp/4001; none for a node that only dials. */
  readonly listen: readonly string[]
  /** Multiaddrs that others are told instead, as behind a router that forwards a port; by default those above. */
  readonly announce?: readonly string[]
  /** Multiaddrs of peers to stay connected to, with or without /p2p/…. */
  readonly bootstrap: readonly string[]
  readonly log: Logger
  /** Takes what the node's owner should know of strangers; by default a list that only the log hears of. */
  readonly notices?: Notices
  /** Present: looks for peers on the local network by multicast DNS. */
  readonly lan?: Pick<LanOptions, 'port'>
  /** Asks the DNS for the TXT records of a name; the machine's own by default. */
  readonly resolveTxt?: ResolveTxt
  /** Where the addresses of peers that were met are kept from one run to the next. */
  readonly bookShelf?: BookShelf
  /** Name and version, as other nodes are told them. */
  readonly software?: string
  /** Overrides, for tests and benchmarks. */
  readonly bounds?: Partial<NetworkBounds>
  /** Milliseconds that only rise, by which connections grow old; a test has its own. */
  readonly now?: () => number
}

export interface PeerEvent {
  readonly type: 'connected' | 'disconnected'
  readonly peer: PeerId
}

interface NetworkParts {
  readonly neighbours: Neighbours
  readonly control: ControlChannel
  readonly blocks: BlockExchange
  readonly gossip: Gossip
  readonly reachability: ReachabilityWatch
  /** In this order. */
  readonly stoppable: readonly { stop(): void }[]
}

/**
 * The mesh as the rest of the host sees it: gossip, control messages and blocks between peers named by their id.
 *
 * Three kinds of traffic, because they fail differently. Gossip is small, expires, and may be lost. Control
 * messages are ordered and push back. Blocks are large, named by their hash, and may come from anybody. All
 * three bound what a peer can make us hold (bounds.ts), and nothing that a peer sends ends the process.
 * js-libp2p stays behind this folder: its types do not leave it, and its traps are met here once.
 */
export class Network {
  readonly peer: PeerId
  readonly blocks: BlockExchange
  readonly #node: Node
  readonly #parts: NetworkParts
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #peerHandlers: ((event: PeerEvent) => void)[] = []
  #stopping: Promise<void> | undefined

  /** Throws an Error of one sentence when an address is in use, not ours, or no multiaddr. */
  static async start(options: NetworkOptions): Promise<Network> {
    const bounds = { ...defaultBounds, ...options.bounds }
    checkBounds(bounds)
    const listen = options.listen.map((text) => parseAddress(text, 'listen on'))
    const announce = (options.announce ?? []).map((text) => parseAddress(text, 'announce'))
    const bootstrap = options.bootstrap.map((text) => parseAddress(text, 'bootstrap from'))
    const notices = options.notices ?? new Notices(options.log)
    const turnstile = new Turnstile(bounds, options.log, options.now)
    const software = options.software ?? 'carpool'
    const node = await createNode(options.privateKey, { listen, announce }, options, turnstile, bounds, {
      software,
      onKnock: (host, why) => notices.tell(notLetIn('mesh-key', host, why)),
      onStranger: (host, why) => notices.tell(notLetIn('fleet', host, why)),
      onLan: options.lan && {
        ...options.lan,
        scope: options.gossipScope,
        hear: (peers) => neighbours.hear(peers),
      },
    })
    watchVersions(node, software, notices)
    const reach = new Reach(() => isAtHome([...listen, ...bootstrap], node))
    const neighbours = new Neighbours(node, bootstrap, reach, bounds, options.log)
    const connect = (peer: PeerId) => neighbours.connect(peer)
    const control = new ControlChannel(connect, bounds, options.log)
    const blocks = new BlockExchange(connect, bounds, options.log)
    const gossip = new Gossip(node, options.gossipScope, bounds, options.log)
    await control.listen(node)
    const introductions = new Introductions(node, (count) => neighbours.some(count), bounds, options.log)
    await introductions.listen()
    await new Twins(node, bounds, notices, options.log).listen()
    await blocks.listen(node)
    const dialBacks = new DialBacks(node, reach, bounds, options.log)
    await dialBacks.listen()
    await startNode(node, listen)
    const reachability = new ReachabilityWatch(node, node.services.own, bounds, options.log)
    gossip.join()
    const bootstrapping = new Bootstrap(
      node,
      bootstrap,
      neighbours,
      introductions,
      bounds,
      options.log,
      options.resolveTxt,
    )
    const book = new AddressBook(node, options.bookShelf ?? noShelf, neighbours, options.log)
    book.start()
    turnstile.watch(node, (peer) => neighbours.isKnown(peer) || bootstrapping.isKnown(peer))
    const stoppable = [
      ...[bootstrapping, book, introductions, neighbours, dialBacks],
      ...[reachability, gossip, control, blocks],
    ]
    return new Network(
      node,
      { neighbours, control, blocks, gossip, reachability, stoppable },
      bounds,
      options.log,
    )
  }

  private constructor(node: Node, parts: NetworkParts, bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.peer = node.peerId.toString() as PeerId
    this.#parts = parts
    this.blocks = parts.blocks
    this.#bounds = bounds
    this.#log = log
    node.addEventListener('peer:connect', ({ detail }) =>
      this.#tell('connected', detail.toString() as PeerId),
    )
    node.addEventListener('peer:disconnect', ({ detail }) =>
      this.#tell('disconnected', detail.toString() as PeerId),
    )
  }

  /** Returns the addresses at which others may dial us, the most useful first, each ending in /p2p/<peer>. */
  addresses(): string[] {
    const ending = `/p2p/${this.peer}`
    return this.#node.services.own
      .list()
      .map(String)
      .map((address) => (address.endsWith(ending) ? address : address + ending))
  }

  /** How others reach this node; undefined until it has learned that. */
  get reachability(): Reachability | undefined {
    return this.#parts.reachability.current
  }

  /** The address of the router that this node is behind, as peers outside see it; undefined: none is known. */
  get routerAddress(): string | undefined {
    return this.#parts.reachability.routerAddress
  }

  /** Called when others reach this node in another way than before, or at other addresses. */
  onReachability(listener: () => void): void {
    this.#parts.reachability.onChange(listener)
  }

  connectedPeers(): PeerId[] {
    return this.#node.getPeers().map((id) => id.toString() as PeerId)
  }

  /** Called for those who are connected already, too. */
  onPeer(handler: (event: PeerEvent) => void): void {
    this.#peerHandlers.push(handler)
    for (const peer of this.connectedPeers()) handler({ type: 'connected', peer })
  }

  /**
   * Says something to the whole cell. A message is known by its hash: the same bytes within two minutes are
   * not sent again, so whoever repeats himself puts a nonce inside. Rejects with NetworkError 'too-large'.
   */
  publish(message: Uint8Array): Promise<void> {
    return this.#parts.gossip.publish(message)
  }

  /**
   * Judges what others publish, before it is forwarded; this is also how it is received. `from` handed it to
   * us and need not have written it. 'reject' costs that peer score, and so does a throw, which is logged.
   */
  onGossip(validate: GossipValidator): void {
    this.#parts.gossip.onGossip(validate)
  }

  /** Called when a peer joins the cell's gossip and what we publish reaches it: nothing is replayed to it. */
  onSubscriber(handler: (peer: PeerId) => void): void {
    this.#parts.gossip.onSubscriber(handler)
  }

  /**
   * Sends one control message, after all earlier ones to that peer, and resolves once the transport has taken
   * it. Dials where needed. Rejects with NetworkError 'unreachable', 'too-large', 'backlog' or 'closed'. The
   * message is not copied: leave it alone until then.
   */
  send(to: PeerId, message: Uint8Array): Promise<void> {
    return this.#parts.control.send(to, message)
  }

  /** The one handler of control messages. A promise is awaited before that peer's next message is read. */
  onMessage(handler: MessageHandler): void {
    this.#parts.control.onMessage(handler)
  }

  /** Remembers a peer's addresses, from its signed advert, and dials it if we are short of neighbours. */
  learn(peer: PeerId, addresses: readonly string[]): void {
    this.#parts.neighbours.learn(peer, addresses)
  }

  /** The peer's advert is over: an address at which it was never met is forgotten. A connection to it stays. */
  lapse(peer: PeerId): void {
    this.#parts.neighbours.lapse(peer)
  }

  /** Dials an address, if its peer is not connected. Rejects with NetworkError 'unreachable'. */
  async reach(address: string): Promise<void> {
    const signal = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
    try {
      await this.#node.dial(parseAddress(address, 'dial'), { signal })
    } catch (thrown) {
      throw new NetworkError('unreachable', `${address} cannot be reached: ${reason(thrown)}`, {
        cause: thrown,
      })
    }
  }

  /** Ends the connections to a peer, and does not look for it again. */
  async disconnect(peer: PeerId): Promise<void> {
    this.#parts.neighbours.forget(peer)
    await this.#node.hangUp(peerIdFromString(peer))
  }

  /** Ends everything under way with 'closed'. Leaves no timer and no socket behind. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    for (const part of this.#parts.stoppable) part.stop()
    // gossipsub waits for its streams without a limit, so a peer that reads nothing would hold us here.
    const impatience = setTimeout(() => {
      for (const connection of this.#node.getConnections())
        connection.abort(new Error('this node is stopping'))
    }, this.#bounds.stopGraceMs)
    await this.#node.stop()
    clearTimeout(impatience)
  }

  #tell(type: PeerEvent['type'], peer: PeerId): void {
    for (const handler of this.#peerHandlers) {
      try {
        handler({ type, peer })
      } catch (thrown) {
        this.#log.error({ peer, err: thrown }, `a handler of peers threw: ${reason(thrown)}`)
      }
    }
  }
}

function notLetIn(kind: NoticeKind, host: string, why: string): Notice {
  return { kind, about: host, text: `a node at ${host} was not let in: ${why}` }
}
