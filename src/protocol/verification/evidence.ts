/**
 * Evidence: proof that an owner's vehicle lied, which anybody can check without trusting whoever shows it.
 *
 * Two receipts of one vehicle that say different things about the same place of the same lease are such a proof: an
 * honest vehicle never signs the second, not even after a crash. A wrong result is none for those who cannot
 * recompute it, so it bans only where it was recomputed; being late or driving off is no lie at all.
 */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { checkReceipt, type Opening, openingSchema, openLease, openReceipt } from '../job/lease.ts'
import { evidenceBytesMax } from '../limits.ts'
import { openCertificate, ownerIdOf } from '../membership/owner.ts'
import type { Sha256 } from '../record/block.ts'
import { decodeCbor, encodeCbor } from '../record/block.ts'
import { malformed, type SignedRecord, signedRecordSchema, type Verify } from '../record/record.ts'

export interface Evidence {
  /** The lease that both receipts are for; its signer does not matter. */
  readonly lease: SignedRecord
  readonly receipts: readonly { readonly record: SignedRecord; readonly opening: Opening }[]
  /** The owner's certificate for the vehicle; null: the vehicle is its own owner. */
  readonly certificate: SignedRecord | null
}

export const evidenceSchema: z.ZodType<Evidence> = z.strictObject({
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

/** Returns the owner that lied. Throws ProtocolError when nothing is proven. */
export function checkEvidence(
  evidence: Evidence,
  sha256: Sha256,
  verify: Verify,
): { readonly peer: PeerId; readonly owner: OwnerId } {
  const lease = openLease(evidence.lease, sha256, () => true)
  const claims = evidence.receipts.map(({ record, opening }) => {
    const receipt = openReceipt(record, sha256, verify)
    checkReceipt(sha256, lease, receipt, opening)
    return new Map(receipt.payload.covers.map((place, i) => [place, opening.results[i]!]))
  })
  const [first, second] = claims
  const contradicts = [...first!].some(
    ([place, result]) => second!.has(place) && second!.get(place) !== result,
  )
  if (!contradicts) throw nothingProven('the receipts do not contradict each other')
  const peer = lease.payload.vehicle
  if (evidence.certificate === null) return { peer, owner: ownerIdOf(sha256, peer) }
  const certificate = openCertificate(evidence.certificate, sha256, verify)
  if (certificate.payload.peer !== peer) throw nothingProven('the certificate is for another vehicle')
  return { peer, owner: ownerIdOf(sha256, certificate.signer) }
}

function nothingProven(why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what: 'evidence', why })
}
