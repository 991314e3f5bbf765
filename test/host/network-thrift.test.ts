/** The packets that small messages cost. */
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import type { PeerId } from '../../src/protocol/ids.ts'
import { Inbox, startPair } from '../support/network.ts'

/** A noise packet begins with its length, and ends with a tag; a frame of yamux has a head. */
const [lengthBytes, tagBytes, headBytes] = [2, 16, 12]
const grantBytes = lengthBytes + headBytes + tagBytes

test('a small message is one write on its way, and hardly anything on the way back', async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<PeerId>()
  right.onMessage((from) => heard.put(from))
  const message = new Uint8Array(500)
  await left.send(right.peer, message) // opens the stream
  await heard.until(({ length }) => length === 1)
  const write = t.mock.method(Socket.prototype, 'write')
  for (let sent = 1; sent <= 200; sent += 1) {
    await left.send(right.peer, message)
    await heard.until(({ length }) => length > sent)
  }
  const written = write.mock.calls.map((call) => (call.arguments[0] as Uint8Array).byteLength)
  const count = (isOfIt: (bytes: number) => boolean) => written.filter(isOfIt).length
  assert.equal(
    count((bytes) => bytes > message.byteLength),
    200,
  )
  assert.equal(
    count((bytes) => bytes === lengthBytes),
    0,
    'a length of its own',
  )
  // Gossip has some as well.
  const grants = count((bytes) => bytes === grantBytes)
  assert(grants < 100, `${grants} grants`)
})

test('a peer may go on sending for ever, many times what it was granted at first', {
  timeout: 400_000,
}, async (t) => {
  const { left, right } = await startPair(t)
  const heard = new Inbox<PeerId>()
  right.onMessage((from) => heard.put(from))
  const message = new Uint8Array(100_000)
  const count = 60
  for (let sent = 0; sent < count; sent += 1) await left.send(right.peer, message)
  await heard.until(({ length }) => length === count)
})
