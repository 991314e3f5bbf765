/** In the virtual world nobody signs: a record's named signer is believed. */

import type { OwnerId, PeerId } from '../protocol/ids.ts'
import type { Message } from '../protocol/message.ts'
import { encodeBody, type SignedRecord } from '../protocol/record/record.ts'
import { bodyOf, type Checked, type Opened, openRecordAs, type RecordKind } from '../protocol/records.ts'
import { cheapHash } from './chance.ts'

const signature = new Uint8Array(64)
const unsigned: SignedRecord = { body: new Uint8Array(0), signature }

/** A record as it would come out of its door. */
export function believed<Kind extends RecordKind>(record: Checked<Kind>): Opened<Kind> {
  return { ...record, signed: unsigned } as Opened<Kind>
}

/** This node is willing, and consents to the place that a steward offers it. */
export function answerTo(
  { nonce, place }: Extract<Message, { type: 'invite' }>,
  steward: PeerId,
  { peer: signer, owner }: { readonly peer: PeerId; readonly owner: OwnerId },
): Message {
  if (place === null) return { type: 'willing', nonce, consent: null }
  const { job, epoch, previous, lost } = place
  const payload = { previous, lost, nonce, owner }
  const body = bodyOf('consent', { signer, serial: 0, expiresMs: 0, job, epoch, steward, payload })
  return { type: 'willing', nonce, consent: { body: encodeBody(body), signature } }
}

/** The consent that came with an answer, if there was one. Throws ProtocolError. */
export function answersOf(from: PeerId, message: Extract<Message, { type: 'willing' | 'unwilling' }>) {
  if (message.type === 'unwilling' || message.consent === null) return []
  const consent = openRecordAs('consent', message.consent, null, cheapHash, () => true)
  return [{ type: 'answered' as const, from, nonce: message.nonce, consent }]
}
