/** Relays: peers that nobody can dial reach each other through a node that all can, within bounds on every side. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Network } from '../../src/host/network/network.ts'
import { Notices } from '../../src/host/notices.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import type { Reachability } from '../../src/protocol/membership/advert.ts'
import {
  Inbox,
  logInbox,
  RawPeer,
  RawStream,
  startNetwork,
  type TestNetworkOptions,
  testBlocks,
} from '../support/network.ts'
import { closedAddress } from '../support/ports.ts'

const timeout = 400_000
const MiB = 2 ** 20

/** A node that listens nowhere: nobody can dial it. */
function startMute(
  t: TestContext,
  relays: readonly Network[],
  more: TestNetworkOptions = {},
): Promise<Network> {
  return startNetwork(t, { listen: [], bootstrap: relays.flatMap((relay) => relay.addresses()), ...more })
}

/** Resolves once the node has learned that it is reached so. */
async function learns(node: Network, reach: Reachability): Promise<void> {
  if (node.reachability === reach) return
  await new Promise<void>((resolve) => {
    node.onReachability(() => {
      if (node.reachability === reach) resolve()
    })
  })
}

/** A relay and two nodes behind it: the left one listens nowhere, and the right one where nobody can dial it. The left knows the right. */
async function startThree(t: TestContext, options: TestNetworkOptions = {}) {
  const relay = await startNetwork(t, { isRelay: true, ...options })
  const left = await startMute(t, [relay], options)
  const port = { listen: ['/ip4/127.0.0.1/tcp/0'], announce: [await closedAddress()] }
  const right = await startMute(t, [relay], { ...options, ...port })
  await Promise.all([learns(left, 'relayed'), learns(right, 'relayed')])
  left.learn(right.peer, right.addresses())
  return { relay, left, right }
}

function inboxOf(node: Network): Inbox<{ readonly from: PeerId; readonly text: string }> {
  const inbox = new Inbox<{ readonly from: PeerId; readonly text: string }>()
  node.onMessage((from, message) => inbox.put({ from, text: Buffer.from(message).toString() }))
  return inbox
}

async function fetched(node: Network, from: PeerId, cids: readonly Cid[]): Promise<Set<Cid>> {
  const got = new Set<Cid>()
  for await (const { cid, bytes } of node.blocks.fetch(from, cids)) if (bytes !== undefined) got.add(cid)
  return got
}

test('two nodes that nobody can dial reach each other through a relay, and say so', {
  timeout,
}, async (t) => {
  const { relay, left, right } = await startThree(t)
  const address = right.addresses().find((text) => text.includes('/p2p-circuit'))
  assert.equal(address, `${relay.addresses()[0]}/p2p-circuit/p2p/${right.peer}`)
  const [atLeft, atRight] = [inboxOf(left), inboxOf(right)]
  await left.send(right.peer, Buffer.from('an offer'))
  assert.equal((await atRight.find(({ from }) => from === left.peer)).text, 'an offer')
  await right.send(left.peer, Buffer.from('its answer'))
  assert.equal((await atLeft.find(({ from }) => from === right.peer)).text, 'its answer')
  assert(left.isRelayed(right.peer) && !left.isRelayed(relay.peer))
  const blocks = testBlocks(4, 10_000)
  left.blocks.serve((cid) => blocks.get(cid))
  assert.deepEqual(await fetched(right, left.peer, [...blocks.keys()]), new Set(blocks.keys()))
  assert.equal(right.reachability, 'relayed', 'whoever comes through a relay did not dial it')
})

test('what is too much for a relay fails with a sentence, and the next connection goes on', {
  timeout,
}, async (t) => {
  const { left, right } = await startThree(t, { bounds: { relayedBytesMax: 3 * MiB } })
  const blocks = testBlocks(5, MiB - 1_000)
  right.blocks.serve((cid) => blocks.get(cid))
  const missing = new Set(blocks.keys())
  const sentences: string[] = []
  while (missing.size > 0) {
    const before = missing.size
    try {
      for await (const { cid } of left.blocks.fetch(right.peer, [...missing])) missing.delete(cid)
    } catch (thrown) {
      sentences.push((thrown as Error).message)
    }
    assert(missing.size < before, 'each connection brings some of it')
  }
  assert(sentences.length > 0)
  for (const sentence of sentences)
    assert.match(sentence, /the relay to \S+ carries 3 MiB for one connection and no more/)
})

test('a host has so many places at a relay, and one that is left is free at once', { timeout }, async (t) => {
  const bounds = { relaySeatsPerHostMax: 1, redialMinMs: 20, redialMaxMs: 50 }
  const relay = await startNetwork(t, { isRelay: true, bounds })
  const first = await startMute(t, [relay], { bounds })
  await learns(first, 'relayed')
  const { log, lines } = logInbox()
  const second = await startMute(t, [relay], { bounds, log })
  await lines.find(({ msg }) => msg.startsWith('a relay has no place for this node'))
  assert.equal(second.reachability, 'outbound')
  await first.stop()
  await learns(second, 'relayed')
})

