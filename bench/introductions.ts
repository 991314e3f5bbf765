import { generateKeyPair } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { defaultBounds } from '../src/host/network/bounds.ts'
import { Network } from '../src/host/network/network.ts'
import type { BenchOptions, Figure } from './figure.ts'

/**
 * Real nodes that start through one bootstrap peer, all of one process and one host: how many connections the bootstrap peer has
 * at most while they come and at the end, beside the nodes that came. A host may have 150 of its places, so more nodes than that
 * come in only if others have been let go.
 */
export async function introductions({ quick, note }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 40 : 300
  const hub = await start([])
  let most = 0
  hub.onPeer(() => {
    most = Math.max(most, hub.connectedPeers().length)
  })
  const nodes: Network[] = []
  for (let come = 0; come < count; come += comeAtOnce) {
    const some = await Promise.all(Array.from({ length: comeAtOnce }, () => start(hub.addresses())))
    nodes.push(...some)
    await Promise.all(some.map(found))
    note(`${nodes.length} nodes have come, the bootstrap peer has ${hub.connectedPeers().length} connections`)
  }
  await Promise.all(nodes.map((node) => has(node, defaultBounds.degreeMin / 2)))
  const [atEnd, reached] = [hub.connectedPeers().length, component(nodes, hub.peer)]
  await Promise.all([hub, ...nodes].map((node) => node.stop()))
  const beside = { unit: 'nodes', baseline: count, of: 'nodes that came' }
  return [
    {
      ...beside,
      name: 'connections of the bootstrap peer at most',
      ours: most,
      goal: { value: 'ours', most: 150 },
    },
    {
      ...beside,
      name: 'connections of the bootstrap peer at the end',
      ours: atEnd,
      goal: { value: 'ours', most: 150 },
    },
    {
      ...beside,
      name: 'nodes in one mesh without the bootstrap peer',
      ours: reached,
      goal: { value: 'ratio', least: 1 },
    },
  ]
}

const comeAtOnce = 10

/** Resolves when the node is connected to anybody. */
function found(node: Network): Promise<void> {
  return has(node, 1)
}

function has(node: Network, peers: number): Promise<void> {
  return new Promise((resolve) => {
    node.onPeer(() => {
      if (node.connectedPeers().length >= peers) resolve()
    })
  })
}

/** The nodes that the first can reach over others, without this peer. */
function component(nodes: readonly Network[], without: string): number {
  const byPeer = new Map(nodes.map((node) => [node.peer, node]))
  const seen = new Set([nodes[0]!])
  for (const node of seen)
    for (const peer of node.connectedPeers()) {
      const other = byPeer.get(peer)
      if (peer !== without && other !== undefined) seen.add(other)
    }
  return seen.size
}

async function start(bootstrap: readonly string[]): Promise<Network> {
  return await Network.start({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap,
    gossipScope: 'bench',
    log: pino({ level: 'silent' }),
  })
}
