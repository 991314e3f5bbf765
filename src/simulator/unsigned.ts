/** In the virtual world nobody signs: a record's named signer is believed. */

import type { OwnerId, PeerId } from '../protocol/ids.ts'
import type { OfferedPlace } from '../protocol/message.ts'
import { encodeBody, type SignedRecord } from '../protocol/record/record.ts'
import { bodyOf, type Checked, type Opened, openRecordAs, type RecordKind } from '../protocol/records.ts'
import { cheapHash } from './chance.ts'

const signature = new Uint8Array(64)
const unsigned: SignedRecord = { body: new Uint8Array(0), signature }

/** A record as it would come out of its door. */
export function believed<Kind extends RecordKind>(record: Checked<Kind>): Opened<Kind> {
  return { ...record, signed: unsigned } as Opened<Kind>
}

/** This node consents to the place that a steward offers it. */
export function consentTo(
  { job, epoch, previous, lost }: OfferedPlace,
  steward: PeerId,
  nonce: Uint8Array,
  { peer: signer, owner }: { readonly peer: PeerId; readonly owner: OwnerId },
): SignedRecord {
  const payload = { previous, lost, nonce, owner }
  const fields = { signer, serial: 0, expiresMs: 0, job, epoch, steward, payload }
  return { body: encodeBody(bodyOf('consent', fields)), signature }
}

/** Throws ProtocolError. */
export function openedConsent(consent: SignedRecord): Opened<'consent'> {
  return openRecordAs('consent', consent, null, cheapHash, () => true)
}
