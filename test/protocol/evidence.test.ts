/** What proves a lie to anybody, and what only looks like it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { clockSkewMaxMs, evidenceAgeMsMax } from '../../src/protocol/limits.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import {
  checkEvidence,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
} from '../../src/protocol/verification/evidence.ts'
import { bodyOf, manifestWith, peerNamed, sha256, sign, verify } from '../support/core-fakes.ts'
import {
  a,
  b,
  dayMs,
  equivocationIn,
  jobOf,
  leaseFor,
  nowMs,
  receiptFor,
  type Times,
} from '../support/equivocation.ts'
import { handoverBody } from '../support/handovers.ts'

const vehicle = peerNamed('v')
const owner = peerNamed('owner')

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
