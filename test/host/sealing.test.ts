/** What is sealed opens with its own key and no other, and the same document is the same block. */
import assert from 'node:assert/strict'
import { createCipheriv, createHmac } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import {
  documentKeys,
  jobSecret,
  namesKey,
  seal,
  sealCommitment,
  shardKey,
  Unsealable,
  unseal,
  unwrapKey,
  wrapKey,
} from '../../src/host/sealing/sealing.ts'
import { SigningKey } from '../../src/host/store/keys.ts'

const [submitter, other] = [SigningKey.generate(), SigningKey.generate()]
const nonce = new Uint8Array(16).fill(1)
const secret = jobSecret(submitter, nonce)
const content = new TextEncoder().encode('an invoice')

test('what was sealed opens again, and not when a bit, the key or the length is another', () => {
  const key = documentKeys(submitter)(content)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, at) => {
      const sealed = seal(key, bytes)
      assert.deepEqual(unseal(key, sealed, 'it'), bytes)
      const bent = sealed.slice()
      bent[at % bent.length]! ^= 1 << (at % 8)
      assert.throws(() => unseal(key, bent, 'it'), Unsealable)
      assert.throws(() => unseal(shardKey(secret, 0), sealed, 'it'), Unsealable)
      assert.throws(() => unseal(key, sealed.subarray(0, at % sealed.length), 'it'), Unsealable)
    }),
    { numRuns: 200 },
  )
})

test('a wrapped key opens with the key of its shard only', () => {
  const key = documentKeys(submitter)(content)
  const wrapped = wrapKey(shardKey(secret, 3), key)
  assert.equal(wrapped.byteLength, 40)
  assert.deepEqual(unwrapKey(shardKey(secret, 3), wrapped, 'it'), key)
  assert.throws(() => unwrapKey(shardKey(secret, 4), wrapped, 'it'), Unsealable)
  for (const short of [wrapped.subarray(1), new Uint8Array(0), new Uint8Array(40)])
    assert.throws(() => unwrapKey(shardKey(secret, 3), short, 'it'), Unsealable)
})

test('each key is for one thing, and comes again from the submitter’s key alone', () => {
  const keys = [
    documentKeys(submitter)(content),
    documentKeys(submitter)(content.subarray(1)),
    documentKeys(other)(content),
    shardKey(secret, 0),
    shardKey(secret, 1),
    shardKey(
      jobSecret(
        submitter,
        nonce.map((byte) => byte + 1),
      ),
      0,
    ),
    shardKey(jobSecret(other, nonce), 0),
    namesKey(secret),
    secret,
    sealCommitment(secret),
  ].map((key) => Buffer.from(key).toString('hex'))
  assert.equal(new Set(keys).size, keys.length)
  assert.deepEqual(jobSecret(submitter, nonce), secret)
  assert.deepEqual(
    seal(documentKeys(submitter)(content), content),
    seal(documentKeys(submitter)(content), content),
  )
})

test('keys, sealed bytes and wrapped keys are what the standards make of the bytes of a key', () => {
  const key = createHmac('sha256', secret).update('carpool/shard/7').digest()
  assert.deepEqual(Buffer.from(shardKey(secret, 7)), key)
  const gcm = createCipheriv('aes-256-gcm', key, new Uint8Array(12))
  const expected = Buffer.concat([gcm.update(content), gcm.final(), gcm.getAuthTag()])
  assert.deepEqual(Buffer.from(seal(key, content)), expected)
  const kw = createCipheriv('id-aes256-wrap', key, new Uint8Array(8).fill(0xa6))
  assert.deepEqual(Buffer.from(wrapKey(key, secret)), Buffer.concat([kw.update(secret), kw.final()]))
})
