/** Bans: who is banned, by what proof, and how it spreads. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { Bans } from '../../src/host/membership/bans.ts'
import { signCertificate } from '../../src/host/membership/certificates.ts'
import type { Network } from '../../src/host/network/network.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { Cid, JobId, PeerId } from '../../src/protocol/ids.ts'
import { type Lease, type Opening, receiptRoot } from '../../src/protocol/job/lease.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { decodeMessage } from '../../src/protocol/message.ts'
import { encodeCbor, rawCid } from '../../src/protocol/record/block.ts'
import { encodeBody, type RecordBody, recordId } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import type { Evidence } from '../../src/protocol/verification/evidence.ts'
import { temporaryStore } from '../support/store.ts'

const named = (name: string): Cid => rawCid(sha256, new TextEncoder().encode(name))
const job: JobId = named('job')

/** What a key signs, as a journal's row. */
function signed(
  key: SigningKey,
  kind: RecordKind,
  payload: unknown,
  serial: number,
  opening: Opening | null,
) {
  const body: RecordBody = {
    domain: 'carpool',
    version: 1,
    kind,
    job,
    epoch: 0,
    steward: null,
    serial,
    expiresMs: Date.now() + 60_000,
    signer: key.peerId,
    payload,
  }
  const bytes = encodeBody(body)
  const extra = opening === null ? null : encodeCbor(opening)
  return { id: recordId(sha256, bytes), job, kind, body: bytes, signature: key.sign(bytes), extra }
}

/** A vehicle that signed two results for the one shard of a lease; and the rows of all that. */
function liar() {
  const [steward, vehicle, owner] = [0, 1, 2].map(() => SigningKey.generate()) as [
    SigningKey,
    SigningKey,
    SigningKey,
  ]
  const payload: Lease = {
    vehicle: vehicle.peerId,
    owner: ownerIdOf(sha256, owner.peerId),
    shards: [named('shard')],
    positions: [0],
    isa: null,
    costMs: 1,
    units: [1],
    price: null,
    draw: { basis: named('basis'), eligible: new Uint8Array([1]), index: 0 },
  }
  const lease = signed(steward, 'lease', payload, 0, null)
  const receipts = ['one', 'another'].map((result, serial) => {
    const opening: Opening = { results: [named(result)], nonce: new Uint8Array(16).fill(serial) }
    const of = { id: lease.id, job, worker: vehicle.peerId, shards: payload.shards }
    const root = receiptRoot(sha256, of, [0], opening)
    return signed(
      vehicle,
      'receipt',
      { lease: lease.id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null },
      serial,
      opening,
    )
  })
  return {
    vehicle,
    owner: payload.owner,
    certificate: signCertificate(owner, vehicle.peerId),
    lease,
    receipts,
  }
}

function bansWith(t: TestContext, certificate: ReturnType<typeof signCertificate> | null) {
  const { journal } = temporaryStore(t)
  const shown: { to: PeerId; evidence: Evidence }[] = []
  const network = {
    connectedPeers: () => ['near' as PeerId, 'far' as PeerId],
    send: async (to: PeerId, bytes: Uint8Array) => {
      const message = decodeMessage(bytes)
      if (message.type === 'evidence') shown.push({ to, evidence: message.evidence })
    },
  } as unknown as Network
  const make = () =>
    new Bans({
      network,
      journal,
      certificateOf: () => certificate,
      log: pino({ level: 'silent' }),
      onChange: () => {},
    })
  return { bans: make(), again: make, journal, shown }
}

test('two contradicting receipts ban their owner here, and wherever the proof arrives, once and for good', (t) => {
  const { owner, certificate, lease, receipts } = liar()
  const here = bansWith(t, certificate)
  here.journal.append([lease, ...receipts])
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
  const { owner, certificate, lease, receipts } = liar()
  const { bans, journal, shown } = bansWith(t, certificate)
  journal.append([lease, receipts[0]!])
  bans.caught(receipts[0]!.id, 'equivocation')
  assert.deepEqual([bans.has(owner), shown.length], [false, 0])
})

test('what was found wrong by recomputing bans here, and convinces nobody else', (t) => {
  const { owner, certificate, lease, receipts } = liar()
  const { bans, journal, shown } = bansWith(t, certificate)
  journal.append([lease, receipts[0]!])
  bans.caught(receipts[0]!.id, 'recomputed')
  assert.deepEqual([bans.has(owner), shown.length], [true, 0])
  assert.equal(bans.list()[0]?.because, 'recomputed')
})
