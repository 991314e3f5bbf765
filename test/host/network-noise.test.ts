/** The cipher of noise beside the one that js-libp2p-noise brings along. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { pureJsCrypto } from '@chainsafe/libp2p-noise'
import { Uint8ArrayList } from 'uint8arraylist'
import { noiseCipher } from '../../src/host/network/noise-cipher.ts'

const [key, nonce, associated] = [randomBytes(32), randomBytes(12), new Uint8Array(0)]

test('packets of every size are those of the library, and are read by it and by us', () => {
  for (const size of [0, 1, 12, 1_199, 1_200, 65_519]) {
    const bytes = randomBytes(size)
    const pieces = new Uint8ArrayList(bytes.subarray(0, size >> 1), bytes.subarray(size >> 1))
    const theirs = pureJsCrypto.chaCha20Poly1305Encrypt(bytes, nonce, associated, key).subarray()
    for (const plaintext of [bytes, pieces])
      assert.deepEqual(
        Buffer.from(noiseCipher.chaCha20Poly1305Encrypt(plaintext, nonce, associated, key).subarray()),
        Buffer.from(theirs),
      )
    for (const packet of [theirs, new Uint8ArrayList(theirs.subarray(0, 9), theirs.subarray(9))])
      assert.deepEqual(
        Buffer.from(noiseCipher.chaCha20Poly1305Decrypt(packet, nonce, associated, key).subarray()),
        bytes,
      )
  }
})

test('a packet that somebody changed, cut or wrote under another key is refused', () => {
  const packet = noiseCipher.chaCha20Poly1305Encrypt(randomBytes(100), nonce, associated, key).subarray()
  const changed = packet.slice()
  changed[50]! ^= 1
  for (const bad of [changed, packet.subarray(1), packet.subarray(0, 15)])
    assert.throws(() => noiseCipher.chaCha20Poly1305Decrypt(bad, nonce, associated, key))
  assert.throws(() => noiseCipher.chaCha20Poly1305Decrypt(packet, nonce, associated, randomBytes(32)))
})
