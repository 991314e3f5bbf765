/**
 * Deals with shards that cannot go on by themselves: stragglers get a second copy, as do results that do not come, and a shard that nobody can
 * execute gets the verdict that it failed.
 */

import type { PeerId } from '../ids.ts'
import { deliveryMsMin, speculationFactor, speculationMinMs } from '../limits.ts'
import type { Desk } from './desk.ts'
import { finishJob } from './finish.ts'
import { failShard } from './judge.ts'
import type { LeaseState } from './lease-book.ts'
import { availableOwners } from './roster.ts'

/**
 * At the tail, when nothing waits, nobody counts on a lease any more that takes much longer than expected: its
 * shards get one more replica elsewhere. It is one more voice, never one fewer: as many must agree as before.
 */
export function copyStragglers(desk: Desk, nowMs: number): void {
  if (desk.board.wantedTotal > 0) return
  let queue = { vehicle: undefined as PeerId | undefined, leases: 0, costMs: 0 }
  for (const state of desk.leases.active()) {
    const { vehicle, costMs } = state.lease.payload
    if (queue.vehicle !== vehicle) queue = { vehicle, leases: 0, costMs: 0 }
    const isLate = nowMs - state.startedMs >= expectedMs(desk, state, queue)
    queue = { vehicle, leases: queue.leases + 1, costMs: queue.costMs + costMs }
    if (!isLate) continue
    state.lease.payload.positions.forEach((position, place) => {
      const shard = desk.board.states[position]!
      if (!state.covered.has(place) && shard.verdict === undefined)
        desk.board.late(shard, state.lease.payload.owner, state.lease.id)
    })
  }
}

/**
 * How long a lease may take: its own work, and that of the leases before it in its vehicle's queue, of which each slot has its part.
 * One at the front has no time but its own, however many its vehicle has taken.
 */
function expectedMs(desk: Desk, { lease }: LeaseState, queue: { leases: number; costMs: number }): number {
  const { vehicle, costMs } = lease.payload
  const slots = Math.max(1, desk.rooms.get(vehicle)?.slots ?? 1)
  const queueMs = queue.leases < slots ? 0 : queue.costMs / slots
  return Math.max(speculationMinMs, speculationFactor * (costMs + queueMs) * desk.slowness.value)
}

/**
 * The same, of a result that a vehicle has claimed and does not bring: its lease is over, and fetching it may take as long as a
 * job does, a byte at a time. As with a lease that failed, its vehicle is left alone for a while.
 */
export function copyLateResults(desk: Desk, nowMs: number): void {
  if (desk.board.wantedTotal > 0) return
  const patienceMs = (costMs: number) =>
    Math.max(deliveryMsMin, speculationFactor * costMs * desk.slowness.value)
  for (const { shard, lease } of desk.returns.late(({ shard }) => nowMs - patienceMs(shard.entry.costMs))) {
    const { owner, vehicle } = lease.lease.payload
    if (shard.verdict !== undefined) continue
    desk.board.late(shard, owner, lease.lease.id)
    desk.patience.setback(vehicle, 0, nowMs)
  }
}

/** If the submitter does not wait, fails a job that cannot begin, and shards for which no owner is left. */
export function failForWantOfOwners(desk: Desk, nowMs: number): void {
  const needed = desk.options.manifest.assurance.replicas
  const available = availableOwners(desk)
  const everBegun = desk.leases.size > 0
  if (!everBegun && available < needed)
    finishJob(
      desk,
      'too-few-owners',
      `${needed} distinct owners are needed and ${available} are known`,
      nowMs,
    )
  // Only a shard on which as many have spoken as could be drawn may have nobody left.
  else
    for (const shard of desk.board.waiting((claims) => claims >= available))
      if (![...desk.rooms.owners.keys()].some((owner) => desk.board.isEligible(shard, owner)))
        failShard(desk, shard, 'no-owner-left', nowMs)
}

/** Nobody joins a blind job: a shard that needs more owners than its submitter wrapped keys for has no hope. */
export function failForWantOfKeys(desk: Desk, nowMs: number): void {
  const { blind } = desk.options.manifest
  if (blind === null) return
  const owners = new Set(blind.candidates.map(({ owner }) => owner))
  for (const owner of desk.board.contradicted) owners.delete(owner)
  for (const shard of desk.board.waiting((claims, wanted) => claims + wanted > owners.size)) {
    const spoken = new Set(shard.claims.map(({ owner }) => owner))
    const left = [...owners].filter((owner) => !spoken.has(owner)).length
    if (left < shard.wanted) failShard(desk, shard, 'no-owner-left', nowMs)
  }
}
