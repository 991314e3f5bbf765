import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { pipeline } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { dnsAddressesMax, resolveAddress } from '../../src/host/network/dnsaddr.ts'
import { heardPerMinuteMax, perMinute } from '../../src/host/network/lan.ts'
import { Notices } from '../../src/host/notices.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { connected, logInbox, startNetwork } from '../support/network.ts'
import { freeUdpPort } from '../support/ports.ts'

/** The port of a server that lives as long as its test. */
async function serving(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy())
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Without a network there is nobody to find on it. */
const hasNetwork = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .some(({ internal, family }) => !internal && family === 'IPv4')

test('two nodes of a mesh on one local network find each other, and one of another mesh does not', {
  skip: hasNetwork ? false : 'this machine has no network',
}, async (t) => {
  const lan = { port: await freeUdpPort() }
  const stranger = await startNetwork(t, { lan, listen: ['/ip4/0.0.0.0/tcp/0'], gossipScope: 'another' })
  const first = await startNetwork(t, { lan, listen: ['/ip4/0.0.0.0/tcp/0'] })
  const second = await startNetwork(t, { lan, listen: ['/ip4/0.0.0.0/tcp/0'] })
  await connected(first, second.peer)
  // It has had time to hear of them once it has found one of its own.
  const own = await startNetwork(t, { lan, listen: ['/ip4/0.0.0.0/tcp/0'], gossipScope: 'another' })
  await connected(stranger, own.peer)
  assert.deepEqual(stranger.connectedPeers(), [own.peer])
  assert.deepEqual(first.connectedPeers(), [second.peer])
})

test('two nodes under one identity that know nobody else find each other on the local network, and both are told', {
  skip: hasNetwork ? false : 'this machine has no network',
}, async (t) => {
  const lan = { port: await freeUdpPort() }
  const privateKey = await generateKeyPair('Ed25519')
  const told = [logInbox(), logInbox()]
  for (const { log } of told)
    await startNetwork(t, { privateKey, lan, listen: ['/ip4/0.0.0.0/tcp/0'], log, notices: new Notices(log) })
  for (const { lines } of told)
    await lines.find(({ msg }) => /another node runs under the identity/.test(msg))
})

test('whoever makes up names on the local network is heard some times a minute', () => {
  let nowMs = 0
  const mayHear = perMinute(heardPerMinuteMax, () => nowMs)
  const heard = () => Array.from({ length: 1_000 }, mayHear).filter(Boolean).length
  assert.equal(heard(), heardPerMinuteMax)
  nowMs += 60_000
  assert.equal(heard(), heardPerMinuteMax)
})

test('a domain stands for the bootstrap peers that it names', async (t: TestContext) => {
  const first = await startNetwork(t)
  const asked: string[] = []
  const resolveTxt = async (name: string) => {
    asked.push(name)
    // The first is somebody who is not there.
    return [
      [`dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/${SigningKey.generate().peerId}`],
      ['dnsaddr=', first.addresses()[0]!],
    ]
  }
  const second = await startNetwork(t, { bootstrap: ['/dnsaddr/mesh.example'], resolveTxt })
  await connected(second, first.peer)
  assert.deepEqual(asked, ['_dnsaddr.mesh.example'])
})

test('an address of a domain at which somebody is silent holds up none of the others', async (t: TestContext) => {
  const first = await startNetwork(t)
  const reached = Promise.withResolvers<void>()
  const port = await serving(t, () => reached.resolve())
  const second = await startNetwork(t, {
    bootstrap: ['/dnsaddr/mesh.example'],
    resolveTxt: async () => [
      [`dnsaddr=/ip4/127.0.0.1/tcp/${port}/p2p/${SigningKey.generate().peerId}`],
      [`dnsaddr=${first.addresses()[0]!}`],
    ],
    // Nobody gives the silent one up within this test.
    bounds: { dialTimeoutMs: 300_000 },
  })
  await reached.promise
  await connected(second, first.peer)
})

test('two addresses of one peer, of which the first is slow, are one connection, which stays', async (t: TestContext) => {
  const first = await startNetwork(t)
  const [own] = first.addresses()
  const home = Number(/tcp\/(\d+)/.exec(own!)![1])
  // For longer than the second address waits for the first.
  const port = await serving(t, (socket) =>
    setTimeout(() => pipeline(socket, connect(home, '127.0.0.1'), socket, () => {}), 1_500),
  )
  const second = await startNetwork(t, {
    bootstrap: ['/dnsaddr/mesh.example'],
    resolveTxt: async () => [
      [`dnsaddr=/ip4/127.0.0.1/tcp/${port}/p2p/${first.peer}`],
      [`dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/${first.peer}`],
    ],
  })
  const events: string[] = []
  second.onPeer(({ type }) => events.push(type))
  await connected(second, first.peer)
  for (let i = 0; i < 100; i += 1) await setImmediate()
  assert.deepEqual(events, ['connected'])
})

test('a domain leads to a bounded number of addresses, through a few others, and is named when it leads nowhere', async () => {
  const { peerId } = SigningKey.generate()
  const records: Record<string, string[]> = {
    '_dnsaddr.many.example': Array.from({ length: 99 }, (_, i) => `dnsaddr=/ip4/192.0.2.1/tcp/${i + 1}`),
    '_dnsaddr.round.example': ['dnsaddr=/dnsaddr/round.example', 'dnsaddr=/ip4/192.0.2.1/tcp/1'],
    '_dnsaddr.empty.example': ['something else', 'dnsaddr=nonsense', 'dnsaddr=/ip4/192.0.2.1/udp/1/quic-v1'],
    '_dnsaddr.two.example': [`dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/${peerId}`, 'dnsaddr=/ip4/192.0.2.2/tcp/1'],
  }
  const resolve = async (name: string) => (records[name] ?? []).map((text) => [text])
  const found = async (text: string) => (await resolveAddress(multiaddr(text), resolve)).map(String)
  assert.equal((await found('/dnsaddr/many.example')).length, dnsAddressesMax)
  assert.deepEqual([...new Set(await found('/dnsaddr/round.example'))], ['/ip4/192.0.2.1/tcp/1'])
  assert.deepEqual(await found(`/dnsaddr/two.example/p2p/${peerId}`), [`/ip4/192.0.2.1/tcp/1/p2p/${peerId}`])
  await assert.rejects(found('/dnsaddr/empty.example'), /_dnsaddr\.empty\.example name no TCP address/)
  assert.deepEqual(await found('/ip4/192.0.2.9/tcp/9'), ['/ip4/192.0.2.9/tcp/9'])
})
