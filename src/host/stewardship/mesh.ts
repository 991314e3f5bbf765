/** What looking after jobs needs of the network: to see who is there, to say something, and to fetch blocks. */
import type { Network } from '../network/network.ts'

export type Mesh = Pick<Network, 'connectedPeers' | 'send'> & {
  readonly blocks: Pick<Network['blocks'], 'fetch'>
}
