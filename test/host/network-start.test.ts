import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkBounds, defaultBounds } from '../../src/host/network/bounds.ts'
import { startNetwork, startPair } from '../support/network.ts'

const timeout = 400_000

test('an address in use is said in one sentence that names it', { timeout }, async (t) => {
  const first = await startNetwork(t)
  const [address] = first.addresses().map((text) => text.replace(/[/]p2p.*/, ''))
  await assert.rejects(startNetwork(t, { listen: [address!] }), {
    message: `cannot listen on ${address}: the address is in use`,
  })
})

test('an address that this machine has not is said in one sentence', { timeout }, async (t) => {
  const address = '/ip4/192.0.2.1/tcp/0'
  await assert.rejects(startNetwork(t, { listen: [address] }), {
    message: `cannot listen on ${address}: this machine has no such address`,
  })
})

test('what is no multiaddr is named, whether to listen on, to announce or to bootstrap from', {
  timeout,
}, async (t) => {
  for (const text of ['127.0.0.1:4001', '', '/ip4/127.0.0.1/udp/4001', '/ip4/1.2.3/tcp/1']) {
    const named = new RegExp(`^Error: ${JSON.stringify(text).replaceAll('.', '[.]')} is no`)
    await assert.rejects(startNetwork(t, { listen: [text] }), named)
    await assert.rejects(startNetwork(t, { announce: [text] }), named)
    await assert.rejects(startNetwork(t, { bootstrap: [text] }), named)
  }
})

test('addresses() can be dialled, and end in the peer', { timeout }, async (t) => {
  const node = await startNetwork(t)
  assert.ok(node.addresses().length > 0)
  for (const address of node.addresses())
    assert.match(address, new RegExp(`^/ip4/127[.]0[.]0[.]1/tcp/[0-9]+/p2p/${node.peer}$`))
})

test('a node that announces addresses tells those, and not where it listens', { timeout }, async (t) => {
  const announce = ['/dns4/car.example/tcp/4001', '/ip4/192.0.2.1/tcp/4001']
  const node = await startNetwork(t, { announce })
  assert.deepEqual(
    node.addresses(),
    announce.map((address) => `${address}/p2p/${node.peer}`),
  )
})

test('the default bounds do not contradict each other, and bounds that do stop the start', {
  timeout,
}, async (t) => {
  checkBounds(defaultBounds)
  await assert.rejects(startNetwork(t, { bounds: { blockWindowBytes: 1 } }), /a block fits the window/)
})

test('stopping twice is stopping once', { timeout }, async (t) => {
  const { left } = await startPair(t)
  assert.equal(left.stop(), left.stop())
  await left.stop()
})

test('a process that stops its node, dials and peers and all, exits by itself', { timeout }, async (t) => {
  const peer = await startNetwork(t)
  const program = `
    import { generateKeyPair } from '@libp2p/crypto/keys'
    import { pino } from 'pino'
    import { Network } from './src/host/network/network.ts'
    const network = await Network.start({
      privateKey: await generateKeyPair('Ed25519'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [process.env.PEER, '/ip4/127.0.0.1/tcp/1', '/ip4/192.0.2.1/tcp/1'],
      log: pino({ level: 'silent' }),
      gossipScope: 'test',
    })
    await new Promise((resolve) => network.onSubscriber(resolve))
    await network.send('${peer.peer}', new Uint8Array(10))
    await network.blocks.have('${peer.peer}', [])
    network.learn('12D3KooWGTa75W5KbSCGUtNFtLdYRqEmtqKSexkuAV4Pg4kg6M9A', ['/ip4/127.0.0.1/tcp/1'])
    await network.send('12D3KooWGTa75W5KbSCGUtNFtLdYRqEmtqKSexkuAV4Pg4kg6M9A', new Uint8Array(1)).catch(() => {})
    await network.stop()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, PEER: peer.addresses()[0] },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  t.after(() => child.kill())
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
})
