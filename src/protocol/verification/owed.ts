/**
 * The claims that a shard without a result owes all the same. Whoever ends a job, or lets it die, has the results that came
 * by then, so claims that agree are paid although they are too few to be believed. A single claim proves nothing, unless
 * the job itself asks for one voice and checks it later.
 */
import type { Assurance } from '../job/manifest.ts'
import type { Claim, Tally } from './tally.ts'

/** Voices that are paid without a result: two, or as few as a shard of the job has while its checks are to come. */
function voicesOwed({ replicas, audits }: Assurance): number {
  return audits?.replicas ?? Math.min(2, replicas)
}

/**
 * Returns the claims on a shard that are owed if nothing more comes of it: those that agree, are of enough owners, and outnumber
 * all others together. `voices`: the claims of the shard that were fetched and examined, of owners that still have a voice.
 */
export function owedWithoutResult(
  found: Tally,
  voices: readonly Claim[],
  assurance: Assurance,
): readonly Claim[] {
  const alike = found.state === 'open' ? found.leading : found.agreeing
  if (alike.some(({ exhausted }) => exhausted)) return []
  const counted = voices.filter(({ exhausted }) => !exhausted)
  const others = new Set(counted.map(({ owner }) => owner)).size - alike.length
  return alike.length >= voicesOwed(assurance) && alike.length > others ? alike : []
}

/** Claims of others than those to whom something is owed: an owner that two stewards asked does not speak against itself. */
export function besides(owed: readonly Claim[], claims: readonly Claim[]): Claim[] {
  const owners = new Set(owed.map(({ owner }) => owner))
  return claims.filter(({ owner }) => !owners.has(owner))
}
