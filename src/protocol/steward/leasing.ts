/** Leasing: draws the vehicle that works next, chooses its shards, and puts the lease on record. */

import type { Lease } from '../job/lease.ts'
import { turnLeasesMax, turnLotsMax } from '../limits.ts'
import type { Verified } from '../record/record.ts'
import { isApart } from './abroad.ts'
import { type Affords, bundle, nextOpportunity, shardsPerLease } from './assignment.ts'
import type { Candidate } from './candidate.ts'
import { type Desk, goOn } from './desk.ts'
import { OrderedAssignment } from './in-order.ts'
import type { LeaseState } from './lease-book.ts'
import { affords, priceOf, shortageNow, unitsIn } from './purse.ts'
import type { ShardState } from './shard-state.ts'
import { issue } from './signing.ts'
import { isTimeToLease } from './waiting.ts'

/** Leases what is wanted, for as long as somebody is free and can be paid, and as much as one turn takes. */
export function assignWork(desk: Desk, nowMs: number): void {
  const { board, rooms, cursors } = desk
  if (board.wantedTotal === 0) {
    desk.short = undefined
    return
  }
  if (!desk.state.hasRoomToLease(desk.options.self)) return
  if (!isTimeToLease(desk, nowMs)) return
  const affordable: Affords = (candidate, shards) => affords(desk, candidate, shards)
  const apart = (candidate: Candidate, shard: ShardState) => isApart(desk, candidate, shard)
  const market = { board, cursors, rooms, affords: affordable, isApart: apart }
  desk.inOrder?.begin()
  let lots = 0
  for (let leases = 0; leases < turnLeasesMax && lots < turnLotsMax; leases += 1) {
    rooms.refresh(nowMs)
    if (desk.barrenAt !== board.growth) rooms.unshelve()
    desk.barrenAt = board.growth
    const opportunity = desk.inOrder?.next(market, nowMs) ?? nextOpportunity(market, nowMs)
    if (opportunity === 'nobody-free') return
    if (opportunity === 'unaffordable') {
      desk.short ??= shortageNow(desk, nowMs)
      return
    }
    desk.short = undefined
    if (opportunity === undefined || opportunity === 'cramped') return
    if (opportunity === 'later') {
      // Where nothing was found so far, the next look goes on there.
      if (leases === 0) return
      break
    }
    const { shard, eligible } = opportunity
    if (!desk.draws.list(rooms, (basis) => issue(desk, 'draw', basis).id)) break
    lots += eligible.length
    const { candidate, draw } = desk.draws.draw(shard.position, rooms, eligible)
    const share = shardsPerLease(board, rooms)
    const room = rooms.roomOf(candidate, nowMs)
    // Whoever was drawn, its lease is as large as the purse lets that of the dearest be: who asks for little gets no more of the work.
    const dearest = eligible.reduce((most, one) =>
      (one.unitMicros ?? 0) > (most.unitMicros ?? 0) ? one : most,
    )
    const forAll: Affords = (_, shards) => affords(desk, dearest, shards)
    const { inOrder } = desk
    const mayJoin = (further: ShardState) =>
      apart(candidate, further) && inOrder?.mayJoin(shard, further, candidate.owner) !== false
    const before = inOrder === undefined ? undefined : OrderedAssignment.after(shard)
    const shards = bundle(board, shard, candidate, room, share, desk.slowness.value, forAll, mayJoin, before)
    leaseOut(desk, candidate, shards, draw, nowMs)
  }
  goOn(desk)
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
