/**
 * Replacing a steward that is lost for good: one node is sought at a time, asked for its consent (../job/consent.ts), and
 * named by a handover. The same gives a steward's own place away (leaving.ts). Here is also what becomes of handovers, one's own
 * and those of others.
 */

import { concat, equals, fromString } from 'uint8arrays'
import type { PeerId } from '../ids.ts'
import { agrees, type Handover } from '../job/handover.ts'
import type { StewardPlace } from '../job/manifest.ts'
import { handoversMax, inviteAgainMs, inviteTtlMs } from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import type { CouncilInput } from './contract.ts'
import { endowTaker, giveAllTo } from './gifts.ts'
import { excludingStewards, hasEnded, isActing, issue, livingFellows, pathsTo, type Seat } from './seat.ts'
import { findStandbys } from './standbys.ts'
import { standDown, tellSteward } from './turn.ts'

/** As many stewards as the manifest names should live; one is sought at a time. */
export function replaceLost(seat: Seat, nowMs: number): void {
  if (awaitsAnswer(seat, nowMs)) return
  const { places, attendance, options } = seat
  // One that has given its place away and waits makes one steward with its heir.
  const staying = [options.self, ...livingFellows(seat, nowMs)].filter((peer) => !places.heirOf(peer))
  const living = staying.length
  const lost = places.stewards.filter(
    ({ peer }) => !places.isReplaced(peer) && attendance.isLost(peer, nowMs),
  )
  const gone = lost.find(({ peer }) => peer === places.heirOf(options.self)) ?? lost[0]
  if (gone === undefined || living >= seat.options.manifest.stewards.length || !hasRoom(seat)) return
  const candidate = candidateFor(seat, nowMs)
  if (candidate !== undefined) invite(seat, candidate, gone.peer, nowMs)
}

/** Tells whether a node is being asked. One that did not answer in time is left alone for a while. */
export function awaitsAnswer(seat: Seat, nowMs: number): boolean {
  if (seat.invited !== undefined && seat.invited.untilMs > nowMs) return true
  if (seat.invited !== undefined) askedInVain(seat, seat.invited.candidate, nowMs)
  seat.invited = undefined
  return false
}

function askedInVain(seat: Seat, { peer, owner }: Capacity, nowMs: number): void {
  seat.refused.set(peer, { owner, untilMs: nowMs + inviteAgainMs })
}

/** Asks a node to take the place of this steward. */
export function invite(seat: Seat, candidate: Capacity, lost: PeerId, nowMs: number): void {
  const { job, manifest, self, sha256, drawSecret } = seat.options
  const nonce = sha256(
    concat([drawSecret, fromString(`place/${self}/${seat.issuer.serial}/${candidate.peer}`)]),
  ).slice(0, 16)
  const place = { job, ...nextOf(seat), lost }
  seat.invited = { candidate, place, nonce, untilMs: nowMs + inviteTtlMs }
  const bytes = manifest.documents.bytes
  seat.effects.push({ type: 'send', to: candidate.peer, message: { type: 'invite', nonce, bytes, place } })
}

/** Takes the answer of a node that was invited: one that consents becomes a steward. */
export function answeredInvitation(
  seat: Seat,
  { from, nonce, consent }: Extract<CouncilInput, { type: 'answered' }>,
  nowMs: number,
): void {
  const invited = seat.invited
  if (invited?.candidate.peer !== from || !equals(invited.nonce, nonce)) return
  const isOwnPlace = invited.place.lost === seat.options.self
  if (!isOwnPlace && !seeksTakers(seat, nowMs)) return
  seat.invited = undefined
  const { epoch, previous, lost } = invited.place
  const taker: StewardPlace = { peer: from, owner: invited.candidate.owner, nonce }
  const { job, self } = seat.options
  const payload = { previous, lost, taker }
  if (consent === null || !agrees(consent.record, { job, epoch, signer: self, payload })) {
    askedInVain(seat, invited.candidate, nowMs)
    return
  }
  if (isOwnPlace && isActing(seat)) standDown(seat)
  const handover: Handover = { ...payload, consent: consent.signed }
  issue(seat, 'handover', handover, epoch)
  if (isOwnPlace) giveAllTo(seat, from, nowMs)
  else endowTaker(seat, from, nowMs)
  heedHandovers(seat, nowMs)
  seat.effects.push({ type: 'entrust', to: from })
}

