/** The libp2p node, with the settings that Carpool's traffic needs. */
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { admitting, type Doorkeeper, noising } from './admission.ts'
import type { NetworkBounds } from './bounds.ts'
import { reason } from './errors.ts'
import { behindDoor } from './gossip-door.ts'
import { gossipOptions } from './gossip-options.ts'
import { type LanOptions, lan } from './lan.ts'
import { behindKey, type OnKnock, parseMeshKey, withoutKey } from './mesh-key.ts'
import { OwnAddresses, type OwnComponents } from './own-addresses.ts'
import type { Relays } from './relays.ts'
import { introducing, type OnStranger } from './strangers.ts'
import type { Turnstile } from './turnstile.ts'
import { meetingTwins, type OnTwin } from './twins.ts'

/** The doorkeepers of a node, and the part of the mesh that they let peers into. */
export interface Doors {
  /** The fleet or 'open': in gossip topic names. */
  readonly gossipScope: string
  /** None: an open mesh. */
  readonly doorkeeper?: Doorkeeper
  /** A key that all nodes share, in libp2p's file format: without it not even a handshake can be seen. */
  readonly meshKey?: Uint8Array
}

/** The words of a node about itself to strangers, and its ears for theirs. */
export interface Told {
  /** Name and version. */
  readonly software: string
  readonly onKnock: OnKnock
  readonly onStranger: OnStranger
  readonly onTwin: OnTwin
  /** Where it looks for peers near by. */
  readonly onLan?: LanOptions | undefined
}

export type Node = Libp2p<{
  pubsub: GossipSub
  identify: Identify
  own: OwnAddresses
  relay?: CircuitRelayService
}>

/**
 * libp2p with the settings that Carpool's traffic needs: TCP, relays, noise, yamux, identify, ping, gossipsub.
 *
 * TLS moves bulk data 1.3 times as fast as noise, but a dial costs 13 ms of CPU a side instead of 5, and a
 * vehicle joins and leaves twice a day. Not started yet, so that handlers come first.
 */
export function createNode(
  privateKey: PrivateKey,
  addresses: { readonly listen: readonly Multiaddr[]; readonly announce: readonly Multiaddr[] },
  { gossipScope, doorkeeper, meshKey }: Doors,
  turnstile: Turnstile,
  relays: Relays,
  bounds: NetworkBounds,
  { software, onKnock, onStranger, onTwin, onLan }: Told,
): Promise<Node> {
  return createLibp2p({
    start: false,
    privateKey,
    nodeInfo: { userAgent: software },
    addresses: { listen: addresses.listen.map(String), announce: addresses.announce.map(String) },
    transports: [tcp(), relays.client.transport()],
    connectionEncrypters: [
      meetingTwins(doorkeeper === undefined ? noising() : admitting(doorkeeper), onTwin),
      introducing({ isInFleet: doorkeeper !== undefined, software }, onStranger),
    ],
    connectionProtector:
      meshKey === undefined ? withoutKey(onKnock) : behindKey(parseMeshKey(meshKey), onKnock),
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: bounds.streamWindowBytesMax } })],
    connectionManager: {
      // Never reached: the turnstile decides who makes room for whom, where libp2p only refuses.
      maxConnections: bounds.connectionsMax + bounds.pendingMax,
      dialTimeout: bounds.dialTimeoutMs,
      maxIncomingPendingConnections: bounds.pendingMax,
      inboundUpgradeTimeout: bounds.handshakeTimeoutMs,
      // The default, 5 a second and host, refuses 25 of 30 vehicles behind one address (§1, trap 10).
      inboundConnectionThreshold: 1000,
      // A relay that is lost is not dialled again where it said that it lives: neighbours.ts knows where it was met.
      reconnectRetries: 0,
    },
    connectionGater: { ...turnstile.gater, ...relays.gater },
    connectionMonitor: { pingInterval: bounds.pingIntervalMs },
    // Its default forgets an address after an hour, also of a connected peer (§1, trap 11). This is a week.
    peerStore: { maxAddressAge: 7 * 24 * 3600 * 1000 },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: behindDoor(gossipsub(gossipOptions(gossipScope, bounds)), bounds),
      ...(relays.server === undefined ? {} : { relay: relays.server.service() }),
      ...(onLan === undefined ? {} : { lan: lan(onLan) }),
      own: (components: OwnComponents) => new OwnAddresses(components, addresses.announce),
    },
  })
}

/** Throws an Error of one sentence that names the address and its fault. */
export async function startNode(node: Node, listen: readonly Multiaddr[]): Promise<void> {
  try {
    await node.start()
  } catch (thrown) {
    throw new Error(startFailure(thrown, listen), { cause: thrown })
  }
}

/** Throws an Error of one sentence that names the text. */
export function parseAddress(text: string, role: string): Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (thrown) {
    throw new Error(`${JSON.stringify(text)} is not a multiaddr to ${role} (${example}): ${reason(thrown)}`)
  }
  const names = address.getComponents().map(({ name }) => name)
  if (names.includes('tcp') || (role === 'bootstrap from' && names[0] === 'dnsaddr')) return address
  throw new Error(`${JSON.stringify(text)} is no TCP address to ${role} (${example})`)
}

const example = 'they look like /ip4/192.0.2.1/tcp/4001'

function startFailure(thrown: unknown, listen: readonly Multiaddr[]): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  const addresses = listen.map(String)
  // libp2p reports all failures in one text, a line for each address.
  const failed = addresses.filter((address) => text.includes(`  ${address}:`))
  const where = (failed.length > 0 ? failed : addresses).join(' and ')
  if (text.includes('EADDRINUSE')) return `cannot listen on ${where}: the address is in use`
  if (text.includes('EACCES')) return `cannot listen on ${where}: this user may not use the port`
  if (text.includes('EADDRNOTAVAIL')) return `cannot listen on ${where}: this machine has no such address`
  return `cannot start the network on ${where}: ${reason(thrown)}`
}
