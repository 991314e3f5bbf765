/**
 * The claims that a shard without a result owes all the same. Whoever ends a job, or lets it die, has the results that came
 * by then, so claims that agree are paid although they are too few to be believed. A single claim proves nothing, unless
 * the job itself asks for one voice and checks it later.
 */
import type { Assurance } from '../job/manifest.ts'
import type { Claim } from '../verification/tally.ts'
import type { ShardBoard, ShardState } from './shard-board.ts'

/** Voices that are paid without a result: two, or as few as a shard of the job has while its checks are to come. */
function voicesOwed({ replicas, audits }: Assurance): number {
  return audits?.replicas ?? Math.min(2, replicas)
}

/**
 * Returns the claims on an open shard that are owed if nothing more comes of it: those that agree, are of enough owners,
 * and outnumber all others together. Every one of them was fetched and examined.
 */
export function owedWithoutResult(
  board: ShardBoard,
  shard: ShardState,
  assurance: Assurance,
): readonly Claim[] {
  const { tally, claims } = shard
  if (tally.state !== 'open' || tally.leading.some(({ exhausted }) => exhausted)) return []
  const counted = claims.filter(({ owner, exhausted }) => !exhausted && !board.contradicted.has(owner))
  const others = new Set(counted.map(({ owner }) => owner)).size - tally.leading.length
  return tally.leading.length >= voicesOwed(assurance) && tally.leading.length > others ? tally.leading : []
}
