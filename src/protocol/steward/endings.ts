/** Ends leases: gives them up, withdraws or closes them, and puts their shards back into the queue. */

import type { OwnerId } from '../ids.ts'
import { writeOffMs } from '../limits.ts'
import type { DeclineReason, ReleaseReason } from '../message.ts'
import type { Desk } from './desk.ts'
import type { LeaseState } from './lease-book.ts'

/** The owner said something that is not so: its voice counts no more, and its leases are withdrawn. */
export function contradictOwner(desk: Desk, owner: OwnerId, nowMs: number): void {
  if (desk.board.contradicted.has(owner)) return
  desk.board.contradict(owner)
  desk.windows?.drop(owner)
  for (const state of [...desk.leases.active()])
    if (state.lease.payload.owner === owner) withdrawLease(desk, state, nowMs)
}

/**
 * Puts the shards that the lease has not returned back into the queue. `loss`: counts it against the patience with
 * the shard that was under way; those behind it in the lease are innocent.
 */
export function giveUp(desk: Desk, state: LeaseState, loss: boolean, nowMs: number): void {
  if (state.state === 'closed') return
  closeLease(desk, state, nowMs + writeOffMs)
  releaseShards(desk, state, loss ? underWay(state) : undefined)
}

/** Puts the shards of a closed lease that it has not returned back into the queue; `suspect`: the place of the one that was lost. */
export function releaseShards(desk: Desk, state: LeaseState, suspect?: number): void {
  const { owner, positions } = state.lease.payload
  positions.forEach((position, place) => {
    if (!state.covered.has(place))
      desk.board.release(desk.board.states[position]!, owner, state.lease.id, place === suspect)
  })
}

/** Takes a lease back that is under way. */
export function withdrawLease(desk: Desk, state: LeaseState, nowMs: number): void {
  sayWithdrawn(desk, state)
  giveUp(desk, state, false, nowMs)
}

/** Tells the vehicle that its lease is over; shards that it finished are still welcome. */
export function sayWithdrawn(desk: Desk, state: LeaseState): void {
  const { vehicle: to } = state.lease.payload
  desk.effects.push({ type: 'send', to, message: { type: 'withdraw', lease: state.lease.id } })
}

/** Nobody counts on the lease any more; until `expectedUntilMs` what its vehicle finished may come. */
export function closeLease(desk: Desk, state: LeaseState, expectedUntilMs: number): void {
  if (state.state === 'closed') return
  desk.leases.close(state, expectedUntilMs)
  const { vehicle: from } = state.lease.payload
  desk.effects.push({ type: 'revoke', lease: state.lease.id, from })
}

/** Tells whether a lease could bring nothing more that anybody needs. */
export function pointless(desk: Desk, state: LeaseState): boolean {
  return state.lease.payload.positions.every(
    (position, place) => state.covered.has(place) || desk.board.states[position]!.verdict !== undefined,
  )
}

/**
 * Tells whether the work, and not the vehicle's day, ended the lease. Blocks that could not be had are the stewards'
 * affair: the job waits until they are whole again.
 */
export function speaksAgainstShard(reason: DeclineReason | ReleaseReason): boolean {
  return reason === 'failed' || reason === 'wrong-blocks'
}

/** The place in the lease that the vehicle was at when it was last heard of: shards run one after another. */
function underWay({ lease, covered, done }: LeaseState): number {
  const open = lease.payload.positions.map((_, place) => place).filter((place) => !covered.has(place))
  return open.find((place) => place >= done) ?? open[0]!
}
