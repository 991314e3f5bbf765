import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { encodeQuestion, questionKind } from '../../src/host/network/block-frames.ts'
import { blocksProtocol } from '../../src/host/network/blocks.ts'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { controlProtocol } from '../../src/host/network/control.ts'
import type { Network } from '../../src/host/network/network.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import {
  cidBytesOf,
  cidOf,
  connected,
  Inbox,
  logInbox,
  RawPeer,
  startNetwork,
  type TestNetworkOptions,
  testBlocks,
  warnLevel,
} from '../support/network.ts'

const timeout = 400_000
const MiB = 1024 * 1024
const gossipProtocol = '/meshsub/1.2.0'

const gigabytePrefix = Uint8Array.from([0x80, 0x80, 0x80, 0x80, 0x04])
const endlessPrefix = new Uint8Array(100).fill(0x80)
const garbage = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7919 + 131) & 0xff)

/** A node with a hostile peer, and a well-behaved one that must get its answers whatever happens. */
async function startVictim(t: TestContext, options: TestNetworkOptions = {}) {
  const { log, lines } = logInbox()
  const victim = await startNetwork(t, { ...options, log })
  const friend = await startNetwork(t)
  const raw = await RawPeer.start(t)
  const [cid, block] = [...testBlocks(1, MiB)][0]!
  const heard = new Inbox<PeerId>()
  victim.onMessage((from) => heard.put(from))
  victim.blocks.serve(() => block)
  const said = new Inbox<string>()
  victim.onGossip((message) => {
    said.put(Buffer.from(message).toString())
    return 'accept'
  })
  friend.learn(victim.peer, victim.addresses())

  let round = 0
  const assertAlive = async () => {
    const before = heard.items.filter((from) => from === friend.peer).length
    await friend.send(victim.peer, Buffer.from('still there?'))
    await heard.until((items) => items.filter((from) => from === friend.peer).length > before)
    for await (const { bytes } of friend.blocks.fetch(victim.peer, [cid]))
      assert.equal(bytes?.byteLength, MiB)
    const text = `round ${round++}`
    await subscribed(friend, victim.peer)
    await friend.publish(Buffer.from(text))
    await said.find((other) => other === text)
  }
  return { victim, raw, lines, heard, assertAlive }
}

function subscribed(network: Network, peer: PeerId): Promise<PeerId> {
  const subscribers = new Inbox<PeerId>()
  network.onSubscriber((subscriber) => subscribers.put(subscriber))
  return subscribers.find((subscriber) => subscriber === peer)
}

for (const protocol of [controlProtocol, blocksProtocol, gossipProtocol]) {
  for (const [name, bytes] of Object.entries({
    'a 1 GiB prefix': gigabytePrefix,
    'an endless prefix': endlessPrefix,
    garbage,
  })) {
    test(`${name} on ${protocol} costs that stream and no memory, and nobody else notices`, {
      timeout,
    }, async (t) => {
      const { victim, raw, lines, assertAlive } = await startVictim(t)
      await assertAlive()
      const before = process.memoryUsage().arrayBuffers
      const stream = await raw.open(victim, protocol)
      stream.send(bytes)
      if (protocol !== gossipProtocol) {
        await stream.closed
        await lines.find(({ level, code }) => level === warnLevel && code === 'malformed')
      }
      assert.ok(process.memoryUsage().arrayBuffers - before < 64 * MiB)
      await assertAlive()
    })
  }
}

for (const protocol of ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0'])
  for (const [name, bytes] of Object.entries({ 'a 1 GiB prefix': gigabytePrefix, garbage }))
    test(`${name} on libp2p’s own ${protocol} costs no memory, and nobody else notices`, {
      timeout,
    }, async (t) => {
      const { victim, raw, assertAlive } = await startVictim(t)
      await assertAlive()
      const before = process.memoryUsage().arrayBuffers
      for (let sent = 0, opened = 0; sent === 0 || opened < 20; opened += 1)
        try {
          if ((await raw.open(victim, protocol)).send(bytes)) sent += 1
        } catch (error) {
          // The victim has one or two streams of this protocol at a time, and resets the others.
          assert.equal((error as Error).name, 'StreamResetError')
        }
      await assertAlive()
      assert.ok(process.memoryUsage().arrayBuffers - before < 64 * MiB)
    })

/** Sockets from another host, as far as this machine has one, that are opened and say nothing; and the end of each. */
function silentSockets(t: TestContext, victim: Network, count: number) {
  const [, , host, , port] = victim.addresses()[0]!.split('/')
  const sockets = Array.from({ length: count }, () =>
    connect({ host: host!, port: Number(port), localAddress: '127.0.0.2' }),
  )
  t.after(() => sockets.map((socket) => socket.destroy()))
  const ended = new Inbox<Socket>()
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.on('close', () => ended.put(socket))
  }
  return ended
}

