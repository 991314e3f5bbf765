/** What the audit says about money: flip one amount of an honest report, signed anew or not, and it does not hold. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromString } from 'uint8arrays'
import { type AuditOutcome, auditReport } from '../../src/protocol/audit/audit.ts'
import type { ReportedRecord } from '../../src/protocol/audit/report.ts'
import type { PeerId, RecordId } from '../../src/protocol/ids.ts'
import { bitsOf, type DrawBasis } from '../../src/protocol/job/draw.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { resultEngine } from '../../src/protocol/job/manifest.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import type { Verdict } from '../../src/protocol/job/verdict.ts'
import { type StatedClaim, type Statement, totalsOf } from '../../src/protocol/ledger/statement.ts'
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
const payment = { currency: 'EUR', unit: 'kibibyte', unitMicrosMax: 7, budgetMicros: 1_000 } as const
const manifest = manifestWith({ stewards: [placeOf('steward')], payment })
const shard = cidNamed('the only shard')
const result = encodeResult({
  engine: resultEngine(manifest),
  records: [{ output: fromString('{}'), text: 'read', error: null }],
})
const resultCid = cborCid(sha256, result)
const basis: DrawBasis = {
  candidates: ['v1', 'v2'].map((name, i) => ({
    peer: peerNamed(name),
    owner: ownerNamed(['a', 'b'][i]!.repeat(64)),
  })),
}

interface Changes {
  readonly price?: Partial<NonNullable<Lease['price']>>
  readonly statement?: Partial<Statement>
  /** After it was signed. */
  readonly flip?: RecordKind
  readonly payment?: null
}

function audited(changes: Changes = {}): AuditOutcome {
  const records: ReportedRecord[] = []
  let job: RecordId | null = null
  let serial = 0
  const add = (kind: RecordKind, signer: PeerId, payload: unknown, opening: Opening | null = null) => {
    const record = sign(bodyOf(kind, signer, payload, { job, serial }))
    serial += 1
    const encoded = opening === null ? null : encodeCbor(opening)
    records.push({ kind, record, opening: encoded })
    return recordId(sha256, record.body)
  }
  job = add('manifest', steward, changes.payment === null ? { ...manifest, payment: null } : manifest)
  const drawn = add('draw', steward, basis)
  const claims: StatedClaim[] = []
  const agreeing = basis.candidates.map(({ peer: vehicle, owner }, index) => {
    const price = { currency: 'EUR', unitMicros: 7, operatorPpm: 100_000, ...changes.price }
    const lease: Lease = {
      vehicle,
      owner,
      shards: [shard],
      positions: [0],
      isa: null,
      costMs: 1,
      units: [3],
      price,
      draw: { basis: drawn, eligible: bitsOf(2, [index]), index },
    }
    const id = add('lease', steward, lease)
    const opening: Opening = { results: [resultCid], nonce: sha256(fromString('nonce')) }
    const root = receiptRoot(sha256, { id, job: job!, worker: vehicle, shards: [shard] }, [0], opening)
    const work: Receipt = { lease: id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
    const receipt = add('receipt', vehicle, work, opening)
    claims.push({ receipt, place: 0, units: 3, micros: 19, paid: true })
    return receipt
  })
  add('verdict', steward, {
    shards: [
      {
        position: 0,
        shard,
        outcome: 'accepted',
        status: 'final',
        result: resultCid,
        because: 'unanimous',
        agreeing,
        contradicting: [],
        settles: [],
      },
    ],
  } satisfies Verdict)
  for (const [i, { peer: vehicle, owner }] of basis.candidates.entries()) {
    const totals = totalsOf(sha256, [claims[i]!])
    const said = { vehicle, owner, currency: 'EUR', closed: true, paidMicros: 0, ...totals }
    add('statement', steward, { ...said, ...(i === 0 ? changes.statement : {}) } satisfies Statement)
  }
  add('end', steward, { outcome: 'complete', reason: 'every shard is verified', secret: seed })
  const flipped = records.findIndex(({ kind }) => kind === changes.flip)
  if (flipped >= 0) records[flipped] = flip(records[flipped]!)
  return auditReport({
    report: { job, recordPages: [], shardList: [manifest.shards.file], results: [resultCid] },
    records,
    shards: [{ shard, pages: 1, bytes: 3 * 1024, costMs: 1 }],
    block: (cid) => (cid === resultCid ? result : undefined),
    sha256,
    verify,
  })
}

/** The last bit of the first number after the amount's name. */
function flip(reported: ReportedRecord): ReportedRecord {
  const { body, signature } = reported.record
  const name = Buffer.from('unitMicros')
  const other = Buffer.from('micros')
  const bytes = Buffer.from(body)
  const at = bytes.includes(name) ? bytes.indexOf(name) + name.length : bytes.indexOf(other) + other.length
  bytes[at]! ^= 1
  return { ...reported, record: { body: new Uint8Array(bytes), signature } }
}

function blamed(changes: Changes): string {
  const { problems } = audited(changes)
  assert.notDeepEqual(problems, [])
  return problems.join('\n')
}

test('the receipts come to what the statements say: units × price, less the operator’s share', () => {
  const { problems, payments } = audited()
  assert.deepEqual(problems, [])
  assert.equal(payments?.micros, 42n)
  assert.equal(payments.operatorMicros, 4n)
  assert.deepEqual(
    payments.payees.map(({ units, micros, receipts }) => ({ units, micros, receipts })),
    [
      { units: 3n, micros: 19n, receipts: 1 },
      { units: 3n, micros: 19n, receipts: 1 },
    ],
  )
  assert.equal(payments.statements, 2)
})

test('an amount that was flipped in a lease or a statement is no longer what was signed', () => {
  assert.match(blamed({ flip: 'lease' }), /record 2 \(lease\): wrong-signature/)
  assert.match(blamed({ flip: 'statement' }), /record \d \(statement\): wrong-signature/)
})

test('a steward that signs another amount than the receipts give is caught', () => {
  const name = /the statement of steward\.+ on v1\.+ says/
  assert.match(blamed({ statement: { micros: 18 } }), name)
  assert.match(blamed({ statement: { units: 4 } }), name)
  assert.match(blamed({ statement: { receipts: 2 } }), name)
  assert.match(blamed({ statement: { root: new Uint8Array(32) } }), /right sum over other claims/)
  assert.match(blamed({ statement: { currency: 'USD' } }), /is in USD, not EUR/)
  assert.match(blamed({ price: { unitMicros: 6 } }), /19 micros .* and the receipts come to 17 micros/)
  assert.match(blamed({ price: { operatorPpm: 300_000 } }), /the receipts come to 15 micros/)
})

test('before the job’s end a statement may lag behind the receipts, and never run ahead', () => {
  assert.deepEqual(audited({ statement: { closed: false, micros: 0, units: 0 } }).problems, [])
  assert.match(blamed({ statement: { closed: false, micros: 20 } }), /says 20 micros/)
})

test('a job that pays nobody has no statements', () => {
  assert.match(blamed({ payment: null }), /it has statements of money, and the job pays nobody/)
})
