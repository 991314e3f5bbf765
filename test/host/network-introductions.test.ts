import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import {
  type BookShelf,
  bookOf,
  bookPeersMax,
  bookPeersPerHostMax,
} from '../../src/host/network/address-book.ts'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { introducedMax, lettingGo } from '../../src/host/network/introductions.ts'
import { Neighbours } from '../../src/host/network/neighbours.ts'
import type { Network } from '../../src/host/network/network.ts'
import { Reach } from '../../src/host/network/reach.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { connected, Inbox, logInbox, RawPeer, startNetwork } from '../support/network.ts'

/** Small, so that a mesh of some nodes is a large one. */
const small = { fullMeshPeersMax: 3, degreeMin: 3 }

/** Resolves when this is so, which is looked at after each change of a connection. */
async function until(network: Network, holds: () => boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    network.onPeer(() => {
      if (holds()) resolve()
    })
  })
}

test('a newcomer is introduced to others, and hangs up on its bootstrap peer once it has enough', async (t) => {
  const hub = await startNetwork(t, { bounds: small })
  const bootstrap = hub.addresses()
  for (let i = 0; i < 6; i++) await connected(hub, (await startNetwork(t, { bounds: small, bootstrap })).peer)
  const newcomer = await startNetwork(t, { bounds: small, bootstrap })
  await until(newcomer, () => newcomer.connectedPeers().includes(hub.peer))
  await until(newcomer, () => !newcomer.connectedPeers().includes(hub.peer))
  // It tops up from the others.
  await until(newcomer, () => newcomer.connectedPeers().length >= small.degreeMin)
})

/** A shelf in memory. */
function shelf(): BookShelf & { text: string | null } {
  return {
    text: null,
    read() {
      return this.text
    },
    write(text) {
      this.text = text
    },
  }
}

async function metBefore(t: TestContext) {
  const bookShelf = shelf()
  const other = await startNetwork(t)
  const before = await startNetwork(t, { bootstrap: other.addresses(), bookShelf })
  await connected(before, other.peer)
  await until(other, () => other.connectedPeers().length === 1)
  // It says where it is once both have introduced themselves.
  await before.send(other.peer, new Uint8Array(1))
  return { bookShelf, other, before }
}

test('a node finds the mesh again where it met others, without any bootstrap peer', async (t) => {
  const { bookShelf, other, before } = await metBefore(t)
  await before.stop()
  assert.match(bookShelf.text ?? '', new RegExp(other.peer))
  const after = await startNetwork(t, { bookShelf })
  await connected(after, other.peer)
})

test('those that somebody told of and that do not answer are forgotten', async (t) => {
  const bookShelf = shelf()
  const nobody = Array.from({ length: 3 }, (_, i) => ({
    peer: SigningKey.generate().peerId,
    addresses: [`/ip4/127.0.0.1/tcp/${i + 1}`],
  }))
  bookShelf.text = JSON.stringify(nobody)
  const { log, lines } = logInbox()
  const bounds = { redialMinMs: 1, redialMaxMs: 1, dialFailuresMax: 2 }
  const node = await startNetwork(t, { bookShelf, log, bounds })
  await lines.until((items) => items.filter((line) => 'isGivenUp' in line && line.isGivenUp).length === 3)
  for (const { peer } of nobody)
    await assert.rejects(node.send(peer, new Uint8Array(1)), /no address of it is known/)
})

test('of peers that nobody met so many are remembered and no more', async () => {
  const node = await createLibp2p({ start: false })
  const bounds = { ...defaultBounds, degreeMin: 0, fullMeshPeersMax: 0 }
  const neighbours = new Neighbours(node, [], new Reach(() => false), bounds, logInbox().log)
  for (let i = 0; i < 200; i++)
    neighbours.hear([{ peer: SigningKey.generate().peerId, addresses: [`/ip4/8.8.8.8/tcp/${i + 1}`] }])
  assert.equal(neighbours.count, 64)
  neighbours.stop()
})

test('a book that cannot be read begins anew', async (t) => {
  for (const text of ['{', '[{"peer":1}]', '[{"peer":"x","addresses":["/ip4/127.0.0.1/tcp/1"]}]']) {
    const bookShelf = { read: () => text, write() {} }
    const { peer } = await startNetwork(t, { bookShelf })
    assert(peer)
  }
})