/** Looks at the handovers that are here: takers may have a place by now, or this node none any more. */
export function heedHandovers(seat: Seat, nowMs: number): void {
  const { places, attendance, records } = seat
  places.review(records.succession, nowMs)
  attendance.seat(places.stewards, nowMs)
  const excluding = excludingStewards(seat)
  const names = excluding.map(({ peer }) => peer).join()
  if (names !== seat.excluding) {
    seat.excluding = names
    tellSteward(seat, { type: 'stewards', stewards: excluding }, nowMs)
  }
  leaveUnlessNeeded(seat)
}

/** A taker that hears the steward that it replaces, before it has acted, leaves the place to that one. */
function leaveUnlessNeeded(seat: Seat): void {
  const { places, records, options } = seat
  const isTaker = records.succession.handovers.some(({ payload }) => payload.taker.peer === options.self)
  if (!isTaker || places.has(options.self) || seat.hasLeft || hasEnded(seat)) return
  if (isActing(seat)) standDown(seat)
  seat.hasLeft = true
  seat.effects.push({ type: 'left', why: 'not-lost', serial: seat.issuer.serial })
}

/**
 * The node to ask next: connected, of another owner than the job's stewards, and not asked in vain lately. Owners are the unit
 * of this draw, too (standbys.ts): an owner with many nodes takes no more places, and no more time when they say nothing.
 */
export function candidateFor(seat: Seat, nowMs: number) {
  const { manifest, sha256, drawSecret: seed } = seat.options
  const { stewards } = seat.records.succession
  const inVain = [...seat.refused].filter(([, { untilMs }]) => untilMs > nowMs)
  const [candidate] = findStandbys(
    {
      capacities: [...seat.capacities.values()].filter(
        ({ peer }) => seat.connected.has(peer) && !seat.watch.isRelayed(peer),
      ),
      runtime: manifest.runtime,
      engine: manifest.engine.id,
      replicas: manifest.assurance.replicas,
      taken: {
        peers: new Set(stewards.map(({ peer }) => peer)),
        // An owner that has keys of a blind job and became its steward could read all of it.
        owners: new Set([...stewards, ...(manifest.blind?.candidates ?? [])].map(({ owner }) => owner)),
      },
      inVain: new Map(inVain.map(([peer, { owner }]) => [peer, owner])),
      sha256,
      seed,
    },
    1,
  )
  return candidate
}

/** The record by which a node is a steward, which its next handover names, and the epoch of that. */
function nextOf(seat: Seat, peer = seat.options.self) {
  const own = pathsTo(seat, [peer]).at(-1)
  return { previous: own?.id ?? seat.options.job, epoch: (own?.epoch ?? 0) + 1 }
}

/** Tells whether it, or that steward, may sign one more handover that holds. */
export function hasRoom(seat: Seat, peer = seat.options.self): boolean {
  const { previous, epoch } = nextOf(seat, peer)
  return epoch <= handoversMax && seat.records.succession.room(previous, peer) > 0
}

/**
 * Tells whether this node is to seek those that take the places of lost stewards. It is while it acts. When the one that acts has signed
 * all handovers that it may, as in a job that runs for weeks, it is the first in order that lives and may sign one: how many each may
 * sign follows from records that all have.
 */
export function seeksTakers(seat: Seat, nowMs: number): boolean {
  if (isActing(seat)) return true
  const { attendance, places, options } = seat
  const acting = attendance.acting(nowMs)
  if (acting === undefined || hasRoom(seat, acting)) return false
  const living = places.stewards.filter(({ peer }) => peer === options.self || attendance.lives(peer, nowMs))
  return living.find(({ peer }) => hasRoom(seat, peer))?.peer === options.self
}
