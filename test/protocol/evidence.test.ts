import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from 'uint8arrays'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import {
  checkEvidence,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
} from '../../src/protocol/verification/evidence.ts'
import { bodyOf, cidNamed, ownerNamed, peerNamed, sha256, sign, verify } from '../support/core-fakes.ts'

const job = cidNamed('job')
const vehicle = peerNamed('v')

function leaseFor(peer: PeerId, name = 'l') {
  const payload: Lease = {
    vehicle: peer,
    owner: ownerNamed('o'),
    shards: [cidNamed('s0'), cidNamed('s1')],
    positions: [0, 1],
    isa: null,
    costMs: 1,
    units: [1, 1],
    price: null,
    draw: { basis: cidNamed(name), eligible: new Uint8Array([1]), index: 0 },
  }
  return { payload, record: sign(bodyOf('lease', peerNamed('steward'), payload, { job })) }
}

function receiptFor(
  lease: ReturnType<typeof leaseFor>,
  results: readonly Cid[],
  changes: Partial<Receipt> = {},
) {
  const id = recordId(sha256, lease.record.body)
  const worker = lease.payload.vehicle
  const covers = results.map((_, i) => i)
  const opening: Opening = { results, nonce: sha256(fromString(results.join())).slice(0, 16) }
  const of = { id, job, worker, shards: lease.payload.shards }
  const root = receiptRoot(sha256, of, covers, opening)
  const payload: Receipt = { lease: id, covers, root, cpuMs: 1, wallMs: 1, energy: null, ...changes }
  return { record: sign(bodyOf('receipt', worker, payload, { job })), opening }
}

const lease = leaseFor(vehicle)
const [a, b] = [cidNamed('a'), cidNamed('b')]
const equivocation: Evidence = {
  lease: lease.record,
  receipts: [receiptFor(lease, [a, b]), receiptFor(lease, [a, a])],
  certificate: null,
}

const proves = (evidence: Evidence) => checkEvidence(evidence, sha256, verify)
const refuses = (evidence: Evidence, why: RegExp) =>
  assert.throws(
    () => proves(evidence),
    (error) => error instanceof ProtocolError && why.test(error.message),
  )

test('two receipts that say different things about one place prove a lie to anybody', () => {
  assert.deepEqual(proves(equivocation), { peer: vehicle, owner: ownerIdOf(sha256, vehicle) })
  assert.deepEqual(proves(decodeEvidence(encodeEvidence(equivocation))), proves(equivocation))
})

test('the owner is the one that signed for the vehicle', () => {
  const owner = peerNamed('owner')
  const certificate = sign(bodyOf('owner', owner, { peer: vehicle }))
  assert.equal(proves({ ...equivocation, certificate }).owner, ownerIdOf(sha256, owner))
})

test('a false accusation convinces nobody', () => {
  const [first, second] = equivocation.receipts as [
    (typeof equivocation.receipts)[0],
    (typeof equivocation.receipts)[0],
  ]
  refuses({ ...equivocation, receipts: [first, first] }, /do not contradict/)
  refuses({ ...equivocation, receipts: [first, receiptFor(lease, [a])] }, /do not contradict/)
  const forged = { ...second, record: { ...second.record, signature: new Uint8Array(64) } }
  refuses({ ...equivocation, receipts: [first, forged] }, /wrong-signature/)
  const otherOpening = { ...first, opening: { ...first.opening, results: [b, b] } }
  refuses({ ...equivocation, receipts: [first, otherOpening] }, /wrong-root/)
  const otherLease = leaseFor(vehicle, 'another')
  refuses({ ...equivocation, receipts: [first, receiptFor(otherLease, [b, b])] }, /not-its-lease/)
  refuses({ ...equivocation, lease: leaseFor(peerNamed('w')).record }, /not-its-lease/)
  const certificate = sign(bodyOf('owner', peerNamed('owner'), { peer: peerNamed('w') }))
  refuses({ ...equivocation, certificate }, /for another vehicle/)
})
