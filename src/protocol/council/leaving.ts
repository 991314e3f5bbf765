/**
 * Leaving: a standby whose owner wants it to stop hands the job over first. It seeks a node that is willing, as it would in the
 * place of a lost steward (replacement.ts), but for its own place. The handover is its own word, so every steward heeds it
 * at once (places.ts), and its allowance goes along. Then it only waits: it keeps what it has, and acts no more, until its heir
 * holds the inputs, has the same records, and every result that it holds is safe without it. If the heir is lost before that, this node
 * takes its turn again, and waits for whoever replaces it.
 */
import type { PeerId } from '../ids.ts'
import { giveAllowance } from './gifts.ts'
import { awaitsAnswer, candidateFor, hasRoom, invite, replaceLost, seeksTakers } from './replacement.ts'
import { differs, hasEnded, isActing, isReader, livingFellows, type Seat } from './seat.ts'

/** Begins to seek a node for its own place. The submitter's node has nobody to give its place to. */
export function release(seat: Seat, nowMs: number): void {
  const { self, manifest } = seat.options
  if (hasEnded(seat) || isReader(seat) || manifest.stewards[0]?.peer === self || heirOf(seat) !== undefined)
    return
  // It is asked by a person: those that had no room a while ago are asked again.
  if (!seat.isSeeking) seat.refused.clear()
  seat.isSeeking = true
  seekTaker(seat, nowMs)
}

/** Asks the next node, unless one is being asked. Where there is none, this node keeps the job. */
export function seekTaker(seat: Seat, nowMs: number): void {
  if (heirOf(seat) !== undefined) seat.isSeeking = false
  if (!seat.isSeeking || awaitsAnswer(seat, nowMs)) return
  const candidate = hasRoom(seat) ? candidateFor(seat, nowMs) : undefined
  if (candidate !== undefined) {
    invite(seat, candidate, seat.options.self, nowMs)
    return
  }
  seat.isSeeking = false
  seat.effects.push({ type: 'kept' })
}

/** Looks after places and money, between two words of others. */
export function lookAtPlaces(seat: Seat, nowMs: number): void {
  if (seat.isSeeking) seekTaker(seat, nowMs)
  else {
    if (!isActing(seat)) giveAllowance(seat, nowMs)
    if (seeksTakers(seat, nowMs)) replaceLost(seat, nowMs)
  }
}

/** The steward that has this node's place, once this node has given it away. */
export function heirOf({ places, options }: Seat): PeerId | undefined {
  return places.heirOf(options.self)
}

/** Tells whether it leaves the job to its heir: it does not act while that one lives. */
export function yields(seat: Seat, nowMs: number): boolean {
  const heir = heirOf(seat)
  return heir !== undefined && !seat.attendance.isLost(heir, nowMs)
}

/** Leaves, once nothing is lost with it. */
export function leaveOnceHeld(seat: Seat, nowMs: number): void {
  const heir = heirOf(seat)
  if (heir === undefined || isActing(seat) || hasEnded(seat)) return
  const { attendance, records, results } = seat
  if (!attendance.lives(heir, nowMs) || !records.holders.hasInputs(heir)) return
  if (differs(seat, heir) || !results.areSafeWithoutThis(livingFellows(seat, nowMs))) return
  seat.hasLeft = true
  seat.effects.push({ type: 'left', why: 'replaced', serial: seat.issuer.serial })
}
