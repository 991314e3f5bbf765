/**
 * Assignment: chooses the shards that go into the next lease, and the vehicles that may get it.
 *
 * The first open shard that wants a replica leads. Vehicles with an idle slot come before vehicles that would queue
 * it; among those left the draw decides alone. A vehicle that will probably have left before it could finish is not
 * asked. The lease is then filled with further shards that want a replica of that owner, as long as the whole stays
 * short work and leaves enough for the other vehicles to begin at once.
 *
 * What a vehicle says of its processor narrows no draw: two accomplices that name a class of their own would else be
 * each other's only match, and get both voices of every shard of which they get one.
 */

import type { OwnerId } from '../ids.ts'
import { leaseCostMsTarget, leaseShardsMax } from '../limits.ts'
import type { Candidate } from './candidate.ts'
import type { Cursors } from './cursors.ts'
import type { Room, Rooms } from './rooms.ts'
import type { ShardBoard, ShardState } from './shard-board.ts'

/** A chance to lease: the candidates of which one will be drawn. */
export interface Opportunity {
  readonly shard: ShardState
  readonly eligible: readonly Candidate[]
}

/** Tells whether there is money for these shards at this candidate. */
export type Affords = (candidate: Candidate, shards: readonly ShardState[]) => boolean

/** Where work may go now. */
export interface Market {
  readonly board: ShardBoard
  readonly cursors: Cursors
  readonly rooms: Rooms
  readonly affords: Affords
}

interface Able {
  readonly candidate: Candidate
  readonly room: Room
}

/**
 * The first shard that wants a replica and has somebody to ask whom the job can pay. Owners for whom nothing is found on any shard
 * are put aside until something changes. 'unaffordable': there is somebody to ask, and no money.
 */
export function nextOpportunity(
  { board, cursors, rooms, affords }: Market,
  nowMs: number,
): Opportunity | 'unaffordable' | 'nobody-free' | undefined {
  const owners = [...rooms.free.keys()].filter((owner) => !board.contradicted.has(owner))
  if (owners.length === 0) return 'nobody-free'
  let isShort = false
  let nexts = owners.map((owner) => ({ owner, shard: cursors.first(owner) }))
  for (let shard = earliest(nexts); shard !== undefined; shard = earliest(nexts)) {
    const here = shard
    const willing = nexts.flatMap((next) =>
      next.shard === here ? willingVehicles(rooms, next.owner, here, nowMs) : [],
    )
    const able = willing.filter(({ candidate }) => affords(candidate, [here]))
    if (able.length > 0) return { shard, eligible: preferred(shard, able).map(({ candidate }) => candidate) }
    isShort ||= willing.length > 0
    nexts = nexts.map((next) =>
      next.shard === here ? { ...next, shard: cursors.from(next.owner, here.position + 1) } : next,
    )
  }
  for (const owner of owners) rooms.shelve(owner)
  return isShort ? 'unaffordable' : undefined
}

function earliest(nexts: readonly { readonly shard: ShardState | undefined }[]): ShardState | undefined {
  let first: ShardState | undefined
  for (const { shard } of nexts)
    if (shard !== undefined && (first === undefined || shard.position < first.position)) first = shard
  return first
}

/** The owner's vehicles that have the time for this shard. */
function willingVehicles(rooms: Rooms, owner: OwnerId, shard: ShardState, nowMs: number): Able[] {
  const willing: Able[] = []
  for (const candidate of rooms.free.get(owner)?.values() ?? []) {
    const room = rooms.roomOf(candidate, nowMs)
    if (room.leases > 0 && shard.entry.costMs <= room.costMsMax) willing.push({ candidate, room })
  }
  return willing
}

/** Prefers, of the vehicles able to take the shard, those that did not lose it before, and those that can begin at once. */
function preferred(shard: ShardState, able: readonly Able[]): readonly Able[] {
  const fresh = narrowed(able, ({ candidate }) => !shard.losers.includes(candidate.owner))
  return narrowed(fresh, ({ candidate, room }) => room.active < candidate.slots)
}

function narrowed(all: readonly Able[], test: (one: Able) => boolean): readonly Able[] {
  const some = all.filter(test)
  return some.length > 0 ? some : all
}

/** The shards of a lease to this candidate, led by the shard it was drawn for. */
export function bundle(
  board: ShardBoard,
  leader: ShardState,
  candidate: Candidate,
  room: Room,
  shardsMax: number,
  slowness: number,
  affords: Affords,
): ShardState[] {
  const shards = [leader]
  const count = Math.min(shardsMax, leaseShardsMax)
  const costMsMax = Math.min(leaseCostMsTarget / slowness, room.costMsMax)
  let costMs = leader.entry.costMs
  for (
    let shard = board.nextWanting(leader.position + 1);
    shard !== undefined && shards.length < count;
    shard = board.nextWanting(shard.position + 1)
  ) {
    if (!board.isEligible(shard, candidate.owner)) continue
    if (costMs + shard.entry.costMs > costMsMax) break
    if (!affords(candidate, [...shards, shard])) break
    shards.push(shard)
    costMs += shard.entry.costMs
  }
  return shards
}

/** How many shards a lease may take so that every free place gets one: at least one. */
export function fairShare(board: ShardBoard, rooms: Rooms): number {
  return Math.max(1, Math.ceil(board.wantedTotal / Math.max(1, rooms.places)))
}
