/** Keys and results of blind jobs: for the vehicle that they are for, and the same from whoever found the same. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  blindKeyOf,
  unwrapAsCandidate,
  wrapForCandidates,
  wrappedAt,
} from '../../src/host/sealing/blind-keys.ts'
import { packResult, unpackResult } from '../../src/host/sealing/blind-results.ts'
import { sealResult, shardKey, Unsealable, unsealResult } from '../../src/host/sealing/sealing.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { PageRecord, ShardResult } from '../../src/protocol/job/result.ts'
import { examineSealedResult } from '../../src/protocol/verification/examination.ts'
import { manifestWith } from '../support/core-fakes.ts'

const secret = new Uint8Array(32).fill(7)
const job = blindKeyOf(secret)
const vehicles = [0, 1, 2].map(() => SigningKey.generate())
const peers = vehicles.map(({ peerId }) => peerId)
const shards = 5
const wrapped = wrapForCandidates(secret, peers, shards)

test('each candidate unwraps the keys of its shards with its node key, and nobody else’s', () => {
  assert.equal(wrapped.byteLength, vehicles.length * shards * 40)
  for (const [index, vehicle] of vehicles.entries()) {
    const mine = [4, 0].map((position) => {
      const at = wrappedAt(index, shards, position)
      return wrapped.slice(at, at + 40)
    })
    assert.deepEqual(unwrapAsCandidate(vehicle, job, mine), [shardKey(secret, 4), shardKey(secret, 0)])
    for (const other of vehicles.filter((one) => one !== vehicle))
      assert.throws(() => unwrapAsCandidate(other, job, mine), Unsealable)
    for (const wrong of [blindKeyOf(new Uint8Array(32)), new Uint8Array(32)])
      assert.throws(() => unwrapAsCandidate(vehicle, wrong, mine), Unsealable)
  }
})

test('equal results are equal ciphertext, and different ones have nothing in common', () => {
  const key = shardKey(secret, 0)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 200 }), fc.nat(), (bytes, at) => {
      const sealed = sealResult(key, bytes)
      assert.deepEqual(sealResult(key, bytes), sealed)
      assert.deepEqual(unsealResult(key, sealed, 'it'), bytes)
      const bent = sealed.slice()
      bent[at % bent.length]! ^= 1 << (at % 8)
      assert.throws(() => unsealResult(key, bent, 'it'), Unsealable)
      assert.throws(() => unsealResult(shardKey(secret, 1), sealed, 'it'), Unsealable)
      assert.throws(() => unsealResult(key, sealed.subarray(0, at % sealed.length), 'it'), Unsealable)

      // Under one key stream they would differ where the plaintexts do, and nowhere else.
      const other = bytes.slice()
      other[0]! ^= 1
      const differing = sealResult(key, other).filter((byte, i) => byte !== sealed[i]).length
      assert.ok(differing > sealed.length / 2, `${differing} of ${sealed.length} bytes differ`)
    }),
    { numRuns: 200 },
  )
})

const manifest = manifestWith({
  blind: { key: job, candidates: [], keys: manifestWith().documents },
})
const record = (code: string | null): PageRecord => ({
  output: new Uint8Array(),
  text: 'confidential',
  error: code === null ? null : { code, message: 'why' },
})

test('a steward that cannot read a result sees whether it counts: the engine, and who ran out of something', () => {
  const key = shardKey(secret, 0)
  const engine = 'ocr/exact/1'
  const result = (code: string | null): ShardResult => ({ engine, records: [record(code)] })
  for (const [code, exhausted] of [
    [null, false],
    ['not-a-number', false],
    ['memory-limit', true],
    ['stack-limit', true],
  ] as const) {
    const bytes = packResult(manifest, result(code), key)
    assert.equal(Buffer.from(bytes).includes('confidential'), false)
    assert.deepEqual(examineSealedResult(bytes, engine), { state: 'good', text: '', exhausted })
    assert.deepEqual(unpackResult(manifest, bytes, 1, key), result(code).records)
    assert.throws(() => unpackResult(manifest, bytes, 1, shardKey(secret, 1)), Unsealable)
  }
  assert.deepEqual(examineSealedResult(packResult(manifest, result(null), key), 'another'), {
    state: 'invalid',
  })
  assert.deepEqual(examineSealedResult(packResult(manifestWith(), result(null), key), engine), {
    state: 'invalid',
  })
})
