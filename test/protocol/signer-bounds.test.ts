/** Promises of the bounds of signers: nobody fills a job's records, and the order in which they come makes no difference. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JobRecords } from '../../src/protocol/council/job-records.ts'
import type { RecordId } from '../../src/protocol/ids.ts'
import {
  handoverShare,
  signerBytesMax,
  submitterBoundFactor,
  takerShareLeast,
} from '../../src/protocol/limits.ts'
import { encodeBody, recordId } from '../../src/protocol/record/record.ts'
import { checked, type JobRecord, type RecordKind } from '../../src/protocol/records.ts'
import { recordEntryBytes } from '../../src/protocol/sizes.ts'
import { isExcess } from '../../src/protocol/state/refusal.ts'
import { bytesOf } from '../../src/protocol/state/signer-bounds.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, placeOf, sha256 } from '../support/core-fakes.ts'
import { handoverOf } from '../support/handovers.ts'
import { leaseOf, paidJob, receiptOf, verdictOf } from '../support/paid-work.ts'

const { job } = paidJob
const manifest = manifestWith({
  stewards: [placeOf('a'), placeOf('b'), placeOf('c')],
  shards: { file: cidNamed('list'), bytes: 1, count: 1, pages: 1 },
})
const mebi = 2 ** 20

function recordBy(kind: RecordKind, signer: string, serial: number, payload: unknown): JobRecord {
  const body = bodyOf(kind, peerNamed(signer), payload, { job, serial })
  return checked(kind, { ...body, id: recordId(sha256, encodeBody(body)) }) as JobRecord
}

/** Takes about so many bytes. */
function drawOf(signer: string, serial: number, bytes: number, mark = ''): JobRecord {
  const candidates = Array.from({ length: Math.round(bytes / (2 * recordEntryBytes)) }, () => 0)
  return recordBy('draw', signer, serial, { candidates, mark })
}

const holdingOf = (signer: string, serial: number, verdicts: readonly RecordId[] = []) =>
  recordBy('holding', signer, serial, { inputs: true, verdicts })

/** Someone who was told these, again and again while any was new, as comparisons do. */
function told(entries: readonly JobRecord[], self = 'c'): JobRecords {
  const records = new JobRecords(job, manifest, sha256, { self: peerNamed(self) })
  for (let isNew = true; isNew; ) {
    isNew = false
    for (const entry of entries) if (records.admitFirst(entry)) isNew = true
  }
  return records
}

function bytesBy(records: JobRecords, signer: string): number {
  let bytes = 0
  for (const entry of records.all()) if (entry.record.signer === peerNamed(signer)) bytes += bytesOf(entry)
  return bytes
}

test('one steward’s records stay within its bound, the first that it signed; and those of others are all taken', () => {
  const flood = Array.from({ length: 60 }, (_, serial) => drawOf('b', serial, mebi))
  const honest = Array.from({ length: 20 }, (_, serial) => holdingOf('a', serial))
  const records = told([...flood.toReversed(), ...honest])
  const kept = flood.filter(({ record }) => records.has(record.id))
  assert(kept.length > 10 && kept.length < 20)
  assert.deepEqual(kept, flood.slice(0, kept.length))
  assert(bytesBy(records, 'b') <= 1.1 * signerBytesMax)
  assert(honest.every(({ record }) => records.has(record.id)))
  assert.equal(records.judge(flood.at(-1)!), 'too-much')
})

test('whatever a steward signs, and in whatever order it comes, all others have the same', () => {
  const size = fc.constantFrom(0.1, 1, 3, 5, 9)
  const one = fc.record({ serial: fc.nat({ max: 12 }), size, mark: fc.nat({ max: 3 }) })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (made, chance) => {
      const entries = made.map(({ serial, size, mark }) => drawOf('b', serial, size * mebi, `${mark}`))
      const shuffled = entries
        .map((entry) => ({ entry, at: chance.next().value as number }))
        .sort((x, y) => x.at - y.at)
        .map(({ entry }) => entry)
      const [one, other] = [told(entries), told(shuffled, 'a')]
      assert.deepEqual(one.trie.root(), other.trie.root(), 'or they compare their records for ever')
      assert(bytesBy(one, 'b') <= 1.1 * signerBytesMax)
      assert.deepEqual(told([...one.all()]).trie.root(), one.trie.root(), 'a restart changes nothing')
      assert(one.takeDropped().every((id) => !one.has(id)))
    }),
    { numRuns: 60 },
  )
})

