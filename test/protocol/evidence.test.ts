/** What proves a lie to anybody, and what only looks like it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from 'uint8arrays'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { Cid, JobId, PeerId } from '../../src/protocol/ids.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { clockSkewMaxMs, evidenceAgeMsMax } from '../../src/protocol/limits.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import {
  checkEvidence,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
} from '../../src/protocol/verification/evidence.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, sha256, sign, verify } from '../support/core-fakes.ts'
import { handoverBody } from '../support/handovers.ts'

const dayMs = 24 * 3_600_000
const nowMs = 1_000 * dayMs
const vehicle = peerNamed('v')
const owner = peerNamed('owner')

interface Times {
  readonly begunMs?: number
  readonly deadlineMs?: number
}

function jobOf({ begunMs = nowMs - dayMs, deadlineMs = nowMs + dayMs }: Times = {}) {
  const manifest = manifestWith({ deadlineMs })
  const record = sign(bodyOf('manifest', peerNamed('submitter'), manifest, { serial: begunMs }))
  return { id: recordId(sha256, record.body) as JobId, record, expiresMs: deadlineMs + 30 * dayMs }
}

function leaseFor(
  peer: PeerId,
  { job = jobOf(), name = 'l', signer = peerNamed('steward'), of = peer } = {},
) {
  const payload: Lease = {
    vehicle: peer,
    owner: ownerIdOf(sha256, of),
    shards: [cidNamed('s0'), cidNamed('s1')],
    positions: [0, 1],
    isa: null,
    costMs: 1,
    units: [1, 1],
    price: null,
    draw: { basis: cidNamed(name), eligible: new Uint8Array([1]), index: 0 },
  }
  const record = sign(bodyOf('lease', signer, payload, { job: job.id, expiresMs: job.expiresMs }))
  return { payload, record, job }
}

function receiptFor(lease: ReturnType<typeof leaseFor>, results: readonly Cid[]) {
  const id = recordId(sha256, lease.record.body)
  const worker = lease.payload.vehicle
  const covers = results.map((_, i) => i)
  const opening: Opening = { results, nonce: sha256(fromString(results.join())).slice(0, 16) }
  const of = { id, job: lease.job.id, worker, shards: lease.payload.shards }
  const root = receiptRoot(sha256, of, covers, opening)
  const payload: Receipt = { lease: id, covers, root, cpuMs: 1, wallMs: 1, energy: null }
  return { record: sign(bodyOf('receipt', worker, payload, { job: lease.job.id })), opening }
}

const [a, b] = [cidNamed('a'), cidNamed('b')]

function equivocationIn(lease: ReturnType<typeof leaseFor>): Evidence {
  const receipts = [receiptFor(lease, [a, b]), receiptFor(lease, [a, a])]
  return { manifest: lease.job.record, handovers: [], lease: lease.record, receipts, certificate: null }
}

const lease = leaseFor(vehicle)
const equivocation = equivocationIn(lease)

const proves = (evidence: Evidence, atMs = nowMs) => checkEvidence(evidence, sha256, verify, atMs)
const refuses = (evidence: Evidence, why: RegExp, atMs = nowMs) =>
  assert.throws(
    () => proves(evidence, atMs),
    (error) => error instanceof ProtocolError && why.test(error.message),
  )

test('two receipts that say different things about one place prove a lie to anybody', () => {
  const { peer, owner: liar, evidence } = proves(equivocation)
  assert.deepEqual([peer, liar], [vehicle, ownerIdOf(sha256, vehicle)])
  assert.equal(evidence, recordId(sha256, lease.record.body))
  assert.deepEqual(proves(decodeEvidence(encodeEvidence(equivocation))), proves(equivocation))
})

/** The owner's word for the vehicle, from one time to another. */
function certificateFrom(sinceMs: number, untilMs: number, peer = vehicle) {
  return sign(bodyOf('owner', owner, { peer }, { serial: sinceMs, expiresMs: untilMs }))
}

