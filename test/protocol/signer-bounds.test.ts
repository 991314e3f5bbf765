/** Promises of the bounds of signers: nobody fills a job's records, and the order in which they come makes no difference. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JobRecords } from '../../src/protocol/council/job-records.ts'
import type { RecordId } from '../../src/protocol/ids.ts'
import type { Handover } from '../../src/protocol/job/handover.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import {
  drawCandidatesMax,
  handoversMax,
  leaseShardsMax,
  lostReplicasMax,
  settledVerdictsMax,
  shardsMax,
  voicesMax,
} from '../../src/protocol/limits.ts'
import { encodeBody, recordId, type Verified } from '../../src/protocol/record/record.ts'
import { checked, type JobRecord, type RecordKind } from '../../src/protocol/records.ts'
import {
  recordBytesLeast,
  recordEntryBytes,
  signerBytesMax,
  submitterBoundFactor,
  takerShareLeast,
} from '../../src/protocol/sizes.ts'
import { isExcess } from '../../src/protocol/state/admission.ts'
import {
  amountOf,
  boundOf,
  signerDrawsMax,
  signerPositionsMax,
} from '../../src/protocol/state/signer-bounds.ts'
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

const candidatesOf = new Map<number, readonly number[]>()

/** Takes about so many bytes. */
function drawOf(signer: string, serial: number, bytes: number, mark = ''): JobRecord {
  const length = Math.round(bytes / (2 * recordEntryBytes))
  const candidates = candidatesOf.get(length) ?? new Array<number>(length).fill(0)
  candidatesOf.set(length, candidates)
  return recordBy('draw', signer, serial, { candidates, mark })
}

const holdingOf = (signer: string, serial: number, verdicts: readonly RecordId[] = []) =>
  recordBy('holding', signer, serial, { inputs: true, verdicts })

function recordsOn(self: string, of = manifest): JobRecords {
  return new JobRecords(job, of, sha256, { self: peerNamed(self) })
}

/** Someone who was told these, again and again while any was new, as comparisons do. */
function told(entries: readonly JobRecord[], self = 'c'): JobRecords {
  const records = recordsOn(self).countShards(1)
  for (let isNew = true; isNew; ) {
    isNew = false
    for (const entry of entries) if (records.admitFirst(entry)) isNew = true
  }
  return records
}

function bytesBy(records: JobRecords, signer: string): number {
  let bytes = 0
  for (const entry of records.all())
    if (entry.record.signer === peerNamed(signer)) bytes += amountOf(entry).bytes
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
  const again = recordsOn('c').countShards(1).restore(flood.toReversed())
  assert.deepEqual(
    flood.filter(({ record }) => again.has(record.id)),
    kept,
    'nor does a restart take what came first',
  )
})

test('what a manifest says of its shards gives nobody room: those of the list that is here do', () => {
  const shards = { file: cidNamed('list'), bytes: 120 * 500_000, count: 500_000, pages: 500_000 }
  const hostile = manifestWith({
    ...{ stewards: manifest.stewards, shards },
    assurance: { ...manifest.assurance, replicas: voicesMax },
  })
  const flood = Array.from({ length: 20 }, (_, serial) => drawOf('b', serial, 10 * mebi))
  const records = recordsOn('c', hostile)
  for (const entry of flood) records.admit(entry)
  assert(records.bytes > 0 && records.bytes <= signerBytesMax, `${records.bytes} bytes`)
  assert.equal(records.bytes, bytesBy(records, 'b'))
  assert.equal(isExcess(records.judge(flood.at(-1)!)!), false, 'it comes again once the list is here')
  const submitters = drawOf('a', 0, (submitterBoundFactor + 1) * signerBytesMax)
  assert.equal(records.judge(submitters), 'without-list')
  records.countShards(1_000)
  for (const entry of flood) records.admit(entry)
  assert.equal(bytesBy(records, 'b'), 20 * amountOf(flood[0]!).bytes)
  const again = recordsOn('c', hostile).countShards(1_000).restore(records.all())
  assert.equal(again.size, flood.length, 'a restart that has the list drops nothing')
})

test('a restart takes what a steward signed first, whatever kinds it is of', () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => cidNamed(`verdict ${i}`))
  const bytes = amountOf(holdingOf('b', 1, ids)).bytes
  const large = holdingOf('b', 1, Array.from({ length: Math.ceil((10 * mebi) / bytes) }, () => ids).flat())
  // Draws are read before holdings, since leases rest on them.
  const journal = [drawOf('b', 2, 10 * mebi), large]
  const records = recordsOn('c').countShards(1).restore(journal)
  assert.deepEqual(
    [...records.all()].map(({ record }) => record.id),
    [large.record.id],
  )
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
    { numRuns: 40 },
  )
})

