import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyAhead } from '../../src/host/jobs/verify-ahead.ts'
import { SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import { encodeBody, type SignedRecord } from '../../src/protocol/record/record.ts'
import { bodyOf } from '../support/core-fakes.ts'

const [honest, liar] = [SigningKey.generate(), SigningKey.generate()]

function recordOf(signer: SigningKey, payload: object, by = signer): SignedRecord {
  const body = encodeBody(bodyOf('holding', signer.peerId, payload))
  return { body, signature: by.sign(body) }
}

test('what was checked beforehand is answered as it would have been without', async () => {
  const good = recordOf(honest, { n: 1 })
  const forged = recordOf(honest, { n: 2 }, liar)
  // Another signer stands where the guess looks first, in the payload.
  const decoy = recordOf(honest, { a: { signer: liar.peerId } })
  const planted = recordOf(honest, { a: { signer: liar.peerId } }, liar)
  const records = [good, forged, decoy, planted, { body: new Uint8Array(0), signature: new Uint8Array(64) }]
  const verify = await verifyAhead(records)
  for (const { body, signature } of records)
    for (const { peerId } of [honest, liar])
      assert.equal(verify(peerId, body, signature), verifyByPeerId(peerId, body, signature))
  assert.equal(verify(honest.peerId, good.body, forged.signature), false)
  assert.equal(verify(honest.peerId, decoy.body, decoy.signature), true)
})
