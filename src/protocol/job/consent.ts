/**
 * Consents: a node's signed word that it takes the place of a steward that is lost.
 *
 * A handover makes its taker a steward, and stewards execute nothing. So nobody is made one without its own signature:
 * it answers an invitation with a consent, which names the job, the steward that gives the place, and the one that is
 * replaced; the handover carries it (handover.ts). It serves for no other handover.
 */
import { z } from 'zod'
import type { JobId, OwnerId, PeerId, RecordId } from '../ids.ts'
import {
  bytesOfLength,
  cidSchema,
  naturalSchema,
  ownerIdSchema,
  peerIdSchema,
  recordType,
} from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

/** The place of a steward that is lost, as the handover of it will say (handover.ts). */
export interface OfferedPlace {
  readonly job: JobId
  readonly epoch: number
  readonly previous: RecordId
  readonly lost: PeerId
}

export const offeredPlaceSchema: z.ZodType<OfferedPlace> = z.strictObject({
  job: cidSchema,
  epoch: naturalSchema,
  previous: cidSchema,
  lost: peerIdSchema,
})

/** The record's job and epoch are the handover's, and its steward is the one that signs the handover. */
export interface Consent {
  /** As in the handover: the record by which its signer is a steward. */
  readonly previous: RecordId
  /** The steward that is replaced. */
  readonly lost: PeerId
  /** The invitation's, and the place's: 16 bytes. */
  readonly nonce: Uint8Array
  /** The owner of the node that signs, as it says itself. */
  readonly owner: OwnerId
}

const consentSchema: z.ZodType<Consent> = z.strictObject({
  previous: cidSchema,
  lost: peerIdSchema,
  nonce: bytesOfLength(16),
  owner: ownerIdSchema,
})

export const consentType = recordType('consent', consentSchema, recordBytesMax.consent)
export const { open: openConsent } = consentType
