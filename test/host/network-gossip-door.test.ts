/** A flood of gossip is taken at the rate of its host, waits unread beyond that, and holds up nobody else's words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RPC } from '@libp2p/gossipsub/message'
import { multiaddr } from '@multiformats/multiaddr'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { framePrefix } from '../../src/host/network/frames.ts'
import { behindDoor, gossipRate } from '../../src/host/network/gossip-door.ts'
import { gossipTopic } from '../../src/host/network/gossip-options.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { Inbox, RawPeer, startNetwork } from '../support/network.ts'

const [flooders, each, bytes] = [3, 8_000, 1_000]

/** All that one of them says, in packets of 500 messages, each of which is new. */
function* packetsOf(flooder: number): Generator<Uint8Array> {
  for (let from = 0; from < each; from += 500) {
    const messages = Array.from({ length: 500 }, (_, i) => ({
      data: Buffer.from(`${flooder} ${from + i} `.padEnd(bytes)),
      topic: gossipTopic('test'),
    }))
    yield RPC.encode({ subscriptions: [], messages })
  }
}

test('three peers of one host flood a node with new messages: it takes as many as the host may say, and hears an honest peer', {
  timeout: 400_000,
}, async (t) => {
  const [victim, friend] = [await startNetwork(t), await startNetwork(t)]
  let taken = 0
  const said = new Inbox<string>()
  victim.onGossip((message) => {
    const text = Buffer.from(message).toString()
    if (!text.startsWith('hello')) {
      taken += 1
      return 'ignore' // or else the friend, who takes no more than so many either, would be parted from for some seconds
    }
    said.put(text)
    return 'accept'
  })
  friend.learn(victim.peer, victim.addresses())
  const subscribers = new Inbox<PeerId>()
  friend.onSubscriber((peer) => subscribers.put(peer))
  await subscribers.find((peer) => peer === victim.peer)
  const raws = await Promise.all(Array.from({ length: flooders }, () => RawPeer.start(t)))
  const streams = await Promise.all(raws.map((raw) => raw.open(victim, '/meshsub/1.2.0')))
  const startedMs = performance.now()
  for (const [i, stream] of streams.entries())
    for (const packet of packetsOf(i)) {
      stream.send(framePrefix(packet.byteLength))
      stream.send(packet)
    }
  const { burst, perSecond } = gossipRate
  const pieces = 16 * (flooders + 1)
  const most = () => burst + (perSecond * (performance.now() - startedMs)) / 1_000 + pieces
  for (let round = 0; taken < burst + 2 * perSecond; round += 1) {
    const text = `hello ${round}`
    await friend.publish(Buffer.from(text))
    await said.find((one) => one === text)
    assert(taken <= most(), `${taken} were taken of at most ${most()}`)
  }
  // The rest is not in memory here: it waits where it comes from.
  const unsent = streams.reduce((sum, { stream }) => sum + stream.writeBufferLength, 0)
  assert(unsent > (flooders * each * bytes) / 4, `${unsent} bytes were not taken yet`)
})

/** A door in front of one who notes what is said; a stream of one peer that is read by `read`. */
function door(read: (pubsub: Receiver) => Promise<void>) {
  const heard: number[] = []
  const receiver: Receiver = {
    isStarted: () => true,
    decodeRpc: (packet) => RPC.decode(packet),
    handleReceivedRpc: async (_, { messages }) => void heard.push(messages.length),
  }
  let open = async (_stream: EventTarget): Promise<void> => {}
  const registrar = {
    handle: async (_: string, handler: (...given: unknown[]) => Promise<void>) => {
      open = (stream) => handler(stream, { remoteAddr: multiaddr('/ip4/192.0.2.1/tcp/4001') })
    },
  }
  const make = ({ registrar }: { registrar: { handle(...given: unknown[]): void } }) => {
    registrar.handle('/meshsub', () => read(receiver))
    return receiver
  }
  behindDoor(make as never, defaultBounds, { burst: 8, perSecond: 1e-3 })({ registrar } as never)
  return { heard, open: (stream: EventTarget) => open(stream) }
}

interface Receiver {
  isStarted(): boolean
  decodeRpc(packet: Uint8Array): RPC
  handleReceivedRpc(from: unknown, rpc: RPC): Promise<void>
}

class FakeStream extends EventTarget {
  readonly status = 'open'

  end(): void {
    this.dispatchEvent(new Event('close'))
  }
}

test('what waits when its stream ends is dropped, and so is all that comes from it after that', async () => {
  const packet = RPC.decode(packetsOf(0).next().value as Uint8Array)
  const waits = Promise.withResolvers<void>()
  const { heard, open } = door(async (receiver) => {
    const words = (count: number) =>
      receiver.handleReceivedRpc('peer', { ...packet, messages: packet.messages.slice(0, count) })
    await words(8)
    const waiting = words(1)
    waits.resolve()
    await waiting
    await words(1)
  })
  const stream = new FakeStream()
  const read = open(stream)
  await waits.promise
  stream.end()
  await read
  assert.deepEqual(heard, [8])
})

test('what is no packet of gossip costs its host a word', async () => {
  const { heard, open } = door(async (receiver) => {
    const waiting = Promise.all(
      Array.from({ length: 9 }, () =>
        receiver.handleReceivedRpc('peer', receiver.decodeRpc(new Uint8Array([0xff]))),
      ),
    )
    stream.end()
    await waiting
  })
  const stream = new FakeStream()
  await open(stream)
  assert.deepEqual(heard, Array(8).fill(0))
})