test('of two records under one serial the one with the lower id holds, of whatever kind', () => {
  const two = [drawOf('b', 7, 1_000), holdingOf('b', 7)]
  const [lower, higher] = two.toSorted((x, y) => (x.record.id < y.record.id ? -1 : 1))
  for (const order of [two, two.toReversed()]) {
    const records = told(order)
    assert.deepEqual([records.has(lower!.record.id), records.has(higher!.record.id)], [true, false])
  }
  assert.equal(told([lower!]).judge(higher!), 'serial-taken')
  assert.equal(told([higher!]).judge(lower!), 'gives-way')
  assert.equal(told([higher!]).admit(lower!), false, 'nothing gives way unless it is asked to')
})

test('what gives way takes along all that rests on it, and what counted without it goes on counting', () => {
  const lease = leaseOf('v1', [0], { steward: 'b', serial: 5 })
  const twin = leaseOf('v2', [0], { steward: 'b', serial: 5 })
  const [lower, higher] = lease.id < twin.id ? [lease, twin] : [twin, lease]
  const vehicle = higher === lease ? 'v1' : 'v2'
  const receipt = receiptOf(higher, [0])
  assert.equal(receipt.signer, peerNamed(vehicle))
  const verdict = verdictOf(0, [], { steward: 'a', outcome: 'failed' })
  const opening = { results: [cidNamed('result')], nonce: new Uint8Array(32) }
  const records = told([
    checked('lease', higher),
    checked('receipt', receipt, opening),
    checked('verdict', verdict),
    holdingOf('a', 900, [verdict.id]),
  ])
  assert.equal(records.size, 4)
  const before = records.verdicts.records.size
  assert(records.admitFirst(checked('lease', lower)))
  assert.deepEqual(records.takeDropped().sort(), [higher.id, receipt.id].sort())
  assert.equal(records.size, 3)
  assert.equal(records.verdicts.records.size, before)
  assert.deepEqual(records.decisions.takeCounted().verdicts.length, before, 'news is news once')
})

test('a holding is taken once its verdicts are here: names of nothing take no memory', () => {
  const names = Array.from({ length: 128 }, (_, i) => cidNamed(`nothing ${i}`))
  const records = told([holdingOf('b', 1, names)])
  assert.equal(records.size, 0)
  const verdict = verdictOf(0, [], { steward: 'a' })
  assert.equal(told([holdingOf('b', 1, [verdict.id]), checked('verdict', verdict)]).size, 2)
})

test('a lease has as many receipts as it can need, the first that its vehicle signed', () => {
  const lease = leaseOf('v1', [0], { steward: 'b' })
  const opening = { results: [cidNamed('result')], nonce: new Uint8Array(32) }
  const receipts = Array.from({ length: 9 }, (_, serial) => receiptOf(lease, [0], serial))
  const entries = receipts.map((receipt) => checked('receipt', receipt, opening))
  const records = told([checked('lease', lease), ...entries.toReversed()])
  assert.deepEqual(
    receipts.filter(({ id }) => records.has(id)),
    receipts.slice(0, 2),
  )
  assert.equal(records.judge(entries[5]!), 'too-many-receipts')
  assert(isExcess('too-many-receipts') && !isExcess('without-lease'))
})

test('the submitter’s node may sign more, a taker less, and a node does not bound itself', () => {
  const flood = (signer: string) => Array.from({ length: 300 }, (_, serial) => drawOf(signer, serial, mebi))
  const kept = (signer: string, self = 'c') => {
    const taker = checked('handover', handoverOf({ job, signer: 'b', lost: 'c', taker: 'd', serial: 999 }))
    const records = new JobRecords(job, manifest, sha256, { self: peerNamed(self) })
    for (const entry of [taker, ...flood(signer)]) records.admit(entry)
    return bytesBy(records, signer)
  }
  const standby = kept('b')
  assert(Math.abs(kept('a') / standby - submitterBoundFactor) < 1)
  const part = kept('d') / standby
  assert(part < 0.5 && part >= takerShareLeast - 0.1, `${part} with a share of ${handoverShare}`)
  assert(kept('b', 'b') > 10 * standby)
})

test('a steward leaves off leasing while it still has room for what follows from its leases', () => {
  const records = told([])
  for (let serial = 0; records.hasRoomToLease(peerNamed('b')); serial += 1)
    assert(records.admit(drawOf('b', serial, mebi / 2)))
  assert(records.admit(drawOf('b', 1_000, mebi)))
  assert(bytesBy(records, 'b') < signerBytesMax)
})
