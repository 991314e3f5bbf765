import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { xsalsa20 } from '@noble/ciphers/salsa.js'
import fc from 'fast-check'
import { createLibp2p } from 'libp2p'
import { KeyStream } from '../../src/host/network/key-stream.ts'
import { behindKey, makeMeshKey, parseMeshKey } from '../../src/host/network/mesh-key.ts'
import type { Network } from '../../src/host/network/network.ts'
import { Notices } from '../../src/host/notices.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import { connected, Inbox, logInbox, startNetwork, testBlocks } from '../support/network.ts'

const MiB = 2 ** 20
const seed = Number(process.env.CARPOOL_SEED ?? Date.now() & 0x7fffffff)

test('the key stream is XSalsa20, however its bytes are cut', (t) => {
  t.diagnostic(`seed ${seed}; repeat with CARPOOL_SEED=${seed}`)
  const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  fc.assert(
    fc.property(
      bytesOf(32),
      bytesOf(24),
      fc.array(fc.nat(9_000), { maxLength: 12 }),
      (key, nonce, lengths) => {
        const total = lengths.reduce((sum, length) => sum + length, 0)
        const plain = new Uint8Array(total).map((_, i) => i)
        const stream = new KeyStream(Buffer.from(key), Buffer.from(nonce))
        const cut = new Uint8Array(total)
        let at = 0
        for (const length of lengths) {
          stream.xor(plain.subarray(at, at + length), cut, at)
          at += length
        }
        assert.deepEqual(cut, xsalsa20(key, nonce, plain))
      },
    ),
    { seed, numRuns: 100 },
  )
})

test('a key stream ends before its counter begins anew', () => {
  const stream = new KeyStream(new Uint8Array(32), new Uint8Array(24), 2 ** 32 - 64)
  const one = new Uint8Array(1)
  assert.throws(() => stream.xor(one, one), /256 GiB/)
})

test('a file that is no mesh key is named', () => {
  assert.equal(parseMeshKey(makeMeshKey()).byteLength, 32)
  const windows = new TextDecoder().decode(makeMeshKey()).replaceAll('\n', '\r\n')
  assert.equal(parseMeshKey(new TextEncoder().encode(`${windows}\r\n`)).byteLength, 32)
  for (const text of [
    '',
    'hello',
    '/key/swarm/psk/1.0.0/\n/base16/\nabc',
    '/key/swarm/psk/1.0.0/\n/base64/\n',
  ])
    assert.throws(() => parseMeshKey(new TextEncoder().encode(text)), /the mesh key is not one: .*fleet init/)
})

/** The beginning of everything that libp2p says. */
const firstWords = new TextEncoder().encode('\x13/multistream/1.0.0\n')

/** Two ends of a connection under one mesh key. */
async function protectedPair() {
  const key = parseMeshKey(makeMeshKey())
  const [outbound, inbound] = multiaddrConnectionPair()
  const protector = behindKey(key, () => {})()
  const ends = await Promise.all([protector.protect(outbound), protector.protect(inbound)])
  const arrived = ends.map(() => new Inbox<Uint8Array>())
  ends.forEach((end, i) => {
    end.addEventListener('message', ({ data }) => arrived[i]!.put(data.subarray()))
    end.send(firstWords)
  })
  for (const inbox of arrived) {
    await inbox.until((parts) => totalOf(parts) === firstWords.byteLength)
    inbox.items.length = 0
  }
  return { ends, arrived } as const
}

test('connections that take turns carry what was sent, after reads of every size up to 4 MiB', async () => {
  const pairs = await Promise.all(Array.from({ length: 4 }, protectedPair))
  const sizes = [100, 64, 63, 1, 70_000, 655_359, 655_360, 700_000, MiB, 4 * MiB, 4_096, 4_097, 3 * MiB]
  for (const [round, size] of sizes.entries()) for (const pair of pairs) await carry(pair, size, round)
  // A cipher that shares its memory with others asks for more of it in each of these.
  for (let round = 0; round < 1_000; round++) for (const pair of pairs) await carry(pair, 100, round)
})

/** Sends so many bytes both ways, and compares. */
async function carry(
  { ends, arrived }: Awaited<ReturnType<typeof protectedPair>>,
  size: number,
  round: number,
) {
  const data = new Uint8Array(size).map((_, at) => at + round)
  for (const end of ends) end.send(data)
  for (const inbox of arrived) {
    await inbox.until((parts) => totalOf(parts) >= size)
    assert(Buffer.concat(inbox.items).equals(data), `${size} bytes in round ${round}`)
    inbox.items.length = 0
  }
}

function totalOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

test('three nodes behind a key exchange blocks of 1 MiB in all directions at once', async (t) => {
  const meshKey = makeMeshKey()
  const first = await startNetwork(t, { meshKey })
  const others = await Promise.all(
    [1, 2].map(() => startNetwork(t, { meshKey, bootstrap: first.addresses() })),
  )
  const all = [first, ...others]
  await Promise.all(others.map(({ peer }) => connected(first, peer)))
  const blocks = testBlocks(16, MiB)
  for (const node of all) node.blocks.serve((cid) => blocks.get(cid))
  const fetched = others.flatMap((other) => [
    countFetched(first, other, blocks),
    countFetched(other, first, blocks),
  ])
  assert.deepEqual(await Promise.all(fetched), [16, 16, 16, 16])
})

