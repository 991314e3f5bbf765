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
import { leaseCostMsTarget, leaseShardsMax, leasesPerSlot } from '../limits.ts'
import type { Candidate } from './candidate.ts'
import type { ShardBoard, ShardState } from './shard-board.ts'

/** The room that a vehicle has, as far as the steward knows. */
export interface Room {
  /** Leases of this job under way there. */
  readonly active: number
  /** Reachable, willing, and not asking to be left alone for now. */
  readonly open: boolean
  /**
   * The work it could do beside its leases of this job, while it is probably there, in milliseconds of the reference
   * core.
   */
  readonly costMsMax: number
}

/** A chance to lease: candidates by their position in the list, of which one will be drawn. */
export interface Opportunity {
  readonly shard: ShardState
  readonly eligible: readonly number[]
}

/** Tells whether there is money for these shards at this candidate. */
export type Affords = (candidate: Candidate, shards: readonly ShardState[]) => boolean

function headroom(candidate: Candidate, room: Room): number {
  if (!room.open || candidate.mode !== 'run' || room.costMsMax <= 0) return 0
  return Math.max(0, candidate.slots * leasesPerSlot - room.active)
}

/**
 * The first shard that wants a replica and has somebody to ask whom the job can pay. `barren`: owners for whom an
 * earlier search over all shards found nothing; it gets those for whom this one finds nothing. 'unaffordable': there is
 * somebody to ask, and no money.
 */
export function nextOpportunity(
  board: ShardBoard,
  candidates: readonly Candidate[],
  rooms: readonly Room[],
  barren: Set<OwnerId>,
  affords: Affords,
): Opportunity | 'unaffordable' | 'nobody-free' | undefined {
  const free = candidates
    .map((_, i) => i)
    .filter((i) => headroom(candidates[i]!, rooms[i]!) > 0 && !barren.has(candidates[i]!.owner))
  if (free.length === 0) return 'nobody-free'
  const passed = new Set<OwnerId>()
  let isShort = false
  for (let shard = board.nextWanting(0); shard !== undefined; shard = board.nextWanting(shard.position + 1)) {
    const willing = free.filter(
      (i) => board.eligible(shard!, candidates[i]!) && shard!.entry.costMs <= rooms[i]!.costMsMax,
    )
    if (willing.length === 0) continue
    const able = willing.filter((i) => affords(candidates[i]!, [shard!]))
    if (able.length === 0) {
      isShort = true
      continue
    }
    const eligible = preferred(shard, able, candidates, rooms)
    if (eligible.length > 0) return { shard, eligible }
    for (const i of able) passed.add(candidates[i]!.owner)
  }
  for (const i of free) if (!passed.has(candidates[i]!.owner)) barren.add(candidates[i]!.owner)
  return isShort ? 'unaffordable' : undefined
}

/** Prefers, of the vehicles able to take the shard, those that did not lose it before, and those that can begin at once. */
function preferred(
  shard: ShardState,
  able: readonly number[],
  candidates: readonly Candidate[],
  rooms: readonly Room[],
): readonly number[] {
  const fresh = narrowed(able, (i) => !shard.losers.includes(candidates[i]!.owner))
  return narrowed(fresh, (i) => rooms[i]!.active < candidates[i]!.slots)
}

function narrowed(all: readonly number[], test: (i: number) => boolean): readonly number[] {
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
  const costMsMax = Math.min(leaseCostMsTarget / slowness, room.costMsMax)
  let costMs = leader.entry.costMs
  for (
    let shard = board.nextWanting(leader.position + 1);
    shard !== undefined && shards.length < Math.min(shardsMax, leaseShardsMax);
    shard = board.nextWanting(shard.position + 1)
  ) {
    if (!board.eligible(shard, candidate)) continue
    if (costMs + shard.entry.costMs > costMsMax) break
    if (!affords(candidate, [...shards, shard])) break
    shards.push(shard)
    costMs += shard.entry.costMs
  }
  return shards
}

/** How many shards a lease may take so that every free place gets one: at least one. */
export function fairShare(
  board: ShardBoard,
  candidates: readonly Candidate[],
  rooms: readonly Room[],
): number {
  const places = candidates.reduce((sum, candidate, i) => sum + headroom(candidate, rooms[i]!), 0)
  return Math.max(1, Math.ceil(board.wantedTotal / Math.max(1, places)))
}
