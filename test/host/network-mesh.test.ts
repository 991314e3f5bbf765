import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Network } from '../../src/host/network/network.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { connected, Inbox, logInbox, startNetwork, startPair, warnLevel } from '../support/network.ts'
import { closedAddress } from '../support/ports.ts'

const timeout = 400_000

/** Longer than all of it takes on a machine that does nothing else. */
const renewMs = 3_000

/** A small stand-in for the node above: adverts carry addresses, and are said again to whoever joins. */
class Announcer {
  readonly network: Network
  readonly heard = new Inbox<PeerId>()
  #nonce = 0

  constructor(network: Network) {
    this.network = network
    network.onGossip((message) => {
      const { peer, addresses } = JSON.parse(Buffer.from(message).toString())
      this.heard.put(peer)
      network.learn(peer, addresses)
      return 'accept'
    })
    network.onSubscriber(() => void this.announce())
  }

  async announce(): Promise<void> {
    const advert = { peer: this.network.peer, addresses: this.network.addresses(), nonce: this.#nonce++ }
    await this.network.publish(Buffer.from(JSON.stringify(advert)))
  }

  hearsAll(others: readonly Announcer[]): Promise<void> {
    return this.heard.until((items) => {
      const heard = new Set(items)
      return others.every((other) => other === this || heard.has(other.network.peer))
    })
  }
}

async function startAnnouncers(t: TestContext, count: number): Promise<Announcer[]> {
  const first = new Announcer(await startNetwork(t))
  const rest = Array.from({ length: count - 1 }, async () => {
    return new Announcer(await startNetwork(t, { bootstrap: first.network.addresses() }))
  })
  return [first, ...(await Promise.all(rest))]
}

// Sixteen at one address are enough for gossipsub's default scoring to graylist them all.
for (const count of [2, 3, 12, 16]) {
  test(`${count} nodes that know one of them all hear each other`, { timeout }, async (t) => {
    const nodes = await startAnnouncers(t, count)
    const allHear = Promise.all(nodes.map((node) => node.hearsAll(nodes)))
    // Gossip may lose a message. An advert is therefore said again, and so is this one, until everybody has heard everybody.
    for (let isOver = false; !isOver; ) {
      isOver = await Promise.race([allHear.then(() => true), delay(renewMs, false, { ref: false })])
      if (!isOver) await Promise.all(nodes.map((node) => node.announce()))
    }
  })
}

test('a mesh whose bootstrap node died still takes in a late joiner, who hears everyone', {
  timeout,
}, async (t) => {
  const [first, ...rest] = await startAnnouncers(t, 5)
  await Promise.all(rest.map((node) => node.hearsAll(rest)))
  await Promise.all(
    rest.flatMap((node) =>
      rest.filter((other) => other !== node).map((other) => connected(node.network, other.network.peer)),
    ),
  )
  await first!.network.stop()
  const late = new Announcer(await startNetwork(t, { bootstrap: rest[0]!.network.addresses() }))
  await Promise.all([late.hearsAll(rest), ...rest.map((node) => node.hearsAll([late]))])
})

test('publishing to nobody, and publishing the same bytes twice, is no error', { timeout }, async (t) => {
  const { left } = await startPair(t)
  const alone = await startNetwork(t)
  for (const network of [left, alone]) {
    await network.publish(Buffer.from('same'))
    await network.publish(Buffer.from('same'))
  }
})

test('an oversized message is refused on publish, and the next one is heard', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<number>()
  right.onGossip((message) => {
    heard.put(message.byteLength)
    return 'accept'
  })
  left.onSubscriber(() => void left.publish(Buffer.from('small')))
  await assert.rejects(left.publish(new Uint8Array(4 * 1024 + 1)), { code: 'too-large' })
  await heard.find((lengthBytes) => lengthBytes === 5)
})

