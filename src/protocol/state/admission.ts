/**
 * Admission: which records get into a job's set. It is a question of the set alone, so that stewards which compare their
 * records come to the same one; what a record changes is another question (counting.ts, decisions.ts).
 */
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Handover } from '../job/handover.ts'
import { checkReceipt, type Lease } from '../job/lease.ts'
import type { Verified } from '../record/record.ts'
import { type JobRecord, signedByOf } from '../records.ts'
import type { Excess } from './signer-bounds.ts'

/** Why a record does not get in. */
export type Refusal =
  | 'known'
  | 'of-another-job'
  | 'not-by-a-steward'
  /** A cancellation that is not the one of this job and of its submitter's key. */
  | 'not-by-its-submitter'
  /** Its lease is not here; perhaps it only comes later. */
  | 'without-lease'
  /** It follows from no handover that is here, and not from the manifest; or its giver signed too many. */
  | 'without-predecessor'
  /** Its lease has as many receipts as it can need. */
  | 'too-many-receipts'
  | Excess
  /** Others would have to give way to it: `admitFirst` has them do so. */
  | 'gives-way'

/** The records that are here, as far as others rest on them. */
interface Admitted {
  readonly job: JobId
  readonly sha256: Sha256
  has(id: RecordId): boolean
  /** May this peer sign records of the job? */
  isSteward(peer: PeerId): boolean
  leaseOf(id: LeaseId): Verified<Lease> | undefined
  /** Is this the job's one cancellation? */
  isCancellation(record: Verified): boolean
  /** Does this handover follow from the manifest, or from others that are here? */
  follows(handover: Verified<Handover>): boolean
  /** Those that give way to this record, or why it has to give way itself. */
  givingWay(entry: JobRecord): Excess | 'too-many-receipts' | readonly RecordId[]
}

/** Returns why a record does not get in, if it does not. Throws ProtocolError for a receipt that lies about its lease. */
export function refusalOf(entry: JobRecord, admitted: Admitted): Refusal | undefined {
  const { record } = entry
  if (admitted.has(record.id)) return 'known'
  if (record.job !== admitted.job) return 'of-another-job'
  if (signedByOf(entry.kind) === 'steward' && !admitted.isSteward(record.signer)) return 'not-by-a-steward'
  if (entry.kind === 'cancellation' && !admitted.isCancellation(record)) return 'not-by-its-submitter'
  if (entry.kind === 'handover' && !admitted.follows(entry.record)) return 'without-predecessor'
  if (entry.kind === 'receipt') {
    const lease = admitted.leaseOf(entry.record.payload.lease)
    if (lease === undefined) return 'without-lease'
    checkReceipt(admitted.sha256, lease, entry.record, entry.opening)
  }
  const givingWay = admitted.givingWay(entry)
  if (typeof givingWay === 'string') return givingWay
  return givingWay.length > 0 ? 'gives-way' : undefined
}

/** Tells whether the record is refused for good, since somebody signed too much, and not until another one comes. */
export function isExcess(refusal: Refusal): boolean {
  return refusal === 'too-much' || refusal === 'too-many-receipts'
}
