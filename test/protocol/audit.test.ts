/** What the audit objects to: each report but the first differs from an honest one in a single thing. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromString } from 'uint8arrays'
import { type AuditOutcome, auditReport } from '../../src/protocol/audit/audit.ts'
import type { ReportedRecord } from '../../src/protocol/audit/report.ts'
import type { Cid, OwnerId, RecordId } from '../../src/protocol/ids.ts'
import type { Allowance } from '../../src/protocol/job/allowance.ts'
import { bitsOf, type DrawBasis } from '../../src/protocol/job/draw.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { type Manifest, resultEngine } from '../../src/protocol/job/manifest.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import type { JobEnd, ShardVerdict, Verdict } from '../../src/protocol/job/verdict.ts'
import type { Charter, Credential } from '../../src/protocol/membership/fleet.ts'
import type { LeasePrice, Payment } from '../../src/protocol/price.ts'
import { cborCid, encodeCbor } from '../../src/protocol/record/block.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import {
  bodyOf,
  cidNamed,
  manifestWith,
  ownerNamed,
  peerNamed,
  placeOf,
  seed,
  sha256,
  sign,
  verify,
} from '../support/core-fakes.ts'

const steward = peerNamed('steward')
const nonce = sha256(fromString('nonce'))
const manifest: Manifest = manifestWith({ stewards: [placeOf('steward')] })
const shard = cidNamed('the only shard')
const resultSaying = (text: string) =>
  encodeResult({
    engine: resultEngine(manifest),
    records: [{ output: fromString(JSON.stringify({ text })), text, error: null }],
  })
const cidSaying = (text: string) => cborCid(sha256, resultSaying(text))

const [owner1, owner2] = [ownerNamed('a'.repeat(64)), ownerNamed('b'.repeat(64))]

/** Two vehicles of two owners, and a second vehicle of the first. */
const basis: DrawBasis = {
  candidates: [
    { peer: peerNamed('v1'), owner: owner1 },
    { peer: peerNamed('v2'), owner: owner2 },
    { peer: peerNamed('v3'), owner: owner1 },
  ],
}

interface Story {
  /** Positions in the basis of those who got a lease, and returned it. */
  readonly leased: readonly number[]
  /** Who the draw could choose from, when that is not just the one who got the lease. */
  readonly eligible?: readonly number[]
  readonly opened?: Cid
  /** What each of them read, in a job in which texts may be an edit apart; otherwise all read the same. */
  readonly texts?: readonly string[]
  readonly verdict?: Partial<ShardVerdict> | 'none'
  readonly end?: Partial<JobEnd>
  readonly signedBy?: string
  /** In a fleet: as whose it admitted each vehicle, under which key. */
  readonly admitted?: readonly { readonly vehicle: string; readonly owner: OwnerId; readonly by: string }[]
  readonly payment?: Payment
  readonly price?: LeasePrice
  readonly units?: readonly number[]
  /** The steward takes back what it promised for the shard in the first of so many leases. */
  readonly writtenOff?: number
}

function problemsOf(story: Story): readonly string[] {
  return audited(story).problems
}