test('a host whose sockets say nothing keeps nobody else out', { timeout }, async (t) => {
  const victim = await startNetwork(t, { bounds: { handshakeTimeoutMs: defaultBounds.silentMs } })
  const ended = silentSockets(t, victim, 200)
  await ended.until((sockets) => sockets.length === 200 - defaultBounds.pendingPerHostMax)
  const friend = await startNetwork(t)
  friend.learn(victim.peer, victim.addresses())
  await friend.send(victim.peer, Buffer.from('hello'))
})

test('who does not shake hands is put out', { timeout }, async (t) => {
  const victim = await startNetwork(t, { bounds: { handshakeTimeoutMs: 200 } })
  const ended = silentSockets(t, victim, 20)
  await ended.until((sockets) => sockets.length === 20)
})

for (const protocol of [controlProtocol, blocksProtocol, gossipProtocol]) {
  test(`an endless stream of tiny frames on ${protocol} starves nobody`, { timeout }, async (t) => {
    const { victim, raw, assertAlive } = await startVictim(t)
    const stream = await raw.open(victim, protocol)
    const flooding = stream.flood(new Uint8Array(1000))
    await assertAlive()
    await assertAlive()
    await raw.node.stop()
    await flooding
    await assertAlive()
  })
}

test('a frame that never ends holds its own length of memory, and nobody up', { timeout }, async (t) => {
  const { victim, raw, assertAlive } = await startVictim(t)
  const stream = await raw.open(victim, controlProtocol)
  stream.send(Uint8Array.from([0xff, 0xff, 0x3f, 1, 2, 3]))
  await assertAlive()
  await raw.node.stop()
  await assertAlive()
})

test('of a peer that opens stream upon stream, the newest is served and the others are reset', {
  timeout,
}, async (t) => {
  const { victim, raw, heard, assertAlive } = await startVictim(t)
  for (const protocol of [controlProtocol, blocksProtocol]) {
    const streams = []
    for (let count = 0; count < 1_000; count++) streams.push(await raw.open(victim, protocol))
    await Promise.all(streams.slice(0, -1).map(({ closed }) => closed))
    if (protocol === controlProtocol) streams.at(-1)!.send(Uint8Array.from([1, 42]))
    else streams.at(-1)!.send(encodeQuestion(questionKind.have, 0, [cidBytesOf(new Uint8Array(1))]))
    if (protocol === controlProtocol) await heard.find((from) => from === raw.peer)
    else await streams.at(-1)!.received.until((items) => items.length > 0)
  }
  await assertAlive()
})

test('a peer that asks for blocks and does not read them is reset, having cost a few blocks', {
  timeout,
}, async (t) => {
  const { victim, raw, lines, assertAlive } = await startVictim(t, { bounds: { stallTimeoutMs: 3_000 } })
  const stream = await raw.open(victim, blocksProtocol)
  stream.stream.pause()
  const cids = Array.from({ length: 500 }, () => cidBytesOf(new Uint8Array(1)))
  stream.send(encodeQuestion(questionKind.blocks, 0, cids))
  await lines.find(({ code }) => code === 'stalled')
  await assertAlive()
})

