/** Nodes that are connected hear each other, whatever became of a connection; and two under one identity are named. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { Gossip } from '../../src/host/network/gossip.ts'
import { createNode, type Node, parseAddress, startNode } from '../../src/host/network/node.ts'
import { Relays } from '../../src/host/network/relays.ts'
import { Turnstile } from '../../src/host/network/turnstile.ts'
import { Notices } from '../../src/host/notices.ts'
import { connected, Inbox, logInbox, startNetwork } from '../support/network.ts'
import { freePort } from '../support/ports.ts'

/** A node with gossip alone, whose connections a test may close one by one. */
async function gossiping(t: TestContext) {
  const { log, lines } = logInbox()
  const bounds = { ...defaultBounds, gossipRepairMs: 200 }
  const listen = [parseAddress('/ip4/127.0.0.1/tcp/0', 'listen on')]
  const turnstile = new Turnstile(bounds, log)
  const key = await generateKeyPair('Ed25519')
  const ignore = () => {}
  const told = { software: 'carpool/test', onKnock: ignore, onStranger: ignore, onTwin: ignore }
  const node = await createNode(
    key,
    { listen, announce: [] },
    { gossipScope: 'test' },
    turnstile,
    new Relays(false, bounds, new Notices(log), log),
    bounds,
    told,
  )
  const gossip = new Gossip(node, 'test', bounds, log)
  await startNode(node, listen)
  turnstile.watch(node, () => true)
  gossip.join()
  t.after(async () => {
    gossip.stop()
    await node.stop()
  })
  const heard = new Inbox<string>()
  gossip.onGossip((message) => {
    heard.put(new TextDecoder().decode(message))
    return 'accept'
  })
  const subscribers = new Inbox<string>()
  gossip.onSubscriber((peer) => subscribers.put(peer))
  const say = (text: string) => gossip.publish(new TextEncoder().encode(text))
  return { node, gossip, heard, subscribers, lines, say }
}

/** Two nodes with two connections between them, as when both have dialled; resolves with both, the older first. */
async function twice(t: TestContext) {
  const [left, right] = [await gossiping(t), await gossiping(t)]
  const first = await left.node.dial(right.node.getMultiaddrs())
  await Promise.all([left, right].map(({ subscribers }) => subscribers.until((peers) => peers.length > 0)))
  const second = await right.node.dial(left.node.getMultiaddrs(), { force: true })
  await until(left.node, () => left.node.getConnections().length === 2)
  return { left, right, first, second }
}

/** Resolves when this is so, which is looked at after each change of a connection. */
function until(node: Node, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return
      node.removeEventListener('connection:open', look)
      resolve()
    }
    node.addEventListener('connection:open', look)
    look()
  })
}

for (const which of ['first', 'second'] as const)
  test(`two nodes with two connections hear each other after the ${which} has ended`, async (t) => {
    const { left, right, ...connections } = await twice(t)
    await connections[which].close()
    // Once the peer is announced anew, what is said reaches it.
    if (which === 'first')
      await Promise.all(
        [left, right].map(({ subscribers }) => subscribers.until((peers) => peers.length > 1)),
      )
    await Promise.all([left.say('from the left'), right.say('from the right')])
    await Promise.all([
      right.heard.find((text) => text === 'from the left'),
      left.heard.find((text) => text === 'from the right'),
    ])
  })

