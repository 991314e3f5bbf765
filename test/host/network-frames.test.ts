import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cidFromBytes, cidToBytes } from '../../src/host/network/cid-bytes.ts'
import { framePrefix, frames } from '../../src/host/network/frames.ts'
import { cidOf } from '../support/network.ts'

async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const length of lengths) {
    yield bytes.subarray(at, at + length)
    at += length
  }
  yield bytes.subarray(at)
}

test('frames come out as they went in, wherever the stream was cut', async () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })
  const cuts = fc.array(fc.nat({ max: 100 }), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(messages, cuts, async (sent, lengths) => {
      const bytes = Buffer.concat(sent.flatMap((message) => [framePrefix(message.byteLength), message]))
      const received: Uint8Array[] = []
      for await (const frame of frames(cut(bytes, lengths), 300)) received.push(frame)
      assert.deepEqual(received, sent)
    }),
  )
})

test('a frame above the bound, or a prefix without end, is malformed', async () => {
  for (const bytes of [framePrefix(301), new Uint8Array(9).fill(0x80)]) {
    await assert.rejects(frames(cut(bytes, []), 300).next(), { code: 'malformed' })
  }
})

test('a stream that ends inside a frame was closed: its peer died, and did not lie', async () => {
  for (const bytes of [Uint8Array.from([2, 1]), Uint8Array.from([0x80])]) {
    await assert.rejects(frames(cut(bytes, []), 300).next(), { code: 'closed' })
  }
})

test('a megabyte of empty frames leaves turns to everybody else', async () => {
  const emptyFrames = new Uint8Array(1024 * 1024)
  let turns = 0
  const others = setInterval(() => turns++)
  let count = 0
  for await (const frame of frames(cut(emptyFrames, []), 300)) {
    assert.equal(frame.byteLength, 0)
    count++
    if (turns > 2) break
  }
  clearInterval(others)
  assert.ok(count < emptyFrames.byteLength, 'every frame was handled before anybody else had a turn')
})

test('a CID survives its bytes, and bytes that are none are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 36, maxLength: 36 }), (block, noise) => {
      const cid = cidOf(block)
      assert.equal(cidFromBytes(cidToBytes(cid)), cid)
      noise[0] = 0
      assert.equal(cidFromBytes(noise), undefined)
    }),
  )
})