function audited(story: Story): AuditOutcome {
  const { leased, eligible, opened, texts, verdict, end, signedBy, admitted } = story
  const { payment = null, price = null, units = [1], writtenOff = 0 } = story
  const records: ReportedRecord[] = []
  let job: RecordId | null = null
  let serial = 0
  const add = (kind: RecordKind, signer: Manifest['stewards'][number]['peer'], payload: unknown) => {
    const record = sign(bodyOf(kind, signer, payload, { job, serial }))
    serial += 1
    records.push({ kind, record, opening: null })
    return recordId(sha256, record.body)
  }
  const fleet = admitted === undefined ? null : peerNamed('fleet')
  const agreement = texts === undefined ? 'bytes' : { relation: 'text-distance', editsMax: 1 }
  const results = leased.map((_, i) => texts?.[i] ?? 'read')
  job = add('manifest', steward, { ...manifest, fleet, payment, agreement })
  const drawn = add('draw', steward, basis)
  const receipts = leased.map((position, index) => {
    const { peer: vehicle, owner } = basis.candidates[position]!
    const bits = bitsOf(basis.candidates.length, eligible ?? [position])
    const draw = { basis: drawn, eligible: bits, index }
    const work = { shards: [shard], positions: [0], isa: null, costMs: 1, units, price }
    const lease: Lease = { vehicle, owner, ...work, draw }
    const id = add('lease', steward, lease)
    if (index < writtenOff)
      add('allowance', steward, { writtenOff: [{ lease: id, places: [] }], given: [] } satisfies Allowance)
    const opening: Opening = { results: [cidSaying(results[index]!)], nonce }
    const root = receiptRoot(sha256, { id, job: job!, worker: vehicle, shards: [shard] }, [0], opening)
    const receipt: Receipt = { lease: id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
    const name = add('receipt', vehicle, receipt)
    const shown: Opening = { ...opening, results: [opened ?? opening.results[0]!] }
    records.push({ ...records.pop()!, opening: encodeCbor(shown) })
    return name
  })
  const shardVerdict: ShardVerdict = {
    position: 0,
    shard,
    outcome: 'accepted',
    status: 'final',
    result: cidSaying(results[0]!),
    because: 'unanimous',
    agreeing: receipts,
    contradicting: [],
    settles: [],
    ...(verdict === 'none' ? {} : verdict),
  }
  const signer = peerNamed(signedBy ?? 'steward')
  if (verdict !== 'none') add('verdict', signer, { shards: [shardVerdict] } satisfies Verdict)
  add('end', steward, { outcome: 'complete', reason: 'every shard is verified', secret: seed, ...end })
  if (fleet !== null) {
    const keys = [fleet, peerNamed('next')]
    add('charter', fleet, { name: 'f', keys, registrars: [], operatorPpm: 0, revoked: [] } satisfies Charter)
  }
  for (const { vehicle, owner, by } of admitted ?? [])
    add('credential', peerNamed(by), {
      peer: peerNamed(vehicle),
      vehicle,
      owner,
    } satisfies Credential)
  return auditReport({
    report: { job, recordPages: [], shardList: [manifest.shards.file], results: results.map(cidSaying) },
    records,
    shards: [{ shard, pages: 1, bytes: 1, costMs: 1 }],
    block: (cid) => results.map(resultSaying).find((bytes) => cborCid(sha256, bytes) === cid),
    sha256,
    verify,
  })
}

const honest: Story = { leased: [0, 1] }

function isBlamed(story: Story, ...problems: RegExp[]): void {
  const found = problemsOf(story)
  assert.equal(found.length, problems.length, found.join('\n'))
  for (const [i, problem] of problems.entries()) assert.match(found[i]!, problem)
}

test('an honest report has no problem', () => {
  assert.deepEqual(problemsOf(honest), [])
})

test('two vehicles of one owner are not two voices', () => {
  isBlamed({ leased: [0, 2] }, /counts an owner twice/, /not unanimous among 2 owners: 1 for/)
  isBlamed({ ...honest, leased: [0] }, /not unanimous among 2 owners: 1 for/)
})

test('a lead is counted in owners', () => {
  isBlamed({ ...honest, verdict: { because: 'lead' } }, /leads by 2, not 3/)
})

test('draws follow from the secret that the manifest commits to', () => {
  const another = sha256(fromString('a secret that was chosen afterwards'))
  isBlamed({ ...honest, end: { secret: another } }, /not the one that the manifest commits to/, /has no end/)
})

test('a lease goes to whom the secret draws', () => {
  // Whoever is drawn of the two, one of the leases was for the other.
  const found = problemsOf({ ...honest, eligible: [0, 1, 2] })
  assert(found.length > 0)
  for (const problem of found) assert.match(problem, /whom the secret does not draw/)
  isBlamed({ ...honest, eligible: [] }, /does not draw/, /does not draw/)
})

test('under a tolerance those who agree do so with each other, and the audit says what it was', () => {
  assert.deepEqual(problemsOf({ ...honest, texts: ['cat', 'car'] }), [])
  isBlamed(
    { ...honest, texts: ['cat', 'bar'] },
    /as one answer; they are not texts at most 1 edit a page apart/,
  )
  const other = { result: cidSaying('cot') }
  isBlamed({ ...honest, texts: ['cat', 'car'], verdict: other }, /no valid result in the report/)
  assert.deepEqual(audited({ ...honest, texts: ['cat', 'cat'] }).agreement, {
    relation: 'text-distance',
    editsMax: 1,
  })
})

test('a receipt opens to what it committed to, and to nothing else', () => {
  const found = problemsOf({ ...honest, opened: cidNamed('a result that suits better') })
  assert.match(found[0]!, /record 3 \(receipt\): /)
  assert.match(found.join('\n'), /does not cover it/, 'so that its claim does not count')
})

test('only a steward of the job decides', () => {
  const found = problemsOf({ ...honest, signedBy: 'v1' })
  assert.match(found[0]!, /is not a steward of this job/)
  assert.match(found[1]!, /1 shards have no verdict/)
})

test('a job is complete when every shard has its verdict', () => {
  isBlamed({ ...honest, verdict: 'none' }, /is called complete, and 1 shards have no verdict/)
  assert.deepEqual(problemsOf({ ...honest, verdict: 'none', end: { outcome: 'cancelled' } }), [])
})

test('in a fleet a vehicle counts for the owner that the fleet admitted it for', () => {
  const first = { vehicle: 'v1', owner: owner1, by: 'fleet' }
  const second = { vehicle: 'v2', owner: owner2, by: 'next' } // a key that a charter names
  assert.deepEqual(audited({ ...honest, admitted: [first, second] }).unvouched, [])
  isBlamed({ ...honest, admitted: [first, second] })
  isBlamed({ ...honest, admitted: [first, { ...second, owner: owner1 }] }, /and the fleet admitted it for/)
  isBlamed(
    { ...honest, admitted: [first, { ...second, by: 'stranger' }] },
    /not signed by a key of the fleet/,
  )
  const { problems, unvouched } = audited({ ...honest, admitted: [first] })
  assert.deepEqual([problems, unvouched], [[], [peerNamed('v2')]])
})

const payment: Payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 200, budgetMicros: 400 }
const price: LeasePrice = { currency: 'EUR', unitMicros: 200, operatorPpm: 150_000 }
const paid: Story = { ...honest, payment, price }

