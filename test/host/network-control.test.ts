import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '../../src/protocol/ids.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'
import { recordBytesMax } from '../../src/protocol/sizes.ts'
import { fullCid, fullOpening, fullRecord } from '../support/full-records.ts'
import { Inbox, startNetwork, startPair } from '../support/network.ts'

const timeout = 400_000

test('control messages arrive in the order they were sent, both ways at once', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const count = 500
  const heard = new Map([left, right].map((node) => [node, new Inbox<{ from: PeerId; text: string }>()]))
  for (const [node, inbox] of heard) {
    node.onMessage((from, message) => inbox.put({ from, text: Buffer.from(message).toString() }))
  }
  const texts = Array.from({ length: count }, (_, index) => String(index).padStart(index, '.'))
  await Promise.all([
    ...texts.map((text) => left.send(right.peer, Buffer.from(text))),
    ...texts.map((text) => right.send(left.peer, Buffer.from(text))),
  ])
  for (const [node, inbox] of heard) {
    const other = node === left ? right : left
    await inbox.until((items) => items.length === count)
    assert.deepEqual(
      inbox.items,
      texts.map((text) => ({ from: other.peer, text })),
    )
  }
})

test('a message may be empty, and may be as long as the bound', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<number>()
  right.onMessage((_, message) => heard.put(message.byteLength))
  for (const lengthBytes of [0, 1024 * 1024, 0]) await left.send(right.peer, new Uint8Array(lengthBytes))
  await heard.until((items) => items.length === 3)
  assert.deepEqual(heard.items, [0, 1024 * 1024, 0])
})

test('sending to a peer whose address was learned dials it', { timeout }, async (t) => {
  const left = await startNetwork(t)
  const right = await startNetwork(t)
  const heard = new Inbox<PeerId>()
  right.onMessage((from) => heard.put(from))
  left.learn(right.peer, right.addresses())
  await left.send(right.peer, Buffer.from('hello'))
  await heard.find((from) => from === left.peer)
})

test('sending to a peer that nobody knows is refused as unreachable', { timeout }, async (t) => {
  const left = await startNetwork(t)
  const right = await startNetwork(t)
  await assert.rejects(left.send(right.peer, Buffer.from('hello')), { code: 'unreachable' })
  await assert.rejects(left.send('nobody' as PeerId, Buffer.from('hello')), { code: 'unreachable' })
})

test('a control message above the bound is refused and the next one arrives', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<number>()
  right.onMessage((_, message) => heard.put(message.byteLength))
  await assert.rejects(left.send(right.peer, new Uint8Array(1024 * 1024 + 1)), { code: 'too-large' })
  await left.send(right.peer, new Uint8Array(3))
  await heard.find((lengthBytes) => lengthBytes === 3)
})

test('the longest message of the protocol arrives', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<Message>()
  right.onMessage((_, message) => heard.put(decodeMessage(message)))
  const record = fullRecord('window')
  const job = fullCid('job')
  for (const body of [record.body, new Uint8Array(Math.max(...Object.values(recordBytesMax)))])
    await left.send(
      right.peer,
      encodeMessage({ type: 'record', job, record: { ...record, body }, opening: fullOpening }),
    )
  await heard.until((items) => items.length === 2)
  assert.deepEqual(heard.items[0], { type: 'record', job, record, opening: fullOpening })
})

test('a handler that does not finish makes the sender stop, and everything arrives once it does', {
  timeout,
}, async (t) => {
  const { left, right } = await startPair(t)
  const gate = Promise.withResolvers<void>()
  const heard = new Inbox<number>()
  right.onMessage(async (_, message) => {
    await gate.promise
    heard.put(new DataView(message.buffer).getUint32(0))
  })

  const messageBytes = 64 * 1024
  const sends: Promise<void>[] = []
  let refused: { code?: string } | undefined
  while (refused === undefined) {
    const message = new Uint8Array(messageBytes)
    new DataView(message.buffer).setUint32(0, sends.length)
    const send = left.send(right.peer, message)
    sends.push(send)
    send.catch((error) => {
      refused ??= error
    })
    await new Promise(setImmediate)
  }
  assert.equal(refused.code, 'backlog')
  // Our queue (4 MiB), the yamux window (1 MiB), the read-ahead (1 MiB), and some packets on their way.
  assert.ok(sends.length * messageBytes < 8 * 1024 * 1024, `${sends.length} messages were taken`)

  gate.resolve()
  const results = await Promise.allSettled(sends)
  const sent = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
  await heard.until((items) => items.length === sent.length)
  assert.deepEqual(heard.items, sent)
})

test('a peer that blocks its handler holds up nobody else', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const third = await startNetwork(t, { bootstrap: right.addresses() })
  const heard = new Inbox<PeerId>()
  right.onMessage((from) => {
    heard.put(from)
    return from === left.peer ? new Promise(() => {}) : undefined
  })
  await left.send(right.peer, Buffer.from('one'))
  await left.send(right.peer, Buffer.from('two'))
  await heard.find((from) => from === left.peer)
  await third.send(right.peer, Buffer.from('three'))
  await heard.find((from) => from === third.peer)
})

test('a handler that throws is called again for the next message', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<string>()
  right.onMessage((_, message) => {
    heard.put(Buffer.from(message).toString())
    throw new Error('on purpose')
  })
  await left.send(right.peer, Buffer.from('one'))
  await left.send(right.peer, Buffer.from('two'))
  await heard.find((text) => text === 'two')
})

test('messages reach a peer again after it has restarted at the same address', { timeout }, async (t) => {
  const left = await startNetwork(t, { bounds: { redialMinMs: 10, redialMaxMs: 10 } })
  const privateKey = await generateKeyPair('Ed25519')
  const right = await startNetwork(t, { privateKey })
  const listen = right.addresses().map((address) => address.replace(/[/]p2p.*/, ''))
  const heard = new Inbox<string>()
  const hear = (_: PeerId, message: Uint8Array) => heard.put(Buffer.from(message).toString())
  right.onMessage(hear)
  left.learn(right.peer, right.addresses())
  await left.send(right.peer, Buffer.from('before'))
  await heard.find((text) => text === 'before')

  const events = new Inbox<string>()
  left.onPeer(({ type }) => events.put(type))
  await right.stop()
  await events.find((type) => type === 'disconnected')
  await assert.rejects(left.send(right.peer, Buffer.from('meanwhile')), { code: 'unreachable' })

  const again = await startNetwork(t, { privateKey, listen })
  again.onMessage(hear)
  // A dial that began before it listened may still be under way, and a message goes with that one.
  await left.send(again.peer, Buffer.from('after')).catch(() => left.send(again.peer, Buffer.from('after')))
  await heard.find((text) => text === 'after')
  assert.deepEqual(heard.items, ['before', 'after'])
})

test('what waits to be sent when a node stops is refused as closed', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  right.onMessage(() => new Promise(() => {}))
  const sends: Promise<void>[] = []
  for (let count = 0; count < 64; count++) sends.push(left.send(right.peer, new Uint8Array(1024 * 1024)))
  const settled = Promise.allSettled(sends)
  await left.stop()
  const codes = (await settled).flatMap((result) =>
    result.status === 'rejected' ? [result.reason.code] : [],
  )
  assert.ok(codes.includes('closed'), codes.join())
  await assert.rejects(left.send(right.peer, new Uint8Array(1)), { code: 'closed' })
})
