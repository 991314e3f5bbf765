/**
 * Standbys: chooses the nodes that are asked to look after a job with its submitter.
 *
 * A steward's owner executes none of the job, so a standby costs its owner's voice. Nodes with zero slots cost nothing
 * and come first; others are taken only while enough owners are left to execute, to outvote a liar and to lose one.
 */
import { compareText } from '../../base/bytes.ts'
import { RandomStream, type Sha256 } from '../../base/prng.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Capacity } from '../membership/advert.ts'

/** Owners beyond the replicas that a job keeps for itself: one may lie and one may drive off. */
const spareOwners = 2

export interface StandbySearch {
  readonly capacities: readonly Capacity[]
  /** The job's engine, and the number of replicas that must agree. */
  readonly runtime: Manifest['runtime']
  readonly engine: string
  readonly replicas: number
  /** Peers and owners that look after the job already, or were asked in vain. */
  readonly taken: { readonly peers: ReadonlySet<PeerId>; readonly owners: ReadonlySet<OwnerId> }
  readonly sha256: Sha256
  readonly seed: Uint8Array
}

/** At most `count` nodes of distinct owners, in the order in which they should be asked. */
export function findStandbys(search: StandbySearch, count: number): Capacity[] {
  const { capacities, taken } = search
  const executing = new Set(
    capacities
      .filter((capacity) => executes(capacity, search) && !taken.owners.has(capacity.owner))
      .map(({ owner }) => owner),
  )
  const chance = new RandomStream(search.sha256, search.seed, 'standbys')
  const willing = capacities
    .filter(({ peer, owner }) => !taken.peers.has(peer) && !taken.owners.has(owner))
    .sort((a, b) => compareText(a.peer, b.peer))
    .map((capacity) => ({ capacity, costs: executing.has(capacity.owner), at: chance.below(2 ** 32) }))
    .sort(
      (a, b) =>
        Number(a.costs) - Number(b.costs) || a.capacity.slots.total - b.capacity.slots.total || a.at - b.at,
    )
  const found: Capacity[] = []
  const chosen = new Set<OwnerId>()
  let left = executing.size
  for (const { capacity, costs } of willing) {
    if (found.length === count) break
    if (chosen.has(capacity.owner) || (costs && left - 1 < search.replicas + spareOwners)) continue
    chosen.add(capacity.owner)
    if (costs) left -= 1
    found.push(capacity)
  }
  return found
}

function executes({ engines, slots }: Capacity, { runtime, engine }: StandbySearch): boolean {
  if (slots.total === 0) return false
  return engines.some((offered) => offered.runtime === runtime && offered.id === engine)
}
