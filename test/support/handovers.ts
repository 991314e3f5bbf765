/** Handovers with the consent of their takers, for tests that need some. */
import type { JobId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import type { OfferedPlace } from '../../src/protocol/job/consent.ts'
import type { Handover } from '../../src/protocol/job/handover.ts'
import type { StewardPlace } from '../../src/protocol/job/manifest.ts'
import {
  encodeBody,
  type RecordBody,
  recordId,
  type SignedRecord,
  type Verified,
} from '../../src/protocol/record/record.ts'
import { bodyOf, peerNamed, placeOf, sha256, sign } from './core-fakes.ts'

/** The word of a node that takes this place from this steward. */
export function consentTo(place: OfferedPlace, steward: PeerId, taker: StewardPlace): SignedRecord {
  const { job, epoch, previous, lost } = place
  const payload = { previous, lost, nonce: taker.nonce, owner: taker.owner }
  return sign(bodyOf('consent', taker.peer, payload, { job, epoch, steward }))
}

export interface HandoverChoices {
  readonly job: JobId
  readonly signer: string
  readonly lost: string
  readonly taker: string | StewardPlace
  /** The handover by which its signer is a steward; the manifest makes it one by default. */
  readonly after?: Verified<Handover> | undefined
  readonly previous?: RecordId | undefined
  readonly epoch?: number | undefined
  readonly serial?: number | undefined
}

/** The body of a handover, by which it is signed, or believed. */
export function handoverBody(choices: HandoverChoices): RecordBody<Handover> {
  const { job, after } = choices
  const signer = peerNamed(choices.signer)
  const lost = peerNamed(choices.lost)
  const taker = typeof choices.taker === 'string' ? placeOf(choices.taker) : choices.taker
  const previous = choices.previous ?? after?.id ?? job
  const epoch = choices.epoch ?? (after?.epoch ?? 0) + 1
  const consent = consentTo({ job, epoch, previous, lost }, signer, taker)
  const more = { job, epoch, steward: signer, serial: choices.serial ?? 0 }
  return bodyOf('handover', signer, { previous, lost, taker, consent }, more)
}

export function handoverOf(choices: HandoverChoices): Verified<Handover> {
  const body = handoverBody(choices)
  return { ...body, id: recordId(sha256, encodeBody(body)) }
}
