/**
 * Handovers: how a job's stewards change while it runs.
 *
 * The manifest fixes the first stewards. One that is lost for good is replaced by a record that a steward signs, and
 * that carries the consent of the node that takes the place (consent.ts). It names the record by which its signer is
 * a steward, so that a few handovers show how anybody became one: a path that begins at the manifest. All handovers
 * of a job together are a tree.
 *
 * A steward may give no more than its share of the tree: those of the manifest have equal shares, and each handover
 * takes a part of its giver's, in the order of the giver's serials. So no steward, whatever it signs, takes a place
 * from a node that another steward made one, and which handovers hold is the same whatever comes first. Two under one serial
 * each take their part. A giver can push out one of its own takers only by signing as many others as it has room for. One that holds
 * makes its taker somebody who may sign; whether it has a place besides is another question, which each steward answers
 * by its own watch (../council/places.ts).
 */

import { equals } from 'uint8arrays'
import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import { ProtocolError } from '../errors.ts'
import type { JobId, PeerId, RecordId } from '../ids.ts'
import { handoverShare, handoversMax } from '../limits.ts'
import {
  cidSchema,
  peerIdSchema,
  recordType,
  type SignedRecord,
  signedRecordSchema,
  type Verified,
  type Verify,
} from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { type Consent, openConsent } from './consent.ts'
import { type Manifest, type StewardPlace, stewardPlaceSchema } from './manifest.ts'

export { consentType } from './consent.ts'

export interface Handover {
  /**
   * The record by which the signer is a steward: the job itself for one that the manifest names, or else the handover
   * that made it one. The record's epoch is one more than its.
   */
  readonly previous: RecordId
  /** The steward that is replaced: it was silent for too long, or it is the signer itself, which leaves. */
  readonly lost: PeerId
  readonly taker: StewardPlace
  /** The taker's own word. */
  readonly consent: SignedRecord
}

const handoverSchema: z.ZodType<Handover> = z.strictObject({
  previous: cidSchema,
  lost: peerIdSchema,
  taker: stewardPlaceSchema,
  consent: signedRecordSchema,
})

export const handoverType = recordType('handover', handoverSchema, recordBytesMax.handover, {
  checkCarried: checkConsent,
})
export const { open: openHandover } = handoverType

/** Tells whether the consent is the taker's, and to this very handover. */
export function agrees(
  consent: Verified<Consent>,
  handover: Pick<Verified<Handover>, 'job' | 'epoch' | 'signer'> & {
    readonly payload: Omit<Handover, 'consent'>
  },
): boolean {
  const { previous, lost, taker } = handover.payload
  return (
    consent.signer === taker.peer &&
    consent.job === handover.job &&
    consent.epoch === handover.epoch &&
    consent.steward === handover.signer &&
    consent.payload.previous === previous &&
    consent.payload.lost === lost &&
    consent.payload.owner === taker.owner &&
    equals(consent.payload.nonce, taker.nonce)
  )
}

/** Throws ProtocolError: malformed, and what `openConsent` throws. */
function checkConsent(handover: Verified<Handover>, sha256: Sha256, verify: Verify): void {
  if (!agrees(openConsent(handover.payload.consent, sha256, verify), handover))
    throw new ProtocolError({ code: 'malformed', what: 'handover', why: 'its taker consented to another' })
}

export interface Succession {
  /** Everybody who may sign for the job: those of the manifest, then the takers in the order of handovers. */
  readonly stewards: readonly StewardPlace[]
  /** The handovers that hold, in the order of (epoch, id): each after the one that it follows. */
  readonly handovers: readonly Verified<Handover>[]
  /** Those who may sign records of the job, each with its share: 1 to handoverShare + 1. */
  readonly signers: ReadonlyMap<PeerId, number>
  /** How many handovers may follow yet what this steward signs by this record, those of its takers included. */
  readonly room: (by: RecordId, giver: PeerId) => number
}

/**
 * The stewards of a job, from its manifest and any set of handovers. Those are left out that do not follow from the
 * manifest, that somebody signed who was no steward by the record they name, and that exceed their giver's share.
 * The order in which they are given does not matter.
 */
export function successionOf(
  job: JobId,
  manifest: Manifest,
  handovers: Iterable<Verified<Handover>>,
): Succession {
  const byPrevious = new Map<RecordId, Verified<Handover>[]>()
  for (const handover of handovers) {
    const siblings = byPrevious.get(handover.payload.previous)
    if (siblings === undefined) byPrevious.set(handover.payload.previous, [handover])
    else siblings.push(handover)
  }
  const held: Verified<Handover>[] = []
  const room = new Map<string, number>()
  const signers = new Map<PeerId, number>()
  const grant = (peer: PeerId, share: number) =>
    void signers.set(peer, Math.max(share, signers.get(peer) ?? 0))
  const follow = (previous: RecordId, epoch: number, giver: PeerId, share: number): void => {
    const given = (byPrevious.get(previous) ?? []).filter(
      (next) => next.job === job && next.epoch === epoch && next.signer === giver,
    )
    const rising = given.sort((a, b) => a.serial - b.serial || compareText(a.id, b.id))
    // Two under one serial both hold: else their giver could take back, by signing a serial once more, what the first taker did.
    const each = rising.filter(({ id }, i) => id !== rising[i - 1]?.id)
    let left = share
    for (const next of each) {
      if (left === 0) break
      const part = partOf(left)
      left -= 1 + part
      held.push(next)
      grant(next.payload.taker.peer, part + 1)
      follow(next.id, epoch + 1, next.payload.taker.peer, part)
    }
    room.set(`${previous}/${giver}`, left)
  }
  for (const { peer } of manifest.stewards) {
    grant(peer, handoverShare + 1)
    follow(job, 1, peer, handoverShare)
  }
  held.sort((a, b) => a.epoch - b.epoch || compareText(a.id, b.id))
  const stewards = new Map(manifest.stewards.map((place) => [place.peer, place]))
  for (const { payload } of held)
    if (!stewards.has(payload.taker.peer)) stewards.set(payload.taker.peer, payload.taker)
  return {
    stewards: [...stewards.values()],
    handovers: held,
    signers,
    room: (by, giver) => room.get(`${by}/${giver}`) ?? 0,
  }
}

/** Returns how many of the handovers that a steward may still have after it its next taker may have after it. */
function partOf(left: number): number {
  return Math.floor((left - 1) / 3)
}

/** The handovers by which a peer is a steward, each after the one that it follows; none for one of the manifest. */
export function pathTo({ handovers }: Succession, manifest: Manifest, peer: PeerId): Verified<Handover>[] {
  if (manifest.stewards.some((place) => place.peer === peer)) return []
  const byId = new Map(handovers.map((handover) => [handover.id, handover]))
  const path: Verified<Handover>[] = []
  let next = handovers.find(({ payload }) => payload.taker.peer === peer)
  while (next !== undefined && path.length < handoversMax) {
    path.unshift(next)
    next = byId.get(next.payload.previous)
  }
  return path
}