test('a host may open so many connections through a relay, at a time and in a row', {
  timeout,
}, async (t) => {
  for (const bounds of [{ relayDialsPerHostMax: 1 }, { relayedPerHostMax: 1 }]) {
    const { relay, left, right } = await startThree(t, { bounds })
    const third = await startMute(t, [relay], { bounds })
    await learns(third, 'relayed')
    left.learn(third.peer, third.addresses())
    await left.send(right.peer, new Uint8Array(1))
    await assert.rejects(left.send(third.peer, new Uint8Array(1)), /the relay \S+ did not connect it/)
  }
})

test('a node that nobody can dial finds a place again when its relay is gone', { timeout }, async (t) => {
  const bounds = { redialMinMs: 20, redialMaxMs: 50 }
  const keys = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
  const relays = await Promise.all(
    keys.map((privateKey) => startNetwork(t, { isRelay: true, privateKey, bounds })),
  )
  const node = await startMute(t, relays, { bounds })
  await learns(node, 'relayed')
  const isAt = (relay: Network) => node.addresses()[0]!.includes(relay.peer)
  const [first, other] = isAt(relays[0]!) ? relays : relays.toReversed()
  const listen = first!.addresses().map((address) => address.replace(/\/p2p\/.*/, ''))
  await first!.stop()
  await reaches(node, () => node.reachability === 'relayed' && isAt(other!))
  await startNetwork(t, { isRelay: true, bounds, listen, privateKey: keys[relays.indexOf(first!)]! })
  await other!.stop()
  await reaches(node, () => node.reachability === 'relayed' && isAt(first!))
})

test('a relay through which nobody comes is left for another, each once, and one that passes on is kept', {
  timeout,
}, async (t) => {
  const bounds = { redialMinMs: 20, redialMaxMs: 50, relaySilentMs: 400 }
  const relays = await Promise.all([1, 2].map(() => startNetwork(t, { isRelay: true, bounds })))
  const { log, lines } = logInbox()
  const noticed = new Inbox<string>()
  const notices = new Notices(log)
  notices.tell = ({ kind, about }) => noticed.put(`${kind} ${about}`)
  notices.drop = (kind, about) => noticed.put(`no ${kind} ${about}`)
  const node = await startMute(t, relays, { bounds, log, notices })
  // Nobody comes through either: the second one is asked, and is kept since both were silent then.
  await lines.find(({ msg }) => /nobody came through the relay/.test(msg ?? ''))
  const places = () => lines.items.filter(({ msg }) => /a relay keeps a place for this node/.test(msg ?? ''))
  await lines.until(() => places().length === 2)
  await reaches(node, () => node.reachability === 'relayed')
  assert.notEqual(places()[0]!.msg, places()[1]!.msg)
  const kept = node.addresses()[0]!
  const relay = relays.find(({ peer }) => kept.includes(`${peer}/p2p-circuit`))!.peer
  // Its owner is told of what the node cannot mend, until it is no longer so.
  await noticed.find((one) => one === `relay ${relay}`)
  const caller = await startMute(t, relays, { bounds })
  caller.learn(node.peer, node.addresses())
  await caller.send(node.peer, Buffer.from('hello'))
  await noticed.find((one) => one === `no relay ${relay}`)
  assert.equal(node.addresses()[0], kept)
  assert.equal(places().length, 2)
})

test('a silent relay that is left for one without a place is asked again', { timeout }, async (t) => {
  const bounds = { redialMinMs: 20, redialMaxMs: 50, relaySilentMs: 400 }
  const silent = await startNetwork(t, { isRelay: true, bounds })
  const full = await startNetwork(t, { isRelay: true, bounds: { ...bounds, relaySeatsPerHostMax: 0 } })
  const { log, lines } = logInbox()
  const node = await startMute(t, [silent], { bounds, log })
  await learns(node, 'relayed')
  await node.reach(full.addresses()[0]!)
  const refusals = () => lines.items.filter(({ msg }) => msg.startsWith('a relay has no place for this node'))
  await lines.until(() => refusals().length > 0)
  // Of the two one is asked by lot.
  const inVain = lines
    .until(() => refusals().length > 40)
    .then(() => assert.fail('the full one alone is asked'))
  const isBack = () => node.reachability === 'relayed' && node.addresses()[0]!.includes(silent.peer)
  await Promise.race([reaches(node, isBack), inVain])
})