test('a book has a bound, few peers of one host, and each peer once', () => {
  const peers = Array.from({ length: 200 }, () => SigningKey.generate().peerId)
  const at = (host: (i: number) => string) =>
    peers.map((peer, i) => ({ peer, addresses: [`/ip4/${host(i)}/tcp/4001`] }))
  const apart = at((i) => `8.8.${i}.1`)
  assert.equal(bookOf([...apart, ...apart]).length, bookPeersMax)
  assert.deepEqual(bookOf(apart)[0], apart[0])
  assert.equal(bookOf(at(() => '8.8.8.8')).length, bookPeersPerHostMax)
  assert.deepEqual(bookOf([{ peer: peers[0]!, addresses: ['/dns4/x/udp/1', 'nonsense'] }]), [])
})

test('ten thousand nodes start through one bootstrap peer, which never has more guests than it has room for', () => {
  const { guestMsMin, degreeMin, knownPeersMax, connectionsMax, reservedConnections } = defaultBounds
  const arrivals = 10_000
  const everyMs = 100
  const room = connectionsMax - reservedConnections
  const random = mulberry(7)
  const edges: number[][] = []
  let guests: { id: number; sinceMs: number; isBusy: boolean }[] = []
  const known: number[] = []
  let most = 0
  for (let id = 0; id < arrivals; id++) {
    const nowMs = id * everyMs
    // Every third newcomer never hangs up by itself; the others find what they were told of within five seconds.
    guests = guests.filter((guest) => guest.id % 3 === 0 || nowMs - guest.sinceMs < 5_000)
    if (nowMs % 5_000 === 0) {
      const gone = new Set(lettingGo(guests, guests.length, nowMs, { connectionsMax, guestMsMin }))
      guests = guests.filter((guest) => !gone.has(guest))
    }
    assert(guests.length < room, `no room for newcomer ${id}`)
    const some = Array.from({ length: introducedMax }, () => known[Math.floor(random() * known.length)]!)
    edges.push([...new Set(some)].filter((other) => other !== undefined).slice(0, degreeMin))
    guests.push({ id, sinceMs: nowMs, isBusy: false })
    known.push(id)
    if (known.length > knownPeersMax) known.shift()
    most = Math.max(most, guests.length)
  }
  assert(most <= room)
  assert.equal(reachable(edges, arrivals), arrivals, 'they are one mesh without the bootstrap peer')
})

test('a node with many guests lets those go that it has introduced, and keeps those that asked for nothing', async (t) => {
  const bounds = {
    ...small,
    connectionsMax: 8,
    reservedConnections: 1,
    knownPerHostMax: 2,
    silentPerHostMax: 7,
    connectionsPerHostMax: 7,
    guestMsMin: 0,
  }
  const hub = await startNetwork(t, { bounds })
  const guests = await Promise.all(Array.from({ length: 6 }, () => RawPeer.start(t)))
  const staying = guests[0]!
  await staying.node.dial(multiaddr(hub.addresses()[0]!))
  const gone = new Inbox<PeerId>()
  hub.onPeer(({ type, peer }) => {
    if (type === 'disconnected') gone.put(peer)
  })
  const asked = guests.slice(1)
  const streams = await Promise.all(asked.map((guest) => guest.open(hub, '/carpool/introduction/1')))
  // Each is told of some others.
  await Promise.all(streams.map(({ received }) => received.until((parts) => parts.length > 0)))
  await gone.until((peers) => peers.length === 2)
  assert(gone.items.every((peer) => asked.some((guest) => guest.peer === peer)))
  assert(hub.connectedPeers().includes(staying.peer))
})

test('whoever is in use, or has only just come, is not let go', () => {
  const bounds = { connectionsMax: 2, guestMsMin: 100 }
  const guests = [
    { name: 'old', sinceMs: 0, isBusy: false },
    { name: 'busy', sinceMs: 0, isBusy: true },
    { name: 'newer', sinceMs: 50, isBusy: false },
    { name: 'new', sinceMs: 180, isBusy: false },
  ]
  const names = (open: number) => lettingGo(guests, open, 200, bounds).map(({ name }) => name)
  assert.deepEqual([names(1), names(2), names(9)], [[], ['old'], ['old', 'newer']])
})

function reachable(edges: readonly (readonly number[])[], count: number): number {
  const ways = edges.map((others) => [...others])
  for (const [id, others] of edges.entries()) for (const other of others) ways[other]!.push(id)
  // The first knew nobody: its own edges are those of the others.
  const seen = new Set([0])
  for (const id of seen) for (const other of ways[id]!) seen.add(other)
  assert(seen.size <= count)
  return seen.size
}

/** A small generator of numbers from 0 to 1, always the same for a seed. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
