/** A node's two sides of relaying, and the connections that go through relays. */
import type { Connection, ConnectionGater } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Notices } from '../notices.ts'
import type { NetworkBounds } from './bounds.ts'
import type { ReachabilityWatch } from './reachability.ts'
import { RelayClient } from './relay-client.ts'
import { type RelayNode, RelayServer } from './relay-server.ts'
import { isRelayed } from './relayed.ts'

export class Relays {
  readonly client: RelayClient
  /** Undefined: this node relays for nobody. */
  readonly server: RelayServer | undefined
  #node: RelayNode | undefined
  #onBypass: (peer: PeerId) => void = () => {}

  /** `isRelay`: it relays for others, as long as they can dial it. */
  constructor(isRelay: boolean, bounds: NetworkBounds, notices: Notices, log: Logger) {
    this.client = new RelayClient(bounds, notices, log)
    this.server = isRelay ? new RelayServer(bounds, log) : undefined
  }

  /** Part of a libp2p node's gater. */
  get gater(): ConnectionGater {
    return { ...this.client.gater, ...this.server?.gater }
  }

  /** `meetAnother`: dials one more of the peers that are known. */
  start(node: RelayNode, reachability: ReachabilityWatch, meetAnother: () => void): void {
    this.#node = node
    this.server?.start(node, () => reachability.current === 'direct')
    this.client.start(
      node,
      () => reachability.isOutbound,
      () => reachability.relayChanged(),
      meetAnother,
    )
    reachability.onChange(() => this.client.look())
    node.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    this.client.look()
  }

  stop(): void {
    this.client.stop()
  }

  /** True for a connection to this node's relay, or to a peer that it keeps a place for. */
  holds({ remotePeer }: Connection): boolean {
    return (
      this.client.relay === remotePeer.toString() ||
      this.#node?.services.relay?.reservations.has(remotePeer) === true
    )
  }

  /** `listener`: called when a peer that a relay connected has a connection of its own. */
  onBypass(listener: (peer: PeerId) => void): void {
    this.#onBypass = listener
  }

  /** True for peers that nothing but a relay connects. */
  connectsAlone(peer: PeerId): boolean {
    const connections = this.#openTo(peer)
    return connections.length > 0 && connections.every(isRelayed)
  }

  /** A peer that is connected without the relay needs it no more. */
  #opened(connection: Connection): void {
    if (isRelayed(connection)) return
    const peer = connection.remotePeer.toString() as PeerId
    const relayed = this.#openTo(peer).filter(isRelayed)
    for (const one of relayed) void one.close().catch((error) => one.abort(error))
    if (relayed.length > 0) this.#onBypass(peer)
  }

  #openTo(peer: PeerId): Connection[] {
    const connections = this.#node?.getConnections(peerIdFromString(peer)) ?? []
    return connections.filter(({ status }) => status === 'open')
  }
}