test('where no neighbour relays, a node that nobody can dial meets others until one does', {
  timeout,
}, async (t) => {
  // A mesh in which one neighbour is enough, so that nothing but the search for a relay makes it dial.
  const bounds = { redialMinMs: 20, redialMaxMs: 50, fullMeshPeersMax: 3, degreeMin: 1, yieldDialMs: 0 }
  const [first, ...others] = await Promise.all(
    [true, false, false, true].map((isRelay) => startNetwork(t, { isRelay, bounds })),
  )
  const node = await startMute(t, [first!], { bounds })
  await learns(node, 'relayed')
  for (const other of others) node.learn(other.peer, other.addresses())
  await first!.stop()
  const last = others.at(-1)!
  await reaches(node, () => node.reachability === 'relayed' && node.addresses()[0]!.includes(last.peer))
})

/** Resolves when this is so, which is looked at when the node is reached in another way. */
function reaches(node: Network, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (holds()) resolve()
    }
    node.onReachability(look)
    look()
  })
}

test('a node that others cannot dial, or that is no relay, keeps no place', { timeout }, async (t) => {
  const mute = await startNetwork(t, { isRelay: true, listen: [] })
  const plain = await startNetwork(t)
  for (const [node, why] of [
    [mute, 'it cannot be dialled itself'],
    [plain, 'it is no relay'],
  ] as const) {
    const guest = await RawPeer.start(t)
    const at = node === mute ? guest.addresses()[0]! : node.addresses()[0]!
    if (node === mute) await node.reach(at)
    else await guest.node.dial(multiaddr(at))
    assert.equal(await reservationOf(await firstOf(guest)), null, why)
  }
})

test('a stranger gets no place at a relay of a closed fleet', { timeout }, async (t) => {
  const pass = new TextEncoder().encode('a member')
  const doorkeeper = {
    fleet: 'fleet' as never,
    meet: async (_: PeerId, line: { send(b: Uint8Array): Promise<void>; receive(): Promise<Uint8Array> }) => {
      await line.send(pass)
      if (Buffer.compare(await line.receive(), pass) !== 0) throw new Error('no member')
    },
  } as never
  const relay = await startNetwork(t, { isRelay: true, doorkeeper })
  const member = await startMute(t, [relay], { doorkeeper })
  await learns(member, 'relayed')
  const stranger = await RawPeer.start(t)
  await assert.rejects(async () => {
    const connection = await stranger.node.dial(multiaddr(relay.addresses()[0]!))
    return reservationOf(connection)
  })
  const { log, lines } = logInbox()
  const outsider = await startMute(t, [relay], { log })
  await lines.find(({ msg }) => msg.startsWith('bootstrap peer unreachable'))
  assert.equal(outsider.reachability, 'outbound')
})

test('only the relay that keeps a place for a node may bring it a connection', { timeout }, async (t) => {
  const { right } = await startThree(t)
  const stranger = await RawPeer.start(t)
  let asked = 0
  await stranger.node.handle(RELAY_V2_HOP_CODEC, () => {
    asked += 1
  })
  await right.reach(stranger.addresses()[0]!)
  const stream = await (await firstOf(stranger)).newStream(RELAY_V2_STOP_CODEC)
  await new RawStream(stream).closed
  assert.equal(asked, 0, 'and the stranger is not asked for a place')
})

test('where somebody says that a relay lives is not dialled', { timeout }, async (t) => {
  let knocks = 0
  const server = createServer((socket) => {
    knocks += 1
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const node = await startNetwork(t)
  const [relay, peer] = [await RawPeer.start(t), await RawPeer.start(t)]
  node.learn(peer.peer, [`/ip4/127.0.0.1/tcp/${port}/p2p/${relay.peer}/p2p-circuit/p2p/${peer.peer}`])
  await assert.rejects(
    node.send(peer.peer, new Uint8Array(1)),
    /the relay \S+ did not connect it: no address/,
  )
  assert.equal(knocks, 0)
})

/** Resolves with its first connection. */
async function firstOf({ node }: RawPeer): Promise<Connection> {
  const opened = once(node, 'connection:open')
  const [connection] = node.getConnections()
  return connection ?? ((await opened)[0] as CustomEvent<Connection>).detail
}

/** Asks for a place as any libp2p node may; answers null where that is refused. */
async function reservationOf(connection: {
  newStream(protocol: string): Promise<unknown>
}): Promise<unknown> {
  const stream = (await connection.newStream(RELAY_V2_HOP_CODEC).catch(() => null)) as {
    send(bytes: Uint8Array): boolean
    addEventListener(type: string, listener: (event: never) => void): void
  } | null
  if (stream === null) return null
  // A message of two bytes: its type, which is RESERVE.
  stream.send(Uint8Array.of(2, 0x08, 0x00))
  const said = await new Promise<Uint8Array>((resolve) => {
    stream.addEventListener('message', (({ data }: { data: { subarray(): Uint8Array } }) =>
      resolve(data.subarray())) as never)
    stream.addEventListener('close', () => resolve(new Uint8Array(0)))
  })
  // The status OK is 100, in field 5.
  return Buffer.from(said).includes(Buffer.of(0x28, 100)) ? said : null
}