/** What hostile stewards sign and their vehicles, by a few numbers. */
function entriesOf(made: readonly (readonly [number, number, number])[]): JobRecord[] {
  const signers = ['b', 'd', 'e', 'f', 'a']
  const handovers: Verified<Handover>[] = []
  const leases: JobRecord[] = []
  const receipts: string[] = []
  return made.flatMap(([kind, serial, mark]): JobRecord[] => {
    const signer = signers[mark % signers.length]!
    const size = [0.1, 1, 3, 9][mark % 4]! * mebi
    const opening = (covers: readonly number[]) => ({
      results: covers.map(() => cidNamed('result')),
      nonce: new Uint8Array(32),
    })
    switch (kind) {
      case 0:
      case 1: {
        const after =
          mark % 3 === 0 ? handovers.find(({ payload }) => payload.taker.peer === peerNamed('d')) : undefined
        const taker = signers[1 + (mark % 3)]!
        const by = after === undefined ? 'b' : 'd'
        handovers.push(handoverOf({ job, signer: by, lost: 'c', taker, serial, ...(after && { after }) }))
        return [checked('handover', handovers.at(-1)!)]
      }
      case 2:
      case 3: {
        const positions = Array.from({ length: 1 + (mark % 4) }, (_, i) => i)
        leases.push(checked('lease', leaseOf('v1', positions, { steward: signer, serial, units: mark })))
        return leases.slice(-1)
      }
      case 4:
      case 5:
      case 6: {
        const lease = leases[mark % Math.max(1, leases.length)]
        if (lease?.kind !== 'lease') return []
        const covers = lease.record.payload.positions.filter((_, i) => serial % 2 === 0 || i === serial % 4)
        if (covers.length === 0) return []
        const receipt = receiptOf(lease.record, covers, 10 * serial + mark)
        receipts.push(receipt.id)
        return [checked('receipt', receipt, opening(covers))]
      }
      case 7: {
        const agreeing = receipts.slice(0, mark % 5).map((id) => ({ id }) as never)
        return [checked('verdict', verdictOf(0, agreeing, { steward: signer, serial }))]
      }
      default:
        return [
          kind === 8
            ? holdingOf(signer, serial, [cidNamed(`${mark}`)])
            : drawOf(signer, serial, size, `${mark}`),
        ]
    }
  })
}

test('whatever stewards that lie, their takers and a vehicle sign, and in whatever order it comes, all have the same', () => {
  const one = fc.tuple(fc.nat({ max: 13 }), fc.nat({ max: 9 }), fc.nat({ max: 40 }))
  let [gaveWay, refused] = [0, 0]
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 20, maxLength: 90 }),
      fc.infiniteStream(fc.nat()),
      (made, chance) => {
        const entries = entriesOf(made)
        const shuffled = entries
          .map((entry) => ({ entry, at: chance.next().value as number }))
          .sort((x, y) => x.at - y.at)
          .map(({ entry }) => entry)
        const [one, other] = [told(entries), told(shuffled)]
        gaveWay += one.takeDropped().length
        refused += entries.filter(({ record }) => !one.has(record.id)).length
        assert.deepEqual(other.trie.root(), one.trie.root(), 'or they compare their records for ever')
        const restored = (some: Iterable<JobRecord>) => recordsOn('c').countShards(1).restore(some)
        assert.deepEqual(restored(one.all()).trie.root(), one.trie.root(), 'a restart changes nothing')
        const anew = restored(shuffled)
        assert.deepEqual(anew.trie.root(), one.trie.root(), 'nor does a journal that holds more')
        const gone = new Set(anew.takeDropped())
        assert(
          entries.every(({ record }) => anew.has(record.id) !== gone.has(record.id)),
          'the rest is dropped',
        )
      },
    ),
    { numRuns: 150 },
  )
  // Some 115 and 660 of 150 drawings; fewer than these would show nothing.
  assert(gaveWay > 30 && refused > 300, `${gaveWay} gave way, ${refused} were refused`)
})

test('what a taker signed stays where its giver signs the serial of that handover once more', () => {
  const given = ['d', 'e'].map((taker) =>
    checked('handover', handoverOf({ job, signer: 'b', lost: 'c', taker, serial: 7 })),
  )
  const [lower, higher] = given.toSorted((x, y) => (x.record.id < y.record.id ? -1 : 1))
  const taker = higher!.record.payload.taker.peer === peerNamed('d') ? 'd' : 'e'
  const signed = [holdingOf(taker, 0), drawOf(taker, 1, mebi)]
  for (const order of [
    [higher!, ...signed, lower!],
    [lower!, higher!, ...signed],
  ]) {
    const records = told(order)
    assert(signed.every(({ record }) => records.has(record.id)))
    assert.deepEqual(records.takeDropped(), [])
  }
})

