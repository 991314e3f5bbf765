/**
 * Assignment: chooses the shards that go into the next lease, and the vehicles that may get it.
 *
 * The first open shard that wants a replica leads. Vehicles with an idle slot come before vehicles that would queue
 * it; among those left the draw decides alone. A vehicle that will probably have left before it could finish is not
 * asked. The lease is then filled with further shards that want a replica of that owner, as long as the whole stays
 * short work and leaves enough for the other vehicles to begin at once.
 *
 * A draw is never among fewer than half of the owners that could take the shard, with room or without (`ownersMin`): a shard waits
 * until so many have room, and a preference that leaves fewer is none. Otherwise two accomplices that say they have a thousand slots,
 * or answer at once, are soon the only ones with room, and get both voices of every shard that waits. So a cartel with a share f of
 * the owners gets one voice with a chance of at most 2f, whatever it says and however fast it is, since the lots decide among the
 * others. An owner that stays full for longer than its work should take is not waited for (rooms.ts). One that the purse cannot pay is: else
 * two accomplices that ask for nothing get all that is left of a job whose money runs low, and a job without the money for a draw among
 * enough owners waits, and then fails for want of it (purse.ts). The alternative is to draw
 * among all and to wait for the one that is drawn. It gives f and not 2f; but then every shard waits for its slowest owner, and one
 * that may be passed over k times gets up to C(m + k, m) times the chance again.
 *
 * What a vehicle says of its processor narrows no draw: two accomplices that name a class of their own would else be
 * each other's only match, and get both voices of every shard of which they get one.
 */

import type { OwnerId } from '../ids.ts'
import { drawnAmong, leaseCostMsTarget, leaseShardsMax } from '../limits.ts'
import type { Candidate } from './candidate.ts'
import type { Cursors } from './cursors.ts'
import type { Room, Rooms } from './rooms.ts'
import type { ShardBoard } from './shard-board.ts'
import type { ShardState } from './shard-state.ts'

/** Shards that a steward looks at while too few owners have room for them: the next ones mostly find as few. A guess. */
export const crampedShardsMax = 8

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
  /** Tells whether a vehicle is of another cell than all that have the shard, as far as they are from abroad (abroad.ts). */
  readonly isApart?: (candidate: Candidate, shard: ShardState) => boolean
}

export interface Able {
  readonly candidate: Candidate
  readonly room: Room
}

/**
 * The first shard that wants a replica and has somebody to ask whom the job can pay. Owners for whom nothing is found on any shard
 * are put aside until something changes. 'unaffordable': there is somebody to ask, and no money for enough of them to draw
 * among. 'cramped': there is somebody to ask, but too few owners have room to draw among them.
 */
export function nextOpportunity(
  { board, cursors, rooms, affords, isApart = () => true }: Market,
  nowMs: number,
): Opportunity | 'unaffordable' | 'nobody-free' | 'cramped' | undefined {
  const owners = [...rooms.free.keys()].filter((owner) => !board.contradicted.has(owner))
  if (owners.length === 0) return 'nobody-free'
  let isShort = false
  let cramped = 0
  const unpaid = new Set<OwnerId>()
  let nexts = owners.map((owner) => ({ owner, shard: cursors.first(owner) }))
  for (let shard = earliest(nexts); shard !== undefined; shard = earliest(nexts)) {
    const here = shard
    const asked = nexts.filter((next) => next.shard === here)
    const willing = asked
      .flatMap(({ owner }) => willingVehicles(rooms, owner, here, nowMs))
      .filter(({ candidate }) => isApart(candidate, here))
    const able = willing.filter(({ candidate }) => affords(candidate, [here]))
    const [owners, withTime] = [ownersOf(able), ownersOf(willing)]
    const least = ownersMin(board, rooms, here, asked.length - withTime)
    if (owners > 0 && owners >= least)
      return { shard, eligible: preferred(shard, able, least).map(({ candidate }) => candidate) }
    for (const { candidate } of willing)
      if (!able.some((one) => one.candidate.owner === candidate.owner)) unpaid.add(candidate.owner)
    isShort ||= withTime > owners && (owners === 0 || withTime >= least)
    if (owners > 0) cramped += 1
    if (cramped >= crampedShardsMax) return isShort ? 'unaffordable' : 'cramped'
    nexts = nexts.map((next) =>
      next.shard === here ? { ...next, shard: cursors.from(next.owner, here.position + 1) } : next,
    )
  }
  // Who is put aside counts for nothing; here they wait for others.
  if (cramped > 0) return isShort ? 'unaffordable' : 'cramped'
  for (const owner of owners) rooms.shelve(owner, unpaid.has(owner))
  return isShort ? 'unaffordable' : undefined
}

