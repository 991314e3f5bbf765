/** The door for records: what each kind may be, and what a journal gives back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { Opening } from '../../src/protocol/job/lease.ts'
import { encodeBody, type SignedRecord } from '../../src/protocol/record/record.ts'
import {
  isMoney,
  isShared,
  openRecord,
  openRecordAs,
  recordKinds,
  reopen,
} from '../../src/protocol/records.ts'
import { recordBytesMax } from '../../src/protocol/sizes.ts'
import { bodyOf, cidNamed, peerNamed, sha256, sign, verify } from '../support/core-fakes.ts'
import { leaseOf, receiptOf } from '../support/paid-work.ts'

const opening: Opening = { results: [cidNamed('result')], nonce: new Uint8Array(32) }

function receipt(): SignedRecord {
  const { id: _, ...body } = receiptOf(leaseOf('v1', [0]), [0], 0, opening)
  return sign(body)
}

function refusalOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    assert(error instanceof ProtocolError, `${error}`)
    return error.refusal.code
  }
  return 'none'
}

test('a receipt comes in with what it commits to, and not without', () => {
  const signed = receipt()
  const { kind, record, opening: kept } = openRecord(signed, opening, sha256, verify)
  assert.deepEqual([kind, kept], ['receipt', opening])
  assert.deepEqual(openRecordAs('receipt', signed, opening, sha256, verify).record, record)
  assert.equal(
    refusalOf(() => openRecord(signed, null, sha256, verify)),
    'malformed',
  )
  assert.equal(
    refusalOf(() => openRecordAs('receipt', signed, null, sha256, verify)),
    'malformed',
  )
})

test('a record counts with the signature of its signer', () => {
  const signed = receipt()
  const signature = signed.signature.slice()
  signature[0]! ^= 1
  for (const forged of [
    { ...signed, signature },
    { ...signed, signature: signature.slice(1) },
  ])
    assert.equal(
      refusalOf(() => openRecord(forged, opening, sha256, verify)),
      'wrong-signature',
    )
})

test('no record is longer than its kind allows, though others may be', () => {
  // The end of a job, with a reason of a length that a verdict could have.
  const end = { outcome: 'complete', reason: 'x'.repeat(recordBytesMax.end), secret: new Uint8Array(32) }
  const long = sign(bodyOf('end', peerNamed('steward'), end, { job: cidNamed('job') }))
  assert(long.body.byteLength < recordBytesMax.verdict)
  for (const open of [
    () => openRecord(long, null, sha256, verify),
    () => openRecordAs('end', long, null, sha256, verify),
  ])
    assert.equal(refusalOf(open), 'too-large')
})

test('a kind that nobody knows is refused, and so is a record under the name of another kind', () => {
  const unknown = sign(bodyOf('gossip' as never, peerNamed('steward'), {}))
  assert.equal(
    refusalOf(() => openRecord(unknown, null, sha256, verify)),
    'malformed',
  )
  assert.equal(
    refusalOf(() => openRecordAs('lease', receipt(), null, sha256, verify)),
    'malformed',
  )
})

test('a journal gives back what was put into it, and nothing that was damaged since', () => {
  const { record } = openRecord(receipt(), opening, sha256, verify)
  const { id, ...rest } = record
  const body = encodeBody(rest)
  assert.deepEqual(reopen('receipt', { id, body, extra: null }, sha256).record, record)
  const damaged = body.slice()
  damaged[damaged.length - 1]! ^= 1
  assert.equal(
    refusalOf(() => reopen('receipt', { id, body: damaged, extra: null }, sha256)),
    'malformed',
  )
})

test('the ledger hears of every kind on which it depends at once what a claim comes to', () => {
  const money = recordKinds.filter((kind) => isMoney({ kind }))
  assert.deepEqual(money, ['lease', 'allowance', 'receipt'])
  assert(
    money.every((kind) => isShared({ kind })),
    'and so do all stewards',
  )
})