test('both of two records under one serial hold, where they fit; else the one with the lower id', () => {
  const two = [drawOf('b', 7, 1_000), holdingOf('b', 7)]
  for (const order of [two, two.toReversed()]) assert.equal(told(order).size, 2)
  const large = [drawOf('b', 7, 10 * mebi, 'one'), drawOf('b', 7, 10 * mebi, 'other')]
  const [lower, higher] = large.toSorted((x, y) => (x.record.id < y.record.id ? -1 : 1))
  for (const order of [large, large.toReversed()]) {
    const records = told(order)
    assert.deepEqual([records.has(lower!.record.id), records.has(higher!.record.id)], [true, false])
  }
  assert.equal(told([lower!]).judge(higher!), 'too-much')
  assert.equal(told([higher!]).judge(lower!), 'gives-way')
  assert.equal(told([higher!]).admit(lower!), false, 'nothing gives way unless it is asked to')
})

test('what gives way takes along all that rests on it, and what counted without it goes on counting', () => {
  const { id: _, ...body } = leaseOf('v1', [0], { steward: 'b', serial: 5 })
  // Of so many candidates that it takes much of the bound.
  const draw = { ...body.payload.draw, eligible: new Uint8Array(10 * mebi) }
  const large = { ...body, payload: { ...body.payload, draw } }
  const lease: Verified<Lease> = { ...large, id: recordId(sha256, encodeBody(large)) }
  const receipt = receiptOf(lease, [0])
  const verdict = verdictOf(0, [], { steward: 'a', outcome: 'failed' })
  const opening = { results: [cidNamed('result')], nonce: new Uint8Array(32) }
  const records = told([
    checked('lease', lease),
    checked('receipt', receipt, opening),
    checked('verdict', verdict),
    holdingOf('a', 900, [verdict.id]),
  ])
  assert.equal(records.size, 4)
  const before = records.verdicts.records.size
  assert(records.admitFirst(drawOf('b', 4, 10 * mebi)))
  assert.deepEqual(records.takeDropped().sort(), [lease.id, receipt.id].sort())
  assert.equal(records.size, 3)
  assert.equal(records.verdicts.records.size, before)
  assert.deepEqual(records.decisions.takeCounted().verdicts.length, before, 'news is news once')
})

test('names of nothing count for all the memory that they take', () => {
  const names = (serial: number) => Array.from({ length: 128 }, (_, i) => cidNamed(`nothing ${serial} ${i}`))
  const records = told(Array.from({ length: 400 }, (_, serial) => holdingOf('b', serial, names(serial))))
  assert(records.size > 100 && records.size < 300, `${records.size} holdings`)
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
    const records = recordsOn(self).countShards(1)
    for (const [i, taker] of ['d', 'f', 'g', 'h', 'i', 'j', 'e'].entries())
      assert(
        records.admit(checked('handover', handoverOf({ job, signer: 'b', lost: 'c', taker, serial: i }))),
      )
    for (const entry of flood(signer)) records.admit(entry)
    return bytesBy(records, signer)
  }
  const standby = kept('b')
  assert(Math.abs(kept('a') / standby - submitterBoundFactor) < 1)
  assert(Math.abs(kept('d') / standby - 1) < 0.2, 'the first taker may have to do the job alone')
  assert(kept('e') / standby <= takerShareLeast + 0.1)
  assert(kept('b', 'b') > 10 * standby)
})

test('a steward leaves off leasing while it still has room for what follows from its leases', () => {
  const records = told([])
  for (let serial = 0; records.hasRoomToLease(peerNamed('b')); serial += 1)
    assert(records.admit(drawOf('b', serial, mebi / 2)))
  assert(records.admit(drawOf('b', 1_000, mebi)))
  assert(bytesBy(records, 'b') < signerBytesMax)
})