test('a lease pays no more than its job does, in its currency', () => {
  isBlamed(paid)
  isBlamed({ ...honest, payment })
  isBlamed({ ...paid, price: { ...price, unitMicros: 199 } })
  const dearer = { ...payment, unitMicrosMax: 199 }
  isBlamed({ ...paid, payment: dearer }, /pays 0.0002 EUR a unit/, /pays 0.0002 EUR a unit/)
  isBlamed({ ...paid, price: { ...price, currency: 'USD' } }, /0.0002 USD/, /0.0002 USD/)
  isBlamed({ ...honest, price }, /the job pays nobody/, /the job pays nobody/)
})

test('units are those of the shard list', () => {
  const budgetMicros = 1_000
  isBlamed({ ...paid, payment: { ...payment, budgetMicros }, units: [2] }, /counts 2 units/, /counts 2 units/)
  isBlamed({ ...honest, units: [0] }, /counts 0 units in shard 0, which has 1/, /counts 0 units/)
  assert.match(problemsOf({ ...honest, units: [] })[0]!, /malformed/)
})

test('leases promise no more than the budget, without what was taken back; and that does not count', () => {
  isBlamed(
    { ...paid, payment: { ...payment, budgetMicros: 399 } },
    /promised 0.000001 EUR more than its part/,
  )
  isBlamed(
    { ...paid, payment: { ...payment, budgetMicros: 399 }, writtenOff: 1 },
    /counts work that steward\.+ wrote off and has no money for/,
  )
})
