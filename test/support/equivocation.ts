/** A vehicle that signs two results for one place, for tests of what that proves. */
import { fromString } from 'uint8arrays'
import type { Cid, JobId, PeerId } from '../../src/protocol/ids.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import type { Evidence } from '../../src/protocol/verification/evidence.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, sha256, sign } from './core-fakes.ts'

export const dayMs = 24 * 3_600_000
export const nowMs = 1_000 * dayMs

export interface Times {
  readonly begunMs?: number
  readonly deadlineMs?: number
}

export function jobOf({ begunMs = nowMs - dayMs, deadlineMs = nowMs + dayMs }: Times = {}) {
  const manifest = manifestWith({ deadlineMs })
  const record = sign(bodyOf('manifest', peerNamed('submitter'), manifest, { serial: begunMs }))
  return { id: recordId(sha256, record.body) as JobId, record, expiresMs: deadlineMs + 30 * dayMs }
}

export function leaseFor(
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

export function receiptFor(lease: ReturnType<typeof leaseFor>, results: readonly Cid[]) {
  const id = recordId(sha256, lease.record.body)
  const worker = lease.payload.vehicle
  const covers = results.map((_, i) => i)
  const opening: Opening = { results, nonce: sha256(fromString(results.join())).slice(0, 16) }
  const of = { id, job: lease.job.id, worker, shards: lease.payload.shards }
  const root = receiptRoot(sha256, of, covers, opening)
  const payload: Receipt = { lease: id, covers, root, cpuMs: 1, wallMs: 1, energy: null }
  return { record: sign(bodyOf('receipt', worker, payload, { job: lease.job.id })), opening }
}

export const [a, b] = [cidNamed('a'), cidNamed('b')]

export function equivocationIn(lease: ReturnType<typeof leaseFor>): Evidence {
  const receipts = [receiptFor(lease, [a, b]), receiptFor(lease, [a, a])]
  return { manifest: lease.job.record, handovers: [], lease: lease.record, receipts, certificate: null }
}