test('questions that are none are reset by name', { timeout }, async (t) => {
  const { victim, raw, lines, assertAlive } = await startVictim(t)
  const cid = cidBytesOf(new Uint8Array(1))
  const sha512 = Uint8Array.from(cid).fill(0x13, 2, 3)
  const questions = [
    encodeQuestion(questionKind.blocks, 0, []),
    encodeQuestion(9, 0, [cid]),
    encodeQuestion(questionKind.blocks, 0xffff_ffff, [cid, cid]),
    encodeQuestion(questionKind.have, 0, [sha512]),
    encodeQuestion(questionKind.blocks, 0, [sha512]),
    encodeQuestion(questionKind.have, 0, Array(600).fill(cid)),
    encodeQuestion(questionKind.have, 0, [cid.subarray(1)]),
  ]
  for (const [index, question] of questions.entries()) {
    const stream = await raw.open(victim, blocksProtocol)
    stream.send(question)
    stream.send(new Uint8Array(100))
    await stream.closed
    await lines.until((items) => items.filter(({ code }) => code === 'malformed').length === index + 1)
  }
  await assertAlive()
})

test('answers that nobody asked for, or that answer nothing, fail the fetch and not the node', {
  timeout,
}, async (t) => {
  const { victim, assertAlive } = await startVictim(t)
  const cid = cidOf(new Uint8Array(1))
  const answers = {
    'another id': Uint8Array.from([5, 2, 0, 0, 0, 9]),
    'another kind': Uint8Array.from([5, 7, 0, 0, 0, 0]),
    'the kind of another question': Uint8Array.from([6, 3, 0, 0, 0, 0, 1]),
    'missing, with a body': Uint8Array.from([6, 2, 0, 0, 0, 0, 1]),
    'half a header': Uint8Array.from([3, 1, 0, 0]),
    'a gigabyte': gigabytePrefix,
    garbage,
  }
  for (const [name, answer] of Object.entries(answers)) {
    const server = await RawPeer.start(t)
    await server.handle(blocksProtocol, (stream) => void stream.send(answer))
    victim.learn(server.peer, server.addresses())
    await assert.rejects(victim.blocks.fetch(server.peer, [cid]).next(), { code: 'malformed' }, name)
  }
  await assertAlive()
})

test('a peer that takes our stream and drops it at once makes send reject, never crash', {
  timeout,
}, async (t) => {
  const { victim, assertAlive } = await startVictim(t)
  const server = await RawPeer.start(t)
  await server.handle(controlProtocol, (stream) => stream.stream.abort(new Error('no')))
  victim.learn(server.peer, server.addresses())
  let refused: { code?: string } | undefined
  while (refused === undefined) {
    await victim.send(server.peer, new Uint8Array(1000)).catch((error) => {
      refused = error
    })
  }
  assert.equal(refused.code, 'closed')
  await assertAlive()
})

test('an oversized gossip message that somebody forces through is not passed on', { timeout }, async (t) => {
  const { victim, assertAlive } = await startVictim(t)
  const loud = await startNetwork(t, {
    bootstrap: victim.addresses(),
    bounds: { gossipMessageBytesMax: 16 * 1024 },
  })
  await subscribed(loud, victim.peer)
  await loud.publish(new Uint8Array(8 * 1024))
  await assertAlive()
})

test('a full node whose peers say nothing takes in a newcomer, and ends who has been silent longest', {
  timeout,
}, async (t) => {
  let nowMs = 0
  const bounds = {
    connectionsMax: 8,
    connectionsPerHostMax: 7,
    reservedConnections: 2,
    knownPerHostMax: 2,
    fullMeshPeersMax: 3,
    degreeMin: 2,
  }
  const victim = await startNetwork(t, { bounds: { ...bounds, silentPerHostMax: 6 }, now: () => nowMs })
  const connect = async () => {
    const raw = await RawPeer.start(t, { isSilent: true })
    const connection = await raw.node.dial(multiaddr(victim.addresses()[0]!))
    const ended = new Promise((resolve) => connection.addEventListener('close', resolve, { once: true }))
    await connected(victim, raw.peer)
    nowMs += 1
    return { raw, ended }
  }
  const silent = []
  for (let i = 0; i < 6; i += 1) silent.push(await connect())
  nowMs += defaultBounds.silentMs
  const newcomer = await startNetwork(t, { bootstrap: victim.addresses() })
  await Promise.all([connected(victim, newcomer.peer), silent[0]!.ended])
  const peers = victim.connectedPeers()
  for (const { raw } of silent.slice(1)) assert(peers.includes(raw.peer))
  await newcomer.send(victim.peer, Buffer.from('hello'))
})
