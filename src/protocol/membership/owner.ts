/**
 * Owners: an owner is paid, and counts as one voice.
 *
 * An owner is the hash of an owner key. The key signs a certificate for each of its vehicles, which the vehicle
 * shows in its advert; without one a peer is its own owner. In a fleet (fleet.ts) a credential says that the peer may
 * take part for this owner; without a fleet every owner counts, and nobody can say what share of them colludes, which
 * is why quotes and reports then print "no bound".
 */
import { toString as bytesToText, fromString } from 'uint8arrays'
import { z } from 'zod'
import type { OwnerId, PeerId } from '../ids.ts'
import type { Sha256 } from '../record/block.ts'
import { peerIdSchema, recordType } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

/** Signed by the owner key: this peer is a vehicle of mine. */
export interface OwnerCertificate {
  readonly peer: PeerId
}

export const ownerSchema = z.string().regex(/^[0-9a-f]{64}$/) as unknown as z.ZodType<OwnerId>
const certificateSchema: z.ZodType<OwnerCertificate> = z.strictObject({ peer: peerIdSchema })

export function ownerIdOf(sha256: Sha256, key: PeerId): OwnerId {
  return bytesToText(sha256(fromString(key)), 'base16') as OwnerId
}

/** Throws ProtocolError like openRecord, and 'malformed' when the certificate is for another peer. */
export const certificateType = recordType('owner', certificateSchema, recordBytesMax.owner)
export const { open: openCertificate } = certificateType
