/** A vehicle that signed two results for one shard, or somebody who has its key: all records of it, made up at home. */

import { signCertificate } from '../../src/host/membership/certificates.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { Cid, JobId } from '../../src/protocol/ids.ts'
import { type Lease, type Opening, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { encodeCbor, rawCid, reopenCbor } from '../../src/protocol/record/block.ts'
import { encodeBody, type RecordBody, recordId } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import type { Evidence } from '../../src/protocol/verification/evidence.ts'
import { manifestWith } from './core-fakes.ts'

const named = (name: string): Cid => rawCid(sha256, new TextEncoder().encode(name))
const dayMs = 24 * 3_600_000

/** What a key signs, as a journal's row. */
function signed(
  key: SigningKey,
  kind: RecordKind,
  job: JobId | null,
  payload: unknown,
  { serial = 0, opening = null as Opening | null } = {},
) {
  const body: RecordBody = {
    domain: 'carpool',
    version: 1,
    kind,
    job,
    epoch: 0,
    steward: null,
    serial,
    expiresMs: Date.now() + dayMs,
    signer: key.peerId,
    payload,
  }
  const bytes = encodeBody(body)
  const extra = opening === null ? null : encodeCbor(opening)
  const id = recordId(sha256, bytes)
  return { id, job: job ?? id, kind, body: bytes, signature: key.sign(bytes), extra }
}

export const someone: Liar = {
  vehicle: SigningKey.generate(),
  owner: SigningKey.generate(),
  certifiedMs: Date.now() - 100 * dayMs,
}

interface Liar {
  readonly vehicle: SigningKey
  /** Null: the vehicle is its own owner. */
  readonly owner: SigningKey | null
  readonly certifiedMs: number
}

/** The evidence of a lie in a job that began at this time, and its records as a journal has them. */
export function liar({
  begunMs = Date.now() - 1_000,
  of = someone,
  options = {},
}: {
  begunMs?: number
  of?: Liar
  options?: Manifest['options']
} = {}) {
  const [steward, submitter] = [SigningKey.generate(), SigningKey.generate()]
  const place = { ...manifestWith().stewards[0]!, peer: steward.peerId }
  const content = manifestWith({ stewards: [place], deadlineMs: Date.now() + dayMs, options })
  const manifest = signed(submitter, 'manifest', null, content, { serial: begunMs })
  const job = manifest.id as JobId
  const payload: Lease = {
    vehicle: of.vehicle.peerId,
    owner: ownerIdOf(sha256, (of.owner ?? of.vehicle).peerId),
    shards: [named('shard')],
    positions: [0],
    isa: null,
    costMs: 1,
    units: [1],
    price: null,
    draw: { basis: named('basis'), eligible: new Uint8Array([1]), index: 0 },
  }
  const lease = signed(steward, 'lease', job, payload)
  const receipts = ['one', 'another'].map((result, serial) => {
    const opening: Opening = { results: [named(result)], nonce: new Uint8Array(16).fill(serial) }
    const one = { id: lease.id, job, worker: of.vehicle.peerId, shards: payload.shards }
    const root = receiptRoot(sha256, one, [0], opening)
    const receipt = { lease: lease.id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
    return signed(of.vehicle, 'receipt', job, receipt, { serial, opening })
  })
  const certificate =
    of.owner === null ? null : signCertificate(of.owner, of.vehicle.peerId, { nowMs: of.certifiedMs })
  const evidence: Evidence = {
    manifest: { body: manifest.body, signature: manifest.signature },
    handovers: [],
    lease: { body: lease.body, signature: lease.signature },
    receipts: receipts.map(({ body, signature, extra }) => ({
      record: { body, signature },
      opening: reopenCbor<Opening>(extra!),
    })),
    certificate,
  }
  const { owner } = payload
  return {
    owner,
    certificate,
    rows: [manifest, lease],
    lease,
    receipts,
    evidence,
    submitter: submitter.peerId,
  }
}
