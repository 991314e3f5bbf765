/**
 * Assignment: which shards go into the next lease, and who may get it.
 *
 * The first open shard that wants a replica leads. Vehicles with an idle slot come before vehicles that would
 * queue it, those of the shard's instruction-set class before others; among those left the draw decides alone.
 * The lease is then filled with further shards that want a replica of that owner, as long as the whole stays
 * short work and leaves enough for the other vehicles to begin at once.
 */

import { leaseCostMsTarget, leaseShardsMax, leasesPerSlot } from '../limits.ts'
import type { Candidate } from './candidate.ts'
import type { ShardBoard, ShardState } from './shard-board.ts'

/** What the steward knows of a vehicle's room. */
export interface Room {
  /** Leases of this job under way there. */
  readonly active: number
  /** Reachable, willing, and not asking to be left alone for now. */
  readonly open: boolean
}

/** A chance to lease: candidates by their position in the list, of which one will be drawn. */
export interface Opportunity {
  readonly shard: ShardState
  readonly eligible: readonly number[]
}

export function headroom(candidate: Candidate, room: Room): number {
  if (!room.open || candidate.mode !== 'run') return 0
  return Math.max(0, candidate.slots * leasesPerSlot - room.active)
}

/** The first shard that wants a replica and has somebody to ask. */
export function nextOpportunity(
  board: ShardBoard,
  candidates: readonly Candidate[],
  rooms: readonly Room[],
): Opportunity | undefined {
  const free = candidates.map((_, i) => i).filter((i) => headroom(candidates[i]!, rooms[i]!) > 0)
  if (free.length === 0) return undefined
  const idle = new Set(free.filter((i) => rooms[i]!.active < candidates[i]!.slots))
  for (const shard of board.open) {
    if (board.wanted(shard) === 0) continue
    const able = free.filter((i) => board.eligible(shard, candidates[i]!))
    const sameClass = classMates(board, shard, candidates)
    const comparable = sameClass ? able.filter((i) => candidates[i]!.isa === shard.isa) : able
    const atOnce = comparable.filter((i) => idle.has(i))
    const eligible = atOnce.length > 0 ? atOnce : comparable
    if (eligible.length > 0) return { shard, eligible }
  }
  return undefined
}

/** The shards of a lease to this candidate, led by the shard it was drawn for. */
export function bundle(
  board: ShardBoard,
  leader: ShardState,
  candidate: Candidate,
  shardsMax: number,
  slowness: number,
): ShardState[] {
  const shards = [leader]
  let costMs = leader.entry.costMs * slowness
  for (const shard of board.open) {
    if (shards.length >= Math.min(shardsMax, leaseShardsMax)) break
    if (shard.position <= leader.position || board.wanted(shard) === 0) continue
    if (!board.eligible(shard, candidate)) continue
    if (shard.isa !== undefined && shard.isa !== candidate.isa) continue
    if (costMs + shard.entry.costMs * slowness > leaseCostMsTarget) break
    shards.push(shard)
    costMs += shard.entry.costMs * slowness
  }
  return shards
}

/** How many shards a lease may take so that every free place gets one: at least one, at most a full lease. */
export function fairShare(
  board: ShardBoard,
  candidates: readonly Candidate[],
  rooms: readonly Room[],
): number {
  const places = candidates.reduce((sum, candidate, i) => sum + headroom(candidate, rooms[i]!), 0)
  const enough = places * leaseShardsMax
  let wanted = 0
  for (const shard of board.open) {
    wanted += board.wanted(shard)
    if (wanted >= enough) break
  }
  return Math.max(1, Math.ceil(wanted / Math.max(1, places)))
}

/** Is there another owner of the shard's class, busy or not, who has no voice in it yet? */
function classMates(board: ShardBoard, shard: ShardState, candidates: readonly Candidate[]): boolean {
  if (shard.isa === undefined || shard.isa === null) return false
  return candidates.some((c) => c.isa === shard.isa && c.mode === 'run' && board.eligible(shard, c))
}
