/** The network of a node: gossip, control messages and blocks over one libp2p node. */
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Reachability } from '../../protocol/membership/advert.ts'
import { Accounts } from './accounts.ts'
import type { BlockExchange } from './blocks.ts'
import type { CellTalk } from './cell-talk.ts'
import type { MessageHandler } from './control.ts'
import { NetworkError, reason } from './errors.ts'
import type { Gossip, GossipValidator } from './gossip.ts'
import type { Acquaintance } from './introductions.ts'
import { parseAddress } from './node.ts'
import { type NetworkOptions, type NetworkParts, startParts } from './parts.ts'

export interface PeerEvent {
  readonly type: 'connected' | 'disconnected'
  readonly peer: PeerId
  /** Only a relay connects it; told once more when it is connected otherwise. */
  readonly isRelayed: boolean
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
  readonly accounts: Accounts
  readonly #parts: NetworkParts
  readonly #log: Logger
  readonly #peerHandlers: ((event: PeerEvent) => void)[] = []
  #stopping: Promise<void> | undefined

  /** Throws an Error of one sentence when an address is in use, not ours, or no multiaddr. */
  static async start(options: NetworkOptions): Promise<Network> {
    const parts = await startParts(options)
    const accounts = new Accounts((peer) => parts.neighbours.connect(peer), parts.bounds, options.log)
    await accounts.listen(parts.node)
    return new Network(parts, accounts, options.log)
  }

  private constructor(parts: NetworkParts, accounts: Accounts, log: Logger) {
    const { node, blocks } = parts
    this.peer = node.peerId.toString() as PeerId
    this.blocks = blocks
    this.accounts = accounts
    this.#parts = parts
    this.#log = log
    node.addEventListener('peer:connect', ({ detail }) =>
      this.#tell('connected', detail.toString() as PeerId),
    )
    parts.relays.onBypass((peer) => this.#tell('connected', peer))
    node.addEventListener('peer:disconnect', ({ detail }) =>
      this.#tell('disconnected', detail.toString() as PeerId),
    )
  }

  /** Returns the addresses at which others may dial us, the most useful first, each ending in /p2p/<peer>. */
  addresses(): string[] {
    const ending = `/p2p/${this.peer}`
    return this.#parts.node.services.own
      .told()
      .map(String)
      .map((address) => (address.endsWith(ending) ? address : address + ending))
  }

  /** This node was told where the mesh is, has reached nobody there yet, and is connected to nobody else. */
  get isSeeking(): boolean {
    return this.#parts.bootstrapping.isSeeking && this.connectedPeers().length === 0
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
    return this.#parts.node.getPeers().map((id) => id.toString() as PeerId)
  }

  /** True for peers that nothing but a relay connects. */
  isRelayed(peer: PeerId): boolean {
    return this.#parts.relays.connectsAlone(peer)
  }

  /** Called for those who are connected already, too. */
  onPeer(handler: (event: PeerEvent) => void): void {
    this.#peerHandlers.push(handler)
    for (const peer of this.connectedPeers())
      handler({ type: 'connected', peer, isRelayed: this.isRelayed(peer) })
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

  /** Gossip in parts of the mesh, and messages of cells; undefined: this node knows none. */
  get cells(): CellTalk | undefined {
    return this.#parts.cells
  }

  get gossip(): Pick<Gossip, 'joinChannel' | 'leaveChannel' | 'sayIn' | 'publishIn' | 'judgeAdvert'> {
    return this.#parts.gossip
  }

  /** Peers that somebody told of: dialled if we are short of neighbours, and forgotten if they do not answer. */
  hear(acquaintances: readonly Acquaintance[]): void {
    this.#parts.neighbours.hear(acquaintances)
  }

  /** Remembers where a peer is, for when something is to be said to it. */
  point(peer: PeerId, addresses: readonly string[]): void {
    this.#parts.neighbours.point(peer, addresses)
  }

  addressesOf(peer: PeerId): string[] {
    return this.#parts.neighbours.addressesOf(peer)
  }

  /** Remembers a peer's addresses, from its signed advert, and dials it if we are short of neighbours. */
  learn(peer: PeerId, addresses: readonly string[]): void {
    this.#parts.neighbours.learn(peer, addresses)
  }

  /** The peer's advert is over: an address at which it was never met is forgotten. A connection to it stays. */
  lapse(peer: PeerId): void {
    this.#parts.neighbours.lapse(peer)
  }

  /** Connects to these peers, whose addresses are known, and keeps that up; those of the last call are sought no more. */
  seek(peers: readonly PeerId[]): void {
    this.#parts.neighbours.seek(peers)
  }

  /** Dials an address, if its peer is not connected. Rejects with NetworkError 'unreachable'. */
  async reach(address: string): Promise<void> {
    const signal = AbortSignal.timeout(this.#parts.bounds.dialTimeoutMs)
    try {
      await this.#parts.node.dial(parseAddress(address, 'dial'), { signal })
    } catch (thrown) {
      throw new NetworkError('unreachable', `${address} cannot be reached: ${reason(thrown)}`, {
        cause: thrown,
      })
    }
  }

  /** Ends the connections to a peer, and does not look for it again. */
  async disconnect(peer: PeerId): Promise<void> {
    this.#parts.neighbours.forget(peer)
    await this.#parts.node.hangUp(peerIdFromString(peer))
  }

  /** Ends everything under way with 'closed'. Leaves no timer and no socket behind. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    for (const part of this.#parts.stoppable) part.stop()
    this.accounts.stop()
    // gossipsub waits for its streams without a limit, so a peer that reads nothing would hold us here.
    const impatience = setTimeout(() => {
      for (const connection of this.#parts.node.getConnections())
        connection.abort(new Error('this node is stopping'))
    }, this.#parts.bounds.stopGraceMs)
    await this.#parts.node.stop()
    clearTimeout(impatience)
  }

  #tell(type: PeerEvent['type'], peer: PeerId): void {
    const isRelayed = type === 'connected' && this.isRelayed(peer)
    for (const handler of this.#peerHandlers) {
      try {
        handler({ type, peer, isRelayed })
      } catch (thrown) {
        this.#log.error({ peer, err: thrown }, `a handler of peers threw: ${reason(thrown)}`)
      }
    }
  }
}