test('a peer is announced anew only once gossip reaches it, however late it says what it speaks', async (t) => {
  const [left, right] = [await gossiping(t), await gossiping(t)]
  const first = await left.node.dial(right.node.getMultiaddrs())
  await Promise.all([left, right].map(({ subscribers }) => subscribers.until((peers) => peers.length > 0)))
  // Over the second connection, left learns what right speaks only after it has looked a few times.
  const looks = new Inbox<string>()
  const { getPeers } = left.node
  left.node.getPeers = () => {
    looks.put('look')
    return getPeers.call(left.node)
  }
  const { identify } = left.node.services
  const identifyNow = identify.identify.bind(identify)
  const late = { isOver: false }
  identify.identify = async (connection, options) => {
    const before = looks.items.length
    await looks.until(({ length }) => length > before + 3)
    late.isOver = true
    return identifyNow(connection, options)
  }
  await right.node.dial(left.node.getMultiaddrs(), { force: true })
  await until(left.node, () => left.node.getConnections().length === 2)
  // On a busy machine the first streams may have been missing, too, when it looked for the first time.
  const before = left.subscribers.items.length
  await first.close()
  await left.subscribers.until((peers) => peers.length > before)
  assert(late.isOver, 'it was announced while nothing was known to reach it')
  await left.say('from the left')
  await right.heard.find((text) => text === 'from the left')
})

test('a peer whose own stream is missing is parted from, so that both dial anew', async (t) => {
  const [left, right] = [await gossiping(t), await gossiping(t)]
  await left.node.dial(right.node.getMultiaddrs())
  await left.subscribers.until((peers) => peers.length > 0)
  // As an older version would: it opens no stream again.
  right.gossip.stop()
  const parted = new Promise((resolve) => left.node.addEventListener('peer:disconnect', resolve))
  const { protocols } = right.node.services.pubsub
  for (const connection of right.node.getConnections())
    for (const stream of connection.streams)
      if (stream.direction === 'outbound' && protocols.includes(stream.protocol))
        stream.abort(new Error('lost'))
  await parted
})

test('two nodes under one identity are named by whoever is connected to both, and on both', async (t) => {
  const privateKey = await generateKeyPair('Ed25519')
  const told = [0, 1, 2].map(() => {
    const { log, lines } = logInbox()
    return { log, lines, notices: new Notices(log) }
  })
  const witness = await startNetwork(t, told[0]!)
  const bootstrap = witness.addresses()
  const original = await startNetwork(t, { privateKey, bootstrap, ...told[1]! })
  await connected(witness, original.peer)
  await startNetwork(t, { privateKey, bootstrap, ...told[2]! })
  const [seen, ...own] = await Promise.all(
    told.map(({ lines }) => lines.find(({ msg }) => /under the identity of/.test(msg))),
  )
  assert.match(
    seen!.msg,
    new RegExp(`two nodes run under the identity of ${original.peer}: .* stop one of them`),
  )
  for (const { msg } of own)
    assert.match(msg, new RegExp(`another node runs .* ${witness.peer} is connected to both`))
  assert.deepEqual(
    told.map(({ notices }) => notices.list().map(({ kind }) => kind)),
    [['clone'], ['clone'], ['clone']],
  )
})

test('two nodes under one identity that know nobody but each other are told of on both, and one that dials itself is not', async (t) => {
  const privateKey = await generateKeyPair('Ed25519')
  const told = [logInbox(), logInbox()]
  const start = (place: number, bootstrap: readonly string[], port = 0) => {
    const { log } = told[place]!
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    return startNetwork(t, { privateKey, listen, bootstrap, log, notices: new Notices(log) })
  }
  const port = await freePort()
  // A fleet hands every node the same list: the first finds itself on it.
  const [own] = (await start(0, [`/ip4/127.0.0.1/tcp/${port}`], port)).addresses()
  await told[0]!.lines.find(({ msg }) => /leads to this node itself/.test(msg))
  const isOfTwin = ({ msg }: { readonly msg: string }) => /another node runs under the identity/.test(msg)
  assert(!told[0]!.lines.items.some(isOfTwin))
  await start(1, [own!])
  for (const { lines } of told) await lines.find(isOfTwin)
})

test('two connections of one node are no twins', async (t) => {
  const { log, lines } = logInbox()
  const notices = new Notices(log)
  const left = await startNetwork(t, { log, notices })
  const right = await startNetwork(t)
  await Promise.all([left.reach(right.addresses()[0]!), right.reach(left.addresses()[0]!)])
  await connected(left, right.peer)
  assert.deepEqual(notices.list(), [])
  assert(lines.items.every(({ msg }) => !/identity/.test(msg)))
})
