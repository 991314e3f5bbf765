/**
 * The least that a mesh node of this kind can be: libp2p with TCP, noise, yamux, identify, ping and gossipsub, in
 * full mesh with the peers it is given, subscribed to one topic on which nobody says anything. JavaScript, so that
 * Node's TypeScript stripper is not loaded and counted.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionManager: { inboundConnectionThreshold: 1000 },
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({ scoreParams: { IPColocationFactorWeight: 0 } }),
  },
})
node.services.pubsub.subscribe('bench')
for (const address of process.argv.slice(2)) await node.dial(multiaddr(address))
process.once('disconnect', () => process.exit())
process.send?.(node.getMultiaddrs()[0].toString())
