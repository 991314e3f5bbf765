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
 * A vehicle that others reach through a relay counts as reached only where no fellow can be dialled: a relay carries little, and a
 * fellow that can be dialled has the vehicles connected to itself.
 *
 * Declined: to leave every job to the steward that says it can be dialled. A standby that acts chooses which of the free
 * vehicles may be drawn, and a submitter's node that reaches its vehicles has no reason to leave that to a stranger.
 */

import type { PeerId } from '../ids.ts'
import { outboundPatienceMs, reachPatienceMs } from '../limits.ts'
import { isDialled, type ReadyOwners } from './ready.ts'
import { isActing, livingFellows, type Seat } from './seat.ts'

/** Tells whether this steward leaves its turn to another. Call at every look. */
export function stepsAside(seat: Seat, nowMs: number): boolean {
  const nodes = seat.capacities
  const isBehindRouter = !isDialled(nodes.get(seat.options.self) ?? {})
  const fellows = livingFellows(seat, nowMs).filter((peer) => seat.records.holders.hasInputs(peer))
  const isBetter = isBehindRouter && fellows.some((peer) => isDialled(nodes.get(peer) ?? {}))
  if (!reachesTooFew(seat, isBehindRouter, !isBetter)) {
    seat.watch.tooFewSinceMs = undefined
    seat.watch.hasSteppedAside = false
    return false
  }
  seat.watch.tooFewSinceMs ??= nowMs
  if (!isActing(seat)) return isBetter || seat.watch.hasSteppedAside
  const isPatient = !isBetter || seat.watch.hasSteppedAside
  const sinceMs = Math.max(seat.watch.tooFewSinceMs, seat.actingSinceMs ?? nowMs)
  const steps = fellows.length > 0 && nowMs - sinceMs >= (isPatient ? reachPatienceMs : outboundPatienceMs)
  if (steps) seat.watch.hasSteppedAside = true
  return steps
}

/** Another acts: should this node act again, it need not be patient. */
export function otherActs(seat: Seat): void {
  seat.watch.hasSteppedAside = false
}

/** Returns how many owners could work for the job now. */
export function readyOwners({ options, places, capacities, connected, watch }: Seat): ReadyOwners {
  const isOutOfReach = (vehicle: PeerId) => watch.isOutOfReach(vehicle)
  const isRelayed = (vehicle: PeerId) => watch.isRelayed(vehicle)
  const { manifest } = options
  const facts = { manifest, stewards: places.stewards, capacities, connected, isOutOfReach, isRelayed }
  return watch.ready.owners(facts)
}

/** `byRelay`: those count as reached that a relay connects, or may connect. */
function reachesTooFew(seat: Seat, isBehindRouter: boolean, byRelay: boolean): boolean {
  const { able, reached: directly, reachedAtAll } = readyOwners(seat)
  const reached = byRelay ? reachedAtAll : directly
  if (reached === able) return false
  return reached < seat.options.manifest.assurance.replicas || (isBehindRouter && 2 * reached < able)
}
