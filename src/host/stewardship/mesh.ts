/** The part of the network that looking after jobs needs: it shows who is there, says something, and fetches blocks. */
import type { Network } from '../network/network.ts'

export type Mesh = Pick<Network, 'connectedPeers' | 'isRelayed' | 'reachability' | 'send'> & {
  readonly blocks: Pick<Network['blocks'], 'fetch'>
}
