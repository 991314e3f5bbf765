/** How a node learns whether others can dial it, and which addresses it tells them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import {
  askToDial,
  decodeDialBackQuestion,
  dialBackProtocol,
  encodeDialBack,
} from '../../src/host/network/dial-back.ts'
import type { Network } from '../../src/host/network/network.ts'
import { inOrder } from '../../src/host/network/own-addresses.ts'
import type { Reachability } from '../../src/protocol/membership/advert.ts'
import { RawPeer, startNetwork } from '../support/network.ts'
import { closedAddress } from '../support/ports.ts'

const timeout = 400_000

function ordered(hosts: readonly string[], seen: Readonly<Record<string, number>> = {}): string[] {
  const addresses = hosts.map((host) => multiaddr(`/ip${host.includes(':') ? 6 : 4}/${host}/tcp/4001`))
  return inOrder(addresses, (ip) => seen[ip] ?? 0).map((address) => address.getComponents()[0]!.value!)
}

test('public addresses are told first, then those of private networks, and loopback only where there is nothing else', () => {
  assert.deepEqual(ordered(['127.0.0.1', '10.1.2.3', '::1', '45.83.0.1', '2a01:4f8::1']), [
    '45.83.0.1',
    '2a01:4f8::1',
    '10.1.2.3',
  ])
  assert.deepEqual(ordered(['127.0.0.1', '::1']), ['127.0.0.1', '::1'])
})

test('the address at which peers see a node comes before five bridges of its machine', () => {
  const bridges = ['172.17.0.1', '172.18.0.1', '172.19.0.1', '172.20.0.1', '172.21.0.1']
  const [first] = ordered(['127.0.0.1', ...bridges, '10.78.0.2'], { '10.78.0.2': 1 })
  assert.equal(first, '10.78.0.2')
})

test('neither IPv4 nor IPv6 crowds out the other, and link-local addresses are told to nobody', () => {
  const six = ['2a01::1', '2a01::2', '2a01::3', '2a01::4', '2a01::5', 'fe80::1']
  assert.deepEqual(ordered([...six, '45.83.0.1']).slice(0, 3), ['45.83.0.1', '2a01::1', '2a01::2'])
  assert(!ordered([...six, '45.83.0.1']).includes('fe80::1'))
})

test('a public address on which a node listens is told at once, though nobody has dialled it', {
  timeout,
}, async (t) => {
  const node = await startNetwork(t, { announce: ['/ip4/45.83.0.1/tcp/4001'] })
  assert.deepEqual(node.addresses(), [`/ip4/45.83.0.1/tcp/4001/p2p/${node.peer}`])
})

/** Resolves once the node has learned this. */
async function learns(node: Network, reach: Reachability): Promise<void> {
  if (node.reachability === reach) return
  await new Promise<void>((resolve) => {
    node.onReachability(() => {
      if (node.reachability === reach) resolve()
    })
  })
}

test('a node that can be dialled learns it, over IPv6 as well', { timeout }, async (t) => {
  for (const listen of ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0']) {
    const first = await startNetwork(t, { listen: [listen] })
    const second = await startNetwork(t, { listen: [listen], bootstrap: first.addresses() })
    await Promise.all([learns(first, 'direct'), learns(second, 'direct')])
    await Promise.all([
      first.send(second.peer, new Uint8Array(1)),
      second.send(first.peer, new Uint8Array(1)),
    ])
  }
})

test('a connection that comes in shows that a node can be dialled, though nobody was asked', {
  timeout,
}, async (t) => {
  const node = await startNetwork(t)
  const stranger = await RawPeer.start(t)
  await stranger.node.dial(multiaddr(node.addresses()[0]!))
  await learns(node, 'direct')
})

test('a node that listens nowhere, or at whose port nobody answers, learns that only it can dial', {
  timeout,
}, async (t) => {
  const hub = await startNetwork(t)
  const mute = await startNetwork(t, { listen: [], bootstrap: hub.addresses() })
  assert.equal(mute.reachability, 'outbound')
  const closed = await startNetwork(t, { announce: [await closedAddress()], bootstrap: hub.addresses() })
  await learns(closed, 'outbound')
})

test('a peer that claims to have dialled a node is not believed where nobody came', {
  timeout,
}, async (t) => {
  const liar = await RawPeer.start(t)
  await liar.node.handle(dialBackProtocol, async (stream) => {
    const line = lpStream(stream)
    decodeDialBackQuestion((await line.read()).slice())
    await line.write(encodeDialBack({ reached: true, host: '127.0.0.1' }))
  })
  const node = await startNetwork(t, { bootstrap: liar.addresses(), bounds: { dialBackTimeoutMs: 50 } })
  await learns(node, 'outbound')
})

test('a node dials back only where it sees the asker, so often and no more', { timeout }, async (t) => {
  let knocks = 0
  const server = createServer((socket) => {
    knocks += 1
    socket.on('error', () => {})
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const node = await startNetwork(t)
  const asker = await RawPeer.start(t)
  const connection = await asker.node.dial(multiaddr(node.addresses()[0]!))
  const answers = []
  for (let i = 0; i < 3 * defaultBounds.dialBacksPerHostMax; i += 1)
    answers.push(await askToDial(connection, port, AbortSignal.timeout(timeout)))
  // The node itself has asked nobody: whoever knocks there is its dial.
  assert.equal(answers.filter(({ reached }) => reached === false).length, knocks)
  assert(knocks <= defaultBounds.dialBacksPerHostMax + 1, `${knocks} dials`)
  assert.deepEqual(answers.at(-1), { reached: null, host: '127.0.0.1' })
  // Its answer has no room for another address than the one that it sees.
  assert.throws(() => decodeDialBackQuestion(encodeDialBack({ port, host: '192.0.2.1' } as never)))
})
