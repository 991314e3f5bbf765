/** The candidates that a manifest names: the vehicles that may execute a blind job, with its keys for them, and the owners known. */

import { compareText } from '../../base/bytes.ts'
import type { OwnerId } from '../../protocol/ids.ts'
import type { Manifest, StewardPlace } from '../../protocol/job/manifest.ts'
import { listOwners } from '../../protocol/job/owner-list.ts'
import { blindCandidatesMax, blindKeysMax } from '../../protocol/limits.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Payment } from '../../protocol/price.ts'
import { candidatesFor } from '../../protocol/steward/candidate.ts'
import { RequestError } from '../errors.ts'
import { blindKeyOf, wrapForCandidates } from '../sealing/blind-keys.ts'
import { drawSecretOf } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { JobDescription } from './description.ts'
import type { JobPlan } from './job-plan.ts'

/**
 * The vehicles that a blind job's keys are wrapped for: nobody who comes later can execute it, so all who are here, as
 * far as they fit, of every owner one before any owner's second. Throws RequestError when they are too few.
 */
function keyedCandidates(
  capacities: readonly Capacity[],
  stewards: readonly StewardPlace[],
  { engine: { runtime, engine: name, id }, plan: { ownersNeeded } }: JobPlan,
  payment: Payment | null,
  shards: number,
): NonNullable<Manifest['blind']>['candidates'] {
  const able = candidatesFor({ runtime, engine: { name, id }, blind: null, payment }, stewards, capacities)
  const seen = new Map<OwnerId, number>()
  const byTurn = able
    .map(({ peer, owner }) => {
      const turn = seen.get(owner) ?? 0
      seen.set(owner, turn + 1)
      return { peer, owner, turn }
    })
    .sort((a, b) => a.turn - b.turn || compareText(a.peer, b.peer))
  if (seen.size < ownersNeeded)
    throw new RequestError(
      `only owners that are here when a blind job is submitted can execute it: ${ownersNeeded} are needed, ${seen.size} ${seen.size === 1 ? 'is' : 'are'} here`,
    )
  const most = Math.min(blindCandidatesMax, Math.floor(blindKeysMax / shards))
  if (most < ownersNeeded)
    throw new RequestError(`${shards} shards are too many for a blind job; submit the documents in parts`)
  return byTurn.slice(0, most).map(({ peer, owner }) => ({ peer, owner }))
}

/** The vehicles that may execute a blind job, with the job's half of their keys and each shard's key wrapped for each of them. */
export function blindKeysOf(
  { payment }: Pick<JobDescription, 'payment'>,
  plan: JobPlan,
  stewards: readonly StewardPlace[],
  secret: Uint8Array,
  { capacities }: { readonly capacities: readonly Capacity[] },
) {
  const { shards } = plan
  const candidates = keyedCandidates(capacities, stewards, plan, payment, shards)
  const peers = candidates.map(({ peer }) => peer)
  return { key: blindKeyOf(secret), candidates, wrapped: wrapForCandidates(secret, peers, shards) }
}

/**
 * Lists the owners known now where a fleet vouches for owners, and a standby may act in the place of this node: it chooses nobody among
 * them (protocol/job/order.ts). `keyed`: of a blind job, the vehicles that may execute it.
 */
export function ownersKnown(
  { payment }: Pick<JobDescription, 'payment'>,
  { engine: { runtime, engine: name, id } }: JobPlan,
  stewards: readonly StewardPlace[],
  keyed: readonly { readonly owner: OwnerId }[] | undefined,
  secret: Uint8Array,
  fleet: Manifest['fleet'],
  capacities: readonly Capacity[],
): Pick<Manifest, 'owners'> {
  if (fleet === null || stewards.length === 1) return {}
  const work = { runtime, engine: { name, id }, blind: null, payment }
  const owners = (keyed ?? candidatesFor(work, stewards, capacities)).map(({ owner }) => owner)
  return owners.length === 0 ? {} : { owners: listOwners(sha256, drawSecretOf(secret), owners) }
}
