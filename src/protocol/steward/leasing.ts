/** Leasing: draws the vehicle that works next, chooses its shards, and puts the lease on record. */

import type { Lease } from '../job/lease.ts'
import type { Verified } from '../record/record.ts'
import { type Affords, bundle, fairShare, nextOpportunity, type Room } from './assignment.ts'
import type { Candidate } from './candidate.ts'
import type { Desk } from './desk.ts'
import type { LeaseState } from './lease-book.ts'
import { affords, priceOf, shortageNow, unitsIn } from './purse.ts'
import type { ShardState } from './shard-board.ts'
import { issue } from './signing.ts'

/** Leases what is wanted, for as long as somebody is free and can be paid. */
export function assignWork(desk: Desk, nowMs: number): void {
  if (desk.board.wantedTotal === 0) {
    desk.short = undefined
    return
  }
  if (!desk.state.hasRoomToLease(desk.options.self)) return
  const takes: Affords = (candidate, shards) => affords(desk, candidate, shards)
  for (;;) {
    if (desk.barrenAt !== desk.board.growth) desk.barren.clear()
    desk.barrenAt = desk.board.growth
    const rooms = desk.candidates.map((candidate) => roomOf(desk, candidate, nowMs))
    const opportunity = nextOpportunity(desk.board, desk.candidates, rooms, desk.barren, takes)
    if (opportunity === 'nobody-free') return
    if (opportunity === 'unaffordable') {
      desk.short ??= shortageNow(desk, nowMs)
      return
    }
    desk.short = undefined
    if (opportunity === undefined) return
    const { candidate, draw } = desk.draws.draw(
      opportunity.shard.position,
      desk.candidates,
      opportunity.eligible,
      (basis) => issue(desk, 'draw', basis).id,
    )
    const share = fairShare(desk.board, desk.candidates, rooms)
    const room = roomOf(desk, candidate, nowMs)
    const shards = bundle(desk.board, opportunity.shard, candidate, room, share, desk.slowness.value, takes)
    leaseOut(desk, candidate, shards, draw, nowMs)
  }
}

function leaseOut(
  desk: Desk,
  candidate: Candidate,
  shards: readonly ShardState[],
  draw: Lease['draw'],
  nowMs: number,
): void {
  const lease = issue(desk, 'lease', {
    vehicle: candidate.peer,
    owner: candidate.owner,
    shards: shards.map((shard) => shard.entry.shard),
    positions: shards.map((shard) => shard.position),
    isa: candidate.isa,
    costMs: shards.reduce((sum, shard) => sum + shard.entry.costMs, 0),
    units: shards.map((shard) => unitsIn(desk, shard)),
    price: priceOf(desk, candidate),
    draw,
  })
  openLease(desk, lease, nowMs)
  desk.effects.push({ type: 'offer', lease: lease.id, to: candidate.peer })
}

/** Takes a lease into the books, no matter which steward signed it. */
export function openLease(desk: Desk, lease: Verified<Lease>, nowMs: number, restored = false): LeaseState {
  const { owner, positions, draw } = lease.payload
  if (lease.signer === desk.options.self) desk.draws.restoreDraw(draw)
  const state = desk.leases.open(lease, nowMs, restored)
  for (const position of positions) desk.board.hold(desk.board.states[position]!, owner, lease.id)
  return state
}

function roomOf(desk: Desk, { peer, slots, availableUntilMs }: Candidate, nowMs: number): Room {
  const remainingMs = availableUntilMs === null ? Number.POSITIVE_INFINITY : availableUntilMs - nowMs
  return {
    costMsMax: remainingMs / desk.slowness.value - desk.leases.costMsOf(peer) / slots,
    active: desk.leases.activeOf(peer),
    open: desk.patience.open(peer, nowMs),
  }
}