test('what the validator refuses, or throws at, is not forwarded; what it accepts is', {
  timeout,
}, async (t) => {
  const middle = await startNetwork(t)
  const source = await startNetwork(t, { bootstrap: middle.addresses() })
  const far = await startNetwork(t, { bootstrap: middle.addresses() })
  const subscribed = new Inbox<PeerId>()
  const judged = new Inbox<string>()
  middle.onGossip((message) => {
    const text = Buffer.from(message).toString()
    judged.put(text)
    if (text === 'throw') throw new Error('on purpose')
    return text.split(' ')[0] as 'accept' | 'ignore' | 'reject'
  })
  const heard = new Inbox<string>()
  far.onGossip((message) => {
    heard.put(Buffer.from(message).toString())
    return 'accept'
  })
  source.onSubscriber(() => subscribed.put(middle.peer))
  await subscribed.find((peer) => peer === middle.peer)
  assert.deepEqual(source.connectedPeers(), [middle.peer])
  // gossipsub forwards to those that its heartbeat took into the mesh: only then does silence say anything.
  for (let i = 0; heard.items.length === 0; i += 1) {
    await source.publish(Buffer.from(`accept ${i}`))
    await Promise.race([heard.find(() => true), delay(50)])
  }
  for (const text of ['reject', 'throw', 'ignore', 'accept']) await source.publish(Buffer.from(text))
  await heard.find((text) => text === 'accept')
  assert.deepEqual(judged.items.slice(-4), ['reject', 'throw', 'ignore', 'accept'])
  assert.deepEqual(
    heard.items.filter((text) => !text.startsWith('accept')),
    [],
  )
})

test('an unreachable bootstrap peer is named once in the log, and joined as soon as it is there', {
  timeout,
}, async (t) => {
  const address = await closedAddress()

  const { log, lines } = logInbox()
  const bounds = { redialMinMs: 10, redialMaxMs: 20 }
  const node = await startNetwork(t, { bootstrap: [address], log, bounds })
  await lines.find(({ level, msg }) => level === warnLevel && msg.includes(address))
  const late = await startNetwork(t, { listen: [address] })
  await connected(node, late.peer)
  await lines.find(({ msg }) => msg.startsWith('bootstrap peer reached'))
  assert.equal(lines.items.filter(({ level }) => level === warnLevel).length, 1)

  await late.stop()
  await lines.until((items) => items.filter(({ level }) => level === warnLevel).length === 2)
})

test('a node that finds itself among its bootstrap peers says nothing about it', { timeout }, async (t) => {
  const address = await closedAddress()
  const { log, lines } = logInbox()
  const other = await startNetwork(t)
  const node = await startNetwork(t, { listen: [address], bootstrap: [address, ...other.addresses()], log })
  await connected(node, other.peer)
  assert.deepEqual(node.connectedPeers(), [other.peer])
  assert.deepEqual(
    lines.items.filter(({ level }) => level >= warnLevel),
    [],
  )
})

test('addresses that are no addresses, or name another peer, are dropped', { timeout }, async (t) => {
  const left = await startNetwork(t)
  const right = await startNetwork(t)
  const other = await startNetwork(t)
  left.learn(right.peer, ['', 'nonsense', '/ip4/999.0.0.1/tcp/1', ...other.addresses()])
  left.learn('nobody' as PeerId, right.addresses())
  await assert.rejects(left.send(right.peer, Buffer.from('hello')), { code: 'unreachable' })
  left.learn(right.peer, right.addresses())
  await left.send(right.peer, Buffer.from('hello'))
})

test('in a large mesh a node dials up to its degree, and makes up for whom it loses', {
  timeout,
}, async (t) => {
  const degreeMin = 3
  const node = await startNetwork(t, { bounds: { fullMeshPeersMax: degreeMin, degreeMin, yieldDialMs: 0 } })
  const peers = await Promise.all(Array.from({ length: 8 }, () => startNetwork(t)))
  const degrees = new Inbox<number>()
  node.onPeer(({ type }) => {
    if (type === 'connected') degrees.put(node.connectedPeers().length)
  })
  for (const peer of peers) node.learn(peer.peer, peer.addresses())
  await degrees.until((items) => items.length === degreeMin)
  const lost = peers.find(({ peer }) => node.connectedPeers().includes(peer))
  await lost!.stop()
  await degrees.until((items) => items.length > degreeMin)
  assert.equal(Math.max(...degrees.items), degreeMin)
})