test('the numbers of draws, and of shards that leases name, are bounded, too', () => {
  const { draws: drawsMax } = boundOf(manifest, 1)
  assert.equal(drawsMax, signerDrawsMax + 1)
  const draws = told(Array.from({ length: drawsMax + 20 }, (_, serial) => drawOf('b', serial, 0)))
  assert.equal(draws.size, drawsMax)
  assert.equal(draws.hasRoomToLease(peerNamed('b')), false)
  assert(draws.admit(holdingOf('b', 5_000)), 'there is room for other kinds')
  const max = boundOf(manifest, 1).positions
  assert.equal(max, signerPositionsMax + 2 * manifest.assurance.replicas + lostReplicasMax)
  const positions = Array.from({ length: leaseShardsMax }, (_, i) => i)
  const some = Math.ceil(max / leaseShardsMax) + 20
  const leases = told(
    Array.from({ length: some }, (_, serial) =>
      checked('lease', leaseOf('v1', positions, { steward: 'b', serial })),
    ),
  )
  assert.equal(leases.size, Math.floor(max / leaseShardsMax))
})

test('what a verdict names stays, and no vehicle pushes it out by what it signs besides', () => {
  const lease = leaseOf('v1', [0, 1], { steward: 'b' })
  const receipt = (covers: readonly number[], serial: number) => {
    const results = covers.map(() => cidNamed('result'))
    return checked('receipt', receiptOf(lease, covers, serial), { results, nonce: new Uint8Array(32) })
  }
  const named = receipt([0, 1], 100)
  const besides = Array.from({ length: 8 }, (_, serial) => receipt([serial % 2], serial))
  const verdict = checked('verdict', verdictOf(0, [named.record], { steward: 'a' }))
  for (const order of [
    [checked('lease', lease), named, verdict, ...besides],
    [checked('lease', lease), ...besides, verdict, named],
  ]) {
    const records = told(order)
    assert(records.has(named.record.id))
    assert.equal(besides.filter(({ record }) => records.has(record.id)).length, 2)
  }
})

test('a taker whose share shrinks keeps what fits then, whichever came first', () => {
  const flood = Array.from({ length: 20 }, (_, serial) => drawOf('d', serial, mebi))
  const given = ['e', 'f', 'g', 'h', 'd'].map((taker, i) =>
    checked('handover', handoverOf({ job, signer: 'b', lost: 'c', taker, serial: i })),
  )
  const [one, other] = [told([...given, ...flood]), told([given[4]!, ...flood, ...given])]
  assert.deepEqual(other.trie.root(), one.trie.root())
  assert(other.takeDropped().length > 10)
})

test('what an honest job of any size needs always fits, with what is lost on the way and decided again', () => {
  const full = { candidates: Array.from({ length: drawCandidatesMax }, () => 0) }
  const sizeOf = (kind: RecordKind, payload: unknown) => amountOf(recordBy(kind, 'b', 0, payload)).bytes
  const whole = sizeOf('draw', full)
  // A newcomer that takes the place of one that has gone.
  const change = sizeOf('draw', { before: '', removed: [0], added: [0] })
  for (const count of [1, 64, 1_000, shardsMax])
    for (const replicas of [1, 2, 3, 8, voicesMax]) {
      const manifestOf = manifestWith({
        shards: { file: cidNamed('list'), bytes: 1, count, pages: count },
        assurance: { ...manifest.assurance, replicas },
      })
      const bound = boundOf(manifestOf, count)
      // One shard in each lease takes the most.
      const lease =
        amountOf(checked('lease', leaseOf('v1', [0], { steward: 'b' }))).bytes + drawCandidatesMax / 8
      const receipts = Array.from({ length: replicas }, () => ({ id: cidNamed('receipt') }) as never)
      const settles = Array.from({ length: settledVerdictsMax }, () => cidNamed('verdict'))
      const verdict = amountOf(checked('verdict', verdictOf(0, receipts))).bytes
      const settling = amountOf(checked('verdict', verdictOf(0, receipts, { settles }))).bytes
      const held = sizeOf('holding', { inputs: true, verdicts: [] }) + 4 * recordEntryBytes
      // A quarter of all executions is lost, and an eighth of all shards decided once more, by a recomputation.
      const leasing = count * 1.25 * replicas * lease + 2 * whole + (count + 1_000) * change + 1_000 * lease
      const deciding = count * (verdict + (settling + held) / 8) + handoversMax * held
      assert(leasing <= (bound.bytes * 7) / 8, `leases of ${count} shards, ${replicas} each`)
      assert(leasing + deciding <= bound.bytes, `${count} shards, ${replicas} each`)
      assert(1.25 * replicas * count + 1_000 <= (bound.positions * 7) / 8)
      // The submitter's node, which goes on when nobody else does: every shard is lost as often as it may be.
      const most =
        count * ((replicas + lostReplicasMax) * lease + 2 * settling + change) + 16 * whole + 1_000 * lease
      assert(most <= (submitterBoundFactor * bound.bytes * 7) / 8)
    }
  assert(recordBytesLeast * 3_000 < signerBytesMax)
})
