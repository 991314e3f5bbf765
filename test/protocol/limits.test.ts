/** Bounds: what the protocol lets somebody sign also travels to those who need it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { decodeShardList, encodeList } from '../../src/protocol/job/lists.ts'
import {
  handoverRecordsMax,
  leaseShardsMax,
  shardEntryBytesMax,
  shardListBytesMax,
  statementClaimsMax,
  syncIdsMax,
  wrappedKeyBytes,
} from '../../src/protocol/limits.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'
import { bytesMaxOf, recordKinds } from '../../src/protocol/records.ts'
import { messageBytesMax, recordBytesMax } from '../../src/protocol/sizes.ts'
import { decodeEvidence, encodeEvidence } from '../../src/protocol/verification/evidence.ts'
import { bodyOf, manifestWith, peerNamed, sign } from '../support/core-fakes.ts'
import {
  fullCid,
  fullOpening,
  fullRecord,
  fullRecords,
  most,
  openFullRecord,
  times,
} from '../support/full-records.ts'

const job = fullCid('job')

for (const name of fullRecords)
  test(`a ${name} with every field at its bound reaches another steward`, () => {
    const record = fullRecord(name)
    const opening = name === 'receipt' ? fullOpening : null
    const told = decodeMessage(encodeMessage({ type: 'record', job, record, opening }))
    assert(told.type === 'record')
    assert.deepEqual(openFullRecord(name, told.record), openFullRecord(name, record))
    assert.deepEqual(told.opening, opening)
  })

test('the longest record of every kind fits a message, with the longest opening beside it', () => {
  for (const kind of recordKinds) {
    const bytes = bytesMaxOf(kind)
    const record = { body: new Uint8Array(bytes), signature: new Uint8Array(64) }
    const told = decodeMessage(encodeMessage({ type: 'record', job, record, opening: fullOpening }))
    assert(told.type === 'record' && told.record.body.byteLength === bytes, kind)
  }
})

test('the longest offer, statement, evidence and list of ids fit a message', () => {
  const longest = (kind: keyof typeof recordBytesMax) => ({
    body: new Uint8Array(recordBytesMax[kind]),
    signature: new Uint8Array(64),
  })
  const receipt = { record: longest('receipt'), opening: fullOpening }
  const evidence = {
    manifest: longest('manifest'),
    handovers: times(handoverRecordsMax, () => longest('handover')),
    lease: longest('lease'),
    receipts: [receipt, receipt],
    certificate: longest('owner'),
  }
  const messages: Message[] = [
    {
      type: 'offer',
      manifest: longest('manifest'),
      handovers: times(handoverRecordsMax, () => longest('handover')),
      lease: longest('lease'),
      keys: times(leaseShardsMax, () => new Uint8Array(wrappedKeyBytes)),
    },
    {
      type: 'statement',
      record: longest('statement'),
      claims: times(statementClaimsMax, (i) => [fullCid(i), most, most, most, true]),
      next: most,
    },
    { type: 'evidence', evidence },
    { type: 'want', job: fullCid('job'), leaf: 0, ids: times(syncIdsMax, () => 'x'.repeat(64)) },
  ]
  for (const message of messages) assert.deepEqual(decodeMessage(encodeMessage(message)), message)
  assert.deepEqual(decodeEvidence(encodeEvidence(evidence)), evidence)
})

test('a message above the bound is refused', () => {
  const body = new Uint8Array(messageBytesMax)
  const message = encodeMessage({
    type: 'record',
    job,
    record: { body, signature: new Uint8Array(64) },
    opening: null,
  })
  assert.throws(
    () => decodeMessage(message),
    (error) => error instanceof ProtocolError && error.refusal.code === 'too-large',
  )
})

test('an entry of the list of shards is never longer than a job of a million of them allows', () => {
  const entries = times(100, (i) => ({ shard: fullCid(i), pages: most, bytes: most, costMs: most }))
  const list = encodeList(entries)
  assert(list.byteLength <= entries.length * shardEntryBytesMax)
  assert.deepEqual(decodeShardList(list), entries)
})

test('a manifest whose lists nobody could hold in memory is refused before they are fetched', () => {
  const shards = { file: fullCid('list'), bytes: shardListBytesMax, count: 1, pages: 1 }
  openFullRecord('manifest', manifestOf({ shards }))
  assert.throws(
    () => openFullRecord('manifest', manifestOf({ shards: { ...shards, bytes: shardListBytesMax + 1 } })),
    (error) => error instanceof ProtocolError && error.refusal.code === 'malformed',
  )
})

function manifestOf(changes: Parameters<typeof manifestWith>[0]) {
  return sign(bodyOf('manifest', peerNamed('submitter'), manifestWith(changes)))
}
