/** Bans: who is banned, by what proof, how it spreads, and how it ends. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { Bans } from '../../src/host/membership/bans.ts'
import { signCertificate } from '../../src/host/membership/certificates.ts'
import type { Network } from '../../src/host/network/network.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { decodeMessage } from '../../src/protocol/message.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'
import { type Evidence, encodeEvidence } from '../../src/protocol/verification/evidence.ts'
import { liar, someone } from '../support/liar.ts'
import { temporaryStore } from '../support/store.ts'

const dayMs = 24 * 3_600_000

function bansWith(t: TestContext, certificate: SignedRecord | null, submitter = 'another key' as PeerId) {
  const { journal } = temporaryStore(t)
  const shown: { to: PeerId; evidence: Evidence }[] = []
  const cleared = new Map<OwnerId, number>()
  const here = new Set<OwnerId>()
  const network = {
    connectedPeers: () => ['near' as PeerId, 'far' as PeerId],
    send: async (to: PeerId, bytes: Uint8Array) => {
      const message = decodeMessage(bytes)
      if (message.type === 'evidence') shown.push({ to, evidence: message.evidence })
    },
  } as unknown as Network
  const make = (more: { readonly bannedMax?: number } = {}) =>
    new Bans({
      submitter,
      network,
      journal,
      certificateOf: () => certificate,
      ownersHere: () => here,
      isCleared: (owner, begunMs) => begunMs <= (cleared.get(owner) ?? -1),
      now: () => Date.now(),
      log: pino({ level: 'silent' }),
      onChange: () => {},
      ...more,
    })
  return { bans: make(), again: make, journal, shown, cleared, here }
}

test('two contradicting receipts ban their owner here, and wherever the proof arrives, once and for good', (t) => {
  const { owner, certificate, rows, receipts } = liar()
  const here = bansWith(t, certificate)
  here.journal.append([...rows, ...receipts])
  here.bans.caught(receipts[1]!.id, 'equivocation')
  assert.equal(here.bans.has(owner), true)
  assert.deepEqual(
    here.shown.map(({ to }) => to),
    ['near', 'far'],
  )

  const there = bansWith(t, null)
  const { evidence } = here.shown[0]!
  there.bans.hear(evidence)
  there.bans.hear(evidence)
  assert.equal(there.bans.has(owner), true)
  assert.equal(there.shown.length, 2, 'passed on once')
  assert.equal(there.again().has(owner), true, 'after a restart, too')
  there.bans.tell('late' as PeerId)
  assert.equal(there.shown.at(-1)?.to, 'late')
})

test('one receipt twice proves nothing, and bans nobody', (t) => {
  const { owner, certificate, rows, receipts } = liar()
  const { bans, journal, shown } = bansWith(t, certificate)
  journal.append([...rows, receipts[0]!])
  bans.caught(receipts[0]!.id, 'equivocation')
  assert.deepEqual([bans.has(owner), shown.length], [false, 0])
})

test('what was found wrong by recomputing bans here, and convinces nobody else', (t) => {
  const { owner, certificate, rows, receipts, submitter } = liar()
  const { bans, journal, shown } = bansWith(t, certificate, submitter)
  journal.append([...rows, receipts[0]!])
  bans.caught(receipts[0]!.id, 'recomputed')
  assert.deepEqual([bans.has(owner), shown.length], [true, 0])
  assert.equal(bans.list()[0]?.because, 'recomputed')
})

test('what was found wrong by recomputing in a stranger’s job bans nobody: its module is the stranger’s choice', (t) => {
  const { owner, certificate, rows, receipts } = liar()
  const { bans, journal } = bansWith(t, certificate)
  journal.append([...rows, ...receipts])
  bans.caught(receipts[0]!.id, 'recomputed')
  assert.equal(bans.has(owner), false)
  bans.caught(receipts[0]!.id, 'equivocation')
  assert.equal(bans.has(owner), true, 'two receipts that contradict each other are a lie in any job')
})

test('a ban names its evidence, and one that is lifted stays lifted for what had begun by then', (t) => {
  const first = liar()
  const { bans, again, journal, shown } = bansWith(t, null, first.submitter)
  bans.hear(first.evidence)
  assert.deepEqual(
    bans.list().map(({ owner, evidenceId }) => [owner, evidenceId]),
    [[first.owner, first.lease.id]],
  )
  const told = shown.length
  bans.lift(first.owner)
  for (const one of [bans, again()]) {
    one.hear(first.evidence)
    one.hear(liar({ begunMs: Date.now() - 500 }).evidence)
    assert.equal(one.has(first.owner), false, 'the same again, or another of the same days')
  }
  journal.append([...first.rows, ...first.receipts])
  bans.caught(first.receipts[0]!.id, 'recomputed')
  assert.deepEqual([bans.has(first.owner), shown.length], [false, told])
  assert.throws(() => bans.lift(first.owner), /is not banned here/)
  bans.hear(liar({ begunMs: Date.now() + 60_000 }).evidence)
  assert.equal(bans.has(first.owner), true, 'a new lie bans again')
  bans.lift(first.owner)
  assert.equal(again().has(first.owner), false)
})

test('whom the fleet clears is banned no more, neither for what was proven nor for what is shown again', (t) => {
  const { owner, evidence } = liar()
  const { bans, again, cleared } = bansWith(t, null)
  bans.hear(evidence)
  cleared.set(owner, Date.now())
  assert.equal(again().has(owner), false, 'a node that was away when the charter came')
  bans.forgive()
  bans.hear(evidence)
  assert.deepEqual([bans.has(owner), again().has(owner)], [false, false])
  bans.hear(liar({ begunMs: Date.now() + 60_000 }).evidence)
  assert.equal(bans.has(owner), true)
})

test('who had sold the vehicle by then is not banned for what it did afterwards', (t) => {
  const { owner, evidence } = liar()
  const buyer = SigningKey.generate()
  const { bans } = bansWith(t, signCertificate(buyer, someone.vehicle.peerId, { nowMs: Date.now() - dayMs }))
  bans.hear(evidence)
  assert.equal(bans.has(owner), false)
  const seller = bansWith(t, signCertificate(buyer, someone.vehicle.peerId, { nowMs: Date.now() + dayMs }))
  seller.bans.hear(evidence)
  assert.equal(seller.bans.has(owner), true, 'it was its own when it lied')
})

test('whoever makes up owners and proves lies of each fills no disk, tells newcomers little, and lifts nobody’s ban', (t) => {
  const { bans, again, journal, shown, here } = bansWith(t, null)
  // A manifest may be long, and so may a proof.
  const options = Object.fromEntries(Array.from({ length: 28 }, (_, i) => [`option${i}`, 'x'.repeat(512)]))
  const { owner, evidence } = liar({ options })
  const size = (some: Evidence) => encodeEvidence(some).byteLength
  const proofs = Array.from({ length: 1_030 }, () => {
    const of = { vehicle: SigningKey.generate(), owner: null, certifiedMs: 0 }
    return liar({ of, options })
  })
  bans.hear(evidence)
  assert.deepEqual(
    shown.map(({ to }) => to),
    ['near', 'far'],
  )
  for (const one of proofs) {
    here.add(one.owner)
    bans.hear(one.evidence)
  }
  assert.equal(bans.list().length, proofs.length + 1)
  assert(bans.has(owner), 'those that are here take the room of its proof, and do not lift its ban')
  const kept = bans.list().filter(({ bytes }) => bytes > 0)
  const bytes = kept.reduce((sum, ban) => sum + ban.bytes, 0)
  assert(proofs.length * size(proofs[0]!.evidence) > 2 ** 24, `only ${size(proofs[0]!.evidence)} bytes each`)
  assert(kept.length < proofs.length && bytes <= 2 ** 24, `${kept.length} of ${bytes} bytes`)
  assert.equal(journal.members.evidenceAgainst(owner)?.byteLength, 0)
  assert(kept.every((ban) => journal.members.evidenceAgainst(ban.owner)?.byteLength === ban.bytes))
  const passedOn = new Set(shown.map((one) => one.evidence)).size / 2
  assert.equal(passedOn, kept.length + 1, 'what is not kept goes no further')
  const listed = (some: Bans) =>
    some
      .list()
      .map((ban) => `${ban.owner}/${ban.bytes}`)
      .sort()
  assert.deepEqual(listed(again()), listed(bans))
  assert(!('evidence' in kept[0]!), 'proofs are on the disk')

  shown.length = 0
  bans.tell('late' as PeerId)
  const told = shown.reduce((sum, { evidence: one }) => sum + size(one), 0)
  assert(told <= 2 ** 19 && shown.length > 1, `${shown.length} of ${told} bytes`)
})

test('bans have a bound: who is here takes the place of the last that came of those who are not', (t) => {
  const { journal, here, again } = bansWith(t, null)
  const bans = again({ bannedMax: 3 })
  const of = () => ({ of: { vehicle: SigningKey.generate(), owner: null, certifiedMs: 0 } })
  const [first, second, third, away, present] = Array.from({ length: 5 }, () => liar(of()))
  for (const { evidence } of [first!, second!, third!, away!]) bans.hear(evidence)
  assert.deepEqual(
    [first, second, third, away].map((one) => bans.has(one!.owner)),
    [true, true, true, false],
  )
  here.add(present!.owner)
  here.add(third!.owner)
  bans.hear(present!.evidence)
  assert.deepEqual(
    [first, second, third, present].map((one) => bans.has(one!.owner)),
    [true, false, true, true],
  )
  assert.equal(journal.members.bans().length, 3)
})
