/**
 * Evidence: proof that an owner's vehicle lied, which anybody can check without trusting whoever shows it.
 *
 * Two receipts of one vehicle that say different things about the same place of the same lease are such a proof: an
 * honest vehicle never signs the second, not even after a crash. A wrong result is none for those who cannot
 * recompute it, so it bans only where it was recomputed; being late or driving off is no lie at all.
 *
 * A key outlives what it stood for: cars are sold, certificates end, and a lease that nobody gave can be made up at
 * home. The lease must therefore be signed by a steward of the job, which its manifest and handovers show; it must name
 * the owner; and the owner's certificate must have been good at some time between the manifest, which says when it was
 * signed, and the job's deadline.
 */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import { openHandover, successionOf } from '../job/handover.ts'
import {
  checkReceipt,
  type Lease,
  type Opening,
  openingSchema,
  openLease,
  openReceipt,
} from '../job/lease.ts'
import { type Manifest, openManifest } from '../job/manifest.ts'
import { clockSkewMaxMs, evidenceAgeMsMax, handoverRecordsMax } from '../limits.ts'
import { openCertificate, ownerIdOf } from '../membership/owner.ts'
import type { Sha256 } from '../record/block.ts'
import { decodeCbor, encodeCbor } from '../record/block.ts'
import {
  malformed,
  type SignedRecord,
  signedRecordSchema,
  type Verified,
  type Verify,
} from '../record/record.ts'
import { evidenceBytesMax } from '../sizes.ts'

export interface Evidence {
  readonly manifest: SignedRecord
  /** Those that make the lease's signer a steward; empty for one that the manifest names. */
  readonly handovers: readonly SignedRecord[]
  /** The lease that both receipts are for. */
  readonly lease: SignedRecord
  readonly receipts: readonly { readonly record: SignedRecord; readonly opening: Opening }[]
  /** The owner's certificate for the vehicle; null: the vehicle is its own owner. */
  readonly certificate: SignedRecord | null
}

/** A lie, as evidence proves it. */
export interface Lie {
  readonly peer: PeerId
  readonly owner: OwnerId
  /** Names the evidence: the lease about which the vehicle lied. */
  readonly evidence: RecordId
  /** When the job was signed, in milliseconds since 1970: the lie is no older. */
  readonly begunMs: number
  /** No later than this: the job's deadline, or now. */
  readonly untilMs: number
  /** When the owner signed for the vehicle; null: it is its own owner. */
  readonly certifiedMs: number | null
}

export const evidenceSchema: z.ZodType<Evidence> = z.strictObject({
  manifest: signedRecordSchema,
  handovers: z.array(signedRecordSchema).max(handoverRecordsMax),
  lease: signedRecordSchema,
  receipts: z.array(z.strictObject({ record: signedRecordSchema, opening: openingSchema })).length(2),
  certificate: signedRecordSchema.nullable(),
})

export function encodeEvidence(evidence: Evidence): Uint8Array {
  return encodeCbor(evidence)
}

/** Throws ProtocolError. It does not check what the evidence proves: checkEvidence does. */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  const decoded = evidenceSchema.safeParse(decodeCbor('evidence', bytes, evidenceBytesMax))
  if (!decoded.success) throw malformed('evidence', decoded.error)
  return decoded.data
}

/** Returns who lied, and when. `nowMs`: milliseconds since 1970. Throws ProtocolError when nothing is proven. */
export function checkEvidence(evidence: Evidence, sha256: Sha256, verify: Verify, nowMs: number): Lie {
  const lease = openLease(evidence.lease, sha256, verify)
  const manifest = openManifest(evidence.manifest, sha256, verify)
  checkLease(lease, manifest, evidence.handovers, sha256, verify)
  checkContradiction(lease, evidence.receipts, sha256, verify)
  const begunMs = manifest.serial
  const untilMs = Math.min(nowMs, manifest.payload.deadlineMs)
  if (begunMs > nowMs + clockSkewMaxMs || begunMs > untilMs + clockSkewMaxMs)
    throw nothingProven('its job has not begun, or ended before that')
  if (begunMs <= nowMs - evidenceAgeMsMax || lease.expiresMs <= nowMs) throw nothingProven('it is too old')
  const peer = lease.payload.vehicle
  const certificate =
    evidence.certificate === null ? null : openCertificate(evidence.certificate, sha256, verify)
  if (certificate !== null && certificate.payload.peer !== peer)
    throw nothingProven('the certificate is for another vehicle')
  if (
    certificate !== null &&
    (certificate.serial > untilMs + clockSkewMaxMs || certificate.expiresMs <= begunMs)
  )
    throw nothingProven('the certificate was not good at the time')
  const owner = ownerIdOf(sha256, certificate?.signer ?? peer)
  if (lease.payload.owner !== owner) throw nothingProven('the lease was given to a vehicle of another owner')
  return { peer, owner, evidence: lease.id, begunMs, untilMs, certifiedMs: certificate?.serial ?? null }
}

/** A steward of the job gave it, by the job's own records. */
function checkLease(
  lease: Verified<Lease>,
  manifest: Verified<Manifest>,
  handovers: readonly SignedRecord[],
  sha256: Sha256,
  verify: Verify,
): void {
  if (manifest.id !== lease.job) throw nothingProven('the lease is of another job')
  const opened = handovers.map((handover) => openHandover(handover, sha256, verify))
  if (!successionOf(manifest.id, manifest.payload, opened).signers.has(lease.signer))
    throw nothingProven('the lease is signed by no steward of the job')
}

function checkContradiction(
  lease: Verified<Lease>,
  receipts: Evidence['receipts'],
  sha256: Sha256,
  verify: Verify,
): void {
  const [first, second] = receipts.map(({ record, opening }) => {
    const receipt = openReceipt(record, sha256, verify)
    checkReceipt(sha256, lease, receipt, opening)
    return new Map(receipt.payload.covers.map((place, i) => [place, opening.results[i]!]))
  })
  const contradicts = [...first!].some(
    ([place, result]) => second!.has(place) && second!.get(place) !== result,
  )
  if (!contradicts) throw nothingProven('the receipts do not contradict each other')
}

function nothingProven(why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what: 'evidence', why })
}
