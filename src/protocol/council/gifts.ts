/** How stewards share the job's budget (../job/allowance.ts). */

import type { PeerId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import { type Micros, unitsOf } from '../price.ts'
import { checked } from '../records.ts'
import { issue, type Seat } from './seat.ts'
import { tellSteward } from './turn.ts'

/**
 * A steward that does not act lets the one that does have at least as much of the budget left as itself
 * (../job/allowance.ts); and it keeps nothing that would not pay for a shard. It passes on nothing that it got from another than the
 * submitter's node.
 */
export function giveAllowance(seat: Seat, nowMs: number): void {
  const { payment } = seat.options.manifest
  const to = seat.attendance.acting(nowMs)
  if (payment === null || seat.shards === null || to === undefined || !seat.connected.has(to)) return
  const free = seat.records.allowances.assuredOf(seat.options.self)
  const has = seat.records.allowances.freeOf(to)
  const shard =
    payment.unitMicrosMax * seat.shards.reduce((max, s) => Math.max(max, unitsOf(s, payment.unit)), 1)
  if (free <= 0 || (has >= free && has >= shard)) return
  giveTo(seat, to, free < 2 * shard ? free : Math.ceil(free / 2), nowMs)
}

function giveTo(seat: Seat, to: PeerId, micros: Micros, nowMs: number): void {
  const payload: Allowance = { writtenOff: [], given: [{ to, micros }] }
  const allowance = checked('allowance', issue(seat, 'allowance', payload))
  tellSteward(seat, { type: 'allowance', allowance }, nowMs)
}

/**
 * A new steward gets an even part of the rest of its giver's allowance, one for each steward of the manifest: it may
 * have to go on alone.
 */
export function endowTaker(seat: Seat, taker: PeerId, nowMs: number): void {
  const micros = Math.floor(
    seat.records.allowances.assuredOf(seat.options.self) / seat.options.manifest.stewards.length,
  )
  if (micros > 0) giveTo(seat, taker, micros, nowMs)
}

/** A steward that leaves keeps nothing of its allowance but what its leases bind, and what it may not pass on. */
export function giveAllTo(seat: Seat, taker: PeerId, nowMs: number): void {
  const micros = seat.records.allowances.assuredOf(seat.options.self)
  if (micros > 0) giveTo(seat, taker, micros, nowMs)
}
