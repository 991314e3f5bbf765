/**
 * Reaching: a steward that acts and cannot reach the vehicles steps aside for one that can.
 *
 * A computer behind a router dials others and is dialled by nobody, and most vehicles are behind routers themselves. A submitter
 * at home would hand out work that never arrives, while a standby that others can dial has all vehicles connected to it. So a steward
 * counts the owners that it reaches: they are connected, or can be dialled. It reaches too few when these cannot finish the job, or
 * when others cannot dial it and most owners are out of its reach.
 *
 * Then it leaves its turn to a fellow that lives, holds the inputs and can be dialled; at once where others cannot dial this
 * node, else after a while. Where nobody takes the turn, it acts again: nothing is worse than without this rule. That others can be
 * dialled is their own word, but that this node reaches too few is its own watch, so a lie alone moves no turn.
 *
 * Declined: to leave every job to the steward that says it can be dialled. A standby that acts chooses which of the free
 * vehicles may be drawn, and a submitter's node that reaches its vehicles has no reason to leave that to a stranger.
 */
import type { PeerId } from '../ids.ts'
import { outboundPatienceMs, reachPatienceMs } from '../limits.ts'
import { candidatesFor } from '../steward/candidate.ts'
import { isActing, livingFellows, type Seat } from './seat.ts'

/** Takes note of whom an offer did not reach. */
export function notReached(seat: Seat, vehicle: PeerId | undefined): void {
  if (vehicle !== undefined && !seat.connected.has(vehicle)) seat.outOfReach.add(vehicle)
}

/** Tells whether this steward leaves its turn to another. Call at every look. */
export function stepsAside(seat: Seat, nowMs: number): boolean {
  if (!reachesTooFew(seat)) {
    seat.tooFewSinceMs = undefined
    seat.hasSteppedAside = false
    return false
  }
  seat.tooFewSinceMs ??= nowMs
  const fellows = livingFellows(seat, nowMs).filter((peer) => seat.records.holders.hasInputs(peer))
  const isBehindRouter = !isDialled(seat, seat.options.self)
  const isBetter = isBehindRouter && fellows.some((peer) => isDialled(seat, peer))
  if (!isActing(seat)) return isBetter || seat.hasSteppedAside
  const isPatient = !isBetter || seat.hasSteppedAside
  const sinceMs = Math.max(seat.tooFewSinceMs, seat.actingSinceMs ?? nowMs)
  const steps = fellows.length > 0 && nowMs - sinceMs >= (isPatient ? reachPatienceMs : outboundPatienceMs)
  if (steps) seat.hasSteppedAside = true
  return steps
}

/** Another acts: should this node act again, it need not be patient. */
export function otherActs(seat: Seat): void {
  seat.hasSteppedAside = false
}

function reachesTooFew(seat: Seat): boolean {
  const { options, places, capacities } = seat
  const able = candidatesFor(options.manifest, places.stewards, capacities).filter(
    ({ mode }) => mode !== 'stop',
  )
  const owners = (those: typeof able) => new Set(those.map(({ owner }) => owner)).size
  const known = owners(able)
  const reached = owners(able.filter(({ peer }) => isReached(seat, peer)))
  if (reached === known) return false
  return (
    reached < options.manifest.assurance.replicas || (!isDialled(seat, options.self) && 2 * reached < known)
  )
}

function isReached(seat: Seat, peer: PeerId): boolean {
  if (seat.connected.has(peer)) return true
  return isDialled(seat, peer) && !seat.outOfReach.has(peer)
}

/** Others can dial it, or it has not said otherwise. */
function isDialled({ capacities }: Seat, peer: PeerId): boolean {
  const reach = capacities.find((capacity) => capacity.peer === peer)?.reach ?? 'direct'
  return reach === 'direct'
}
