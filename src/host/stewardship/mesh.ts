/** The part of the network that looking after jobs needs: it shows who is there, says something, and fetches blocks. */
import type { PeerId } from '../../protocol/ids.ts'
import type { Network } from '../network/network.ts'

export type Mesh = Pick<Network, 'connectedPeers' | 'isRelayed' | 'reachability' | 'send'> & {
  readonly blocks: Pick<Network['blocks'], 'fetch' | 'giveBack' | 'have'>
}

/** Says to a job that the peer is connected. */
export function connectedTo(network: Pick<Mesh, 'isRelayed'>, peer: PeerId) {
  return { type: 'connected', peer, isRelayed: network.isRelayed(peer) } as const
}