async function countFetched(by: Network, from: Network, blocks: ReadonlyMap<Cid, unknown>): Promise<number> {
  let count = 0
  for await (const { bytes } of by.blocks.fetch(from.peer, [...blocks.keys()]))
    count += bytes === undefined ? 0 : 1
  return count
}

test('a node that uses libp2p’s own private network can talk with one of ours, both ways', async (t) => {
  const meshKey = makeMeshKey()
  const ours = await startNetwork(t, { meshKey })
  const theirs = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionProtector: preSharedKey({ psk: meshKey }),
  })
  t.after(() => theirs.stop())
  await theirs.dial(multiaddr(ours.addresses()[0]!))
  await theirs.hangUp(theirs.getPeers()[0]!)
  await ours.reach(String(theirs.getMultiaddrs()[0]))
})

/** Nodes with these keys: the second dials the first. Resolves with what each is told. */
async function strangers(t: TestContext, keys: readonly (Uint8Array | undefined)[]) {
  const nodes = await Promise.all(
    keys.map(async (meshKey) => {
      const { log, lines } = logInbox()
      const notices = new Notices(log)
      const network = await startNetwork(t, { ...(meshKey === undefined ? {} : { meshKey }), log, notices })
      return { network, lines, notices }
    }),
  )
  const [called, caller] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
  const failure = await caller.network.reach(called.network.addresses()[0]!).then(
    () => 'reached',
    (thrown: Error) => thrown.message,
  )
  const line = await called.lines.find(({ msg }) => /was not let in/.test(msg))
  assert.deepEqual(
    called.notices.list().map(({ kind, about }) => [kind, about]),
    [['mesh-key', '127.0.0.1']],
  )
  return { failure, told: line.msg }
}

test('two different mesh keys are named on both sides', async (t) => {
  const { failure, told } = await strangers(t, [makeMeshKey(), makeMeshKey()])
  assert.match(
    failure,
    /its mesh key is another: both nodes must be started with --mesh-key and the same file/,
  )
  assert.match(told, /127\.0\.0\.1 was not let in: its mesh key is another/)
})

test('a node that lacks the mesh key is told so, and so is the node that it calls', async (t) => {
  const { failure, told } = await strangers(t, [makeMeshKey(), undefined])
  assert.match(
    failure,
    /it has a mesh key, and this node has none: this node must be started with --mesh-key/,
  )
  assert.match(told, /it has no mesh key, and this node has one: that node must be started with --mesh-key/)
})

test('a node with a mesh key in an open mesh is told so, and so is the node that it calls', async (t) => {
  const { failure, told } = await strangers(t, [undefined, makeMeshKey()])
  assert.match(failure, /it has no mesh key, and this node has one/)
  assert.match(told, /it has a mesh key, and this node has none/)
})

test('a node shows in what it tells its owner that a bootstrap peer is out of reach, and why, until it is reached', async (t) => {
  const called = await startNetwork(t, { meshKey: makeMeshKey() })
  const { log, lines } = logInbox()
  const notices = new Notices(log)
  const bootstrap = called.addresses()
  await startNetwork(t, { meshKey: makeMeshKey(), bootstrap, log, notices })
  await lines.find(({ msg }) =>
    /bootstrap peer unreachable, will keep trying: .*its mesh key is another/.test(msg),
  )
  assert.deepEqual(
    notices.list().map(({ kind, about }) => [kind, about]),
    [['bootstrap', bootstrap[0]]],
  )
})

test('who has no mesh key holds a place for a moment and little memory, and keeps nobody out, whatever it says first', async (t) => {
  const meshKey = makeMeshKey()
  const victim = await startNetwork(t, { meshKey, bounds: { handshakeTimeoutMs: 1_000 } })
  const friend = await startNetwork(t, { meshKey })
  const address = multiaddr(victim.addresses()[0]!).getComponents()
  const port = Number(address.find(({ name }) => name === 'tcp')!.value)
  const nothing = new Uint8Array()
  const noise = new Uint8Array(MiB).map((_, i) => (i * 7919) & 0xff)
  const words = [nothing, noise.subarray(0, 23), noise.subarray(0, 24), firstWords, noise]
  const closed = new Inbox<number>()
  const before = process.memoryUsage()
  const sockets = Array.from({ length: 100 }, (_, i) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
    const word = words[i % words.length]!
    socket.on('error', () => {})
    socket.on('close', () => closed.put(i))
    // Whoever talks goes on, as long as somebody reads.
    const say = () => {
      while (word === noise && !socket.destroyed && socket.write(word));
    }
    socket.on('connect', () => (word === noise ? say() : socket.write(word)))
    socket.on('drain', say)
    return socket
  })
  t.after(() => sockets.map((socket) => socket.destroy()))
  friend.learn(victim.peer, victim.addresses())
  const heard = new Inbox<string>()
  victim.onMessage((_, message) => heard.put(Buffer.from(message).toString()))
  await friend.send(victim.peer, Buffer.from('hello'))
  await heard.find((text) => text === 'hello')
  await closed.until((all) => all.length === sockets.length)
  const after = process.memoryUsage()
  assert(
    after.arrayBuffers - before.arrayBuffers < 64 * MiB,
    `${after.arrayBuffers - before.arrayBuffers} bytes`,
  )
})
