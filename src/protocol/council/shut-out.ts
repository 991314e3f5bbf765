/**
 * Judges whether a steward shuts owners out of the work: a steward that works for accomplices lists nobody else to draw from.
 *
 * Rosters differ, since adverts take their time, and what this node's roster does not know it does not judge. So it looks
 * only at lists that came while their steward was connected, and at owners that could be drawn for all of the time that an
 * advert needs to reach everybody. Of those, a share may be missing. The submitter's own node may draw from whom it likes:
 * the results are its own.
 *
 * And a steward that leases while it hears that another one acts has no reason to: an honest one takes its turn only when it has
 * heard nobody before it for seconds (attendance.ts). Beats are counted, and say how far the other's were heard. So while this node
 * acts and gets on, leases of those behind it do not count here that have said all the time that they hear it. What one of them leased
 * while it was apart, and heard nobody, comes soon after they meet, and counts.
 */
import type { OwnerId, PeerId } from '../ids.ts'
import type { DrawBasis } from '../job/draw.ts'
import type { Lease } from '../job/lease.ts'
import {
  drawCandidatesMax,
  drawOwnerVehiclesMax,
  outOfTurnMs,
  rosterLagMs,
  shutOutPpmMax,
  stewardFruitlessMs,
  stewardIdleMs,
} from '../limits.ts'
import type { Verified } from '../record/record.ts'
import { ownerLot } from '../steward/selection.ts'
import type { Seat } from './seat.ts'

/** Tells whether this list of candidates of that steward, which has just become known, leaves out more owners than rosters differ by. */
export function shutsOut(
  seat: Seat,
  signer: PeerId,
  { candidates, census }: DrawBasis,
  nowMs: number,
): boolean {
  const { self, manifest } = seat.options
  const sinceMs = nowMs - rosterLagMs
  if (signer === self || signer === manifest.stewards[0]?.peer) return false
  if (census !== undefined || isElsewhere(seat, signer)) return false
  if (!seat.watch.isConnectedSince(signer, sinceMs)) return false
  const listed = new Set(candidates.map(({ owner }) => owner))
  const known = selectable(seat, listed, candidates.length, seat.watch.ownersSince(sinceMs))
  const missing = known.filter((owner) => !listed.has(owner))
  return missing.length * 1_000_000 > known.length * shutOutPpmMax
}

/** A steward of another cell knows others than this node does: of its list nothing can be said from here. */
function isElsewhere({ capacities }: Seat, signer: PeerId): boolean {
  if (capacities.has(signer)) return false
  for (const { cellDepth = 0 } of capacities.values()) if (cellDepth > 0) return true
  return false
}

/**
 * Those of the known owners that a list can have. One that is full has the owners with the lowest lots (../steward/selection.ts): of
 * those whose lots are above all of the list's nothing is expected.
 */
function selectable(
  { options: { sha256, drawSecret } }: Seat,
  listed: ReadonlySet<OwnerId>,
  length: number,
  known: readonly OwnerId[],
): readonly OwnerId[] {
  if (length <= drawCandidatesMax - drawOwnerVehiclesMax) return known
  const lotOf = (owner: OwnerId) => ownerLot(sha256, drawSecret, owner)
  const last = [...listed].map(lotOf).reduce((a, b) => (a > b ? a : b))
  return known.filter((owner) => lotOf(owner) <= last)
}

/** Tells whether this lease, which has just come, is of a steward that has said all the time that it hears this node act. */
export function isOutOfTurn(seat: Seat, { signer }: Verified<Lease>, nowMs: number): boolean {
  const { actingSinceMs, begunMs, ownNewsMs, ownReturnMs, places, watch, options } = seat
  // One that gets on with nothing loses its turn (idle.ts).
  if (actingSinceMs === undefined || nowMs - ownNewsMs > stewardIdleMs / 2) return false
  if (nowMs - ownReturnMs > stewardFruitlessMs / 2) return false
  const order = places.stewards.map(({ peer }) => peer)
  if (order.indexOf(signer) <= order.indexOf(options.self)) return false
  // In the first seconds of a job nobody has heard of it for longer.
  const ageMs = nowMs - (begunMs ?? Number.NEGATIVE_INFINITY)
  const sinceMs = nowMs - Math.min(outOfTurnMs, ageMs / 2)
  return actingSinceMs <= sinceMs && watch.hearsUsSince(signer, sinceMs, nowMs)
}