const owned = (times: Times = {}): Evidence => ({
  ...equivocationIn(leaseFor(vehicle, { job: jobOf(times), of: owner })),
  certificate: certificateFrom(nowMs - 100 * dayMs, nowMs + 100 * dayMs),
})

test('the owner is the one that signed for the vehicle, and that the lease was given to', () => {
  assert.equal(proves(owned()).owner, ownerIdOf(sha256, owner))
  refuses({ ...owned(), certificate: null }, /another owner/)
  refuses({ ...equivocation, certificate: owned().certificate }, /another owner/)
  const sold = sign(bodyOf('owner', peerNamed('buyer'), { peer: vehicle }, { expiresMs: nowMs + dayMs }))
  refuses({ ...owned(), certificate: sold }, /another owner/)
})

test('a certificate that was over before the job began, or signed after its end, accuses nobody', () => {
  const times = { begunMs: nowMs - 5 * dayMs, deadlineMs: nowMs - 3 * dayMs }
  const evidence = owned(times)
  const with_ = (sinceMs: number, untilMs: number): Evidence => ({
    ...evidence,
    certificate: certificateFrom(sinceMs, untilMs),
  })
  refuses(with_(0, times.begunMs), /not good at the time/)
  refuses(with_(times.deadlineMs + clockSkewMaxMs + 1, nowMs + dayMs), /not good at the time/)
  assert(proves(with_(0, times.begunMs + 1)))
  assert(proves(with_(times.begunMs + dayMs, nowMs + dayMs)))
  assert(proves(with_(0, nowMs - dayMs)), 'it was good then, and is over now')
  refuses({ ...evidence, certificate: certificateFrom(0, nowMs, peerNamed('w')) }, /for another vehicle/)
})

test('what is long ago accuses nobody, whatever certificate comes with it, nor what is yet to come', () => {
  const old = owned({ begunMs: nowMs - evidenceAgeMsMax, deadlineMs: nowMs })
  refuses(old, /too old/)
  assert(proves(old, nowMs - 1))
  const ended = owned({ begunMs: nowMs - 40 * dayMs, deadlineMs: nowMs - 30 * dayMs })
  refuses(ended, /too old/)
  refuses(owned({ begunMs: nowMs + clockSkewMaxMs + 1, deadlineMs: nowMs + dayMs }), /has not begun/)
  refuses(owned({ begunMs: nowMs - dayMs, deadlineMs: nowMs - 2 * dayMs }), /ended before that/)
})

test('a lease that no steward of its job signed, or of another job, accuses nobody', () => {
  refuses(equivocationIn(leaseFor(vehicle, { signer: peerNamed('stranger') })), /no steward of the job/)
  refuses({ ...equivocation, manifest: jobOf({ begunMs: nowMs - 1 }).record }, /of another job/)
  for (const field of ['lease', 'manifest'] as const)
    refuses(
      { ...equivocation, [field]: { ...equivocation[field], signature: new Uint8Array(64) } },
      /wrong-signature/,
    )
})

test('a steward that came by a handover is shown by it', () => {
  const job = jobOf()
  const place = manifestWith().stewards[0]!
  const choices = { job: job.id, signer: 'steward', lost: 'steward', taker: 'taker' }
  assert.equal(place.peer, peerNamed('steward'))
  const handover = sign(handoverBody(choices))
  const evidence = equivocationIn(leaseFor(vehicle, { job, signer: peerNamed('taker') }))
  refuses(evidence, /no steward of the job/)
  assert(proves({ ...evidence, handovers: [handover] }))
  const forged = sign(handoverBody({ ...choices, signer: 'stranger' }))
  refuses({ ...evidence, handovers: [forged] }, /no steward of the job/)
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
  for (const other of [
    leaseFor(vehicle, { name: 'another' }),
    leaseFor(vehicle, { job: jobOf({ begunMs: nowMs - 2 }) }),
  ])
    refuses({ ...equivocation, receipts: [first, receiptFor(other, [b, b])] }, /not-its-lease/)
  refuses({ ...equivocation, lease: leaseFor(peerNamed('w')).record }, /not-its-lease/)
})
