/** Connections and addresses that lead through a relay: /…/p2p/<relay>/p2p-circuit/p2p/<peer>. */
import type { Connection } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'

/** Protocols that run over relayed connections say so on both sides; libp2p refuses everything else. */
export const overRelays = { runOnLimitedConnection: true } as const

/** Tells whether it is the other end's neighbour, and not the other end, that lives at the connection's address. */
export function isRelayed({ remoteAddr }: Pick<Connection, 'remoteAddr'>): boolean {
  return isCircuit(remoteAddr)
}

export function isCircuit(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}

/** The relay of such an address; undefined: it is none. */
export function relayIn(address: Multiaddr): PeerId | undefined {
  const components = address.getComponents()
  const at = components.findIndex(({ name }) => name === 'p2p-circuit')
  const relay = components[at - 1]
  return at < 1 || relay?.name !== 'p2p' ? undefined : (relay.value as PeerId)
}

/** The address of a peer behind the relay at the other end of a connection. */
export function circuitOver({ remoteAddr, remotePeer }: Connection, peer?: PeerId): Multiaddr {
  const [host, tcp] = remoteAddr.getComponents()
  const relay = multiaddr(`/${host!.name}/${host!.value}/${tcp!.name}/${tcp!.value}/p2p/${remotePeer}`)
  return relay.encapsulate(peer === undefined ? '/p2p-circuit' : `/p2p-circuit/p2p/${peer}`)
}

/**
 * One sentence for whatever was cut off since the relay carries no more over this connection; undefined: it was not. The relay
 * counts what it has and drops what it could not pass on, at most a window, so this end counts less than the relay did.
 */
export function relayLimit(
  { limits, remotePeer }: Connection,
  { relayedBytesMax, streamWindowBytesMax }: NetworkBounds,
): string | undefined {
  if (limits?.bytes === undefined || limits.bytes > BigInt(streamWindowBytesMax)) return undefined
  const most = `${Math.round(relayedBytesMax / 2 ** 20)} MiB`
  return `the relay to ${remotePeer} carries ${most} for one connection and no more: a job that moves much needs a standby that all can dial`
}