function earliest(nexts: readonly { readonly shard: ShardState | undefined }[]): ShardState | undefined {
  let first: ShardState | undefined
  for (const { shard } of nexts)
    if (shard !== undefined && (first === undefined || shard.position < first.position)) first = shard
  return first
}

/** The owner's vehicles that have the time for this shard. */
export function willingVehicles(rooms: Rooms, owner: OwnerId, shard: ShardState, nowMs: number): Able[] {
  const willing: Able[] = []
  for (const candidate of rooms.free.get(owner)?.values() ?? []) {
    const room = rooms.roomOf(candidate, nowMs)
    if (room.leases > 0 && shard.entry.costMs <= room.costMsMax) willing.push({ candidate, room })
  }
  return willing
}

/**
 * How many owners must be in a draw for this shard: half of those that could take it, with room or without, for money or not. `unable` of
 * them have room, and no time for it.
 */
function ownersMin(board: ShardBoard, rooms: Rooms, shard: ShardState, unable: number): number {
  let awaited = 0
  for (const owner of rooms.awaited()) if (board.isEligible(shard, owner)) awaited += 1
  return Math.ceil((awaited - unable) / drawnAmong)
}

/**
 * Prefers, of the vehicles able to take the shard, those that did not lose it before, and those that can begin at once, as long as
 * these belong to enough owners.
 */
function preferred(shard: ShardState, able: readonly Able[], least: number): readonly Able[] {
  const fresh = narrowed(able, least, ({ candidate }) => !shard.losers.includes(candidate.owner))
  return narrowed(fresh, least, ({ candidate, room }) => room.active < candidate.slots)
}

/** Those that can begin at once, or all where there are none. */
export function preferIdle(able: readonly Able[]): readonly Able[] {
  return narrowed(able, 1, ({ candidate, room }) => room.active < candidate.slots)
}

function narrowed(all: readonly Able[], least: number, test: (one: Able) => boolean): readonly Able[] {
  const some = all.filter(test)
  return some.length > 0 && ownersOf(some) >= least ? some : all
}

function ownersOf(able: readonly Able[]): number {
  return new Set(able.map(({ candidate }) => candidate.owner)).size
}

/** The shards of a lease to this candidate, led by the shard it was drawn for; all of them are `before` this position. */
export function bundle(
  board: ShardBoard,
  leader: ShardState,
  candidate: Candidate,
  room: Room,
  shardsMax: number,
  slowness: number,
  affords: Affords,
  isApart: (shard: ShardState) => boolean = () => true,
  before = Number.POSITIVE_INFINITY,
): ShardState[] {
  const shards = [leader]
  const count = Math.min(shardsMax, leaseShardsMax)
  const costMsMax = Math.min(leaseCostMsTarget / slowness, room.costMsMax)
  let costMs = leader.entry.costMs
  for (
    let shard = board.nextWanting(leader.position + 1);
    shard !== undefined && shard.position < before && shards.length < count;
    shard = board.nextWanting(shard.position + 1)
  ) {
    if (!board.isEligible(shard, candidate.owner) || !isApart(shard)) continue
    if (costMs + shard.entry.costMs > costMsMax) break
    if (!affords(candidate, [...shards, shard])) break
    shards.push(shard)
    costMs += shard.entry.costMs
  }
  return shards
}

/** How many shards a lease may take so that every free place gets one: at least one. */
export function shardsPerLease(board: ShardBoard, rooms: Rooms): number {
  return Math.max(1, Math.ceil(board.wantedTotal / Math.max(1, rooms.places)))
}
