/**
 * Candidates: the vehicles of the roster that a job's leases may go to.
 *
 * They offer the job's engine at a price that it pays, their owner counts, and their owner looks after none of the
 * job: a steward never executes what it verifies. Only vehicles for which the submitter wrapped keys can execute a
 * blind job.
 */

import type { OwnerId, PeerId } from '../ids.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import type { Capacity } from '../membership/advert.ts'
import { isAffordable, type Micros } from '../price.ts'

export interface Candidate {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly slots: number
  readonly free: number
  readonly mode: Capacity['mode']
  readonly isa: string | null
  /** Until when it will probably be there; null: nobody knows. */
  readonly availableUntilMs: number | null
  /** The cost of a unit there; null where nobody is paid. */
  readonly unitMicros: Micros | null
}

/** Those of the roster who could execute the job, in its order. In a fleet nobody else is on the roster. */
export function candidatesFor(
  manifest: Pick<Manifest, 'runtime' | 'engine' | 'blind' | 'payment'>,
  stewardPlaces: readonly StewardPlace[],
  capacities: readonly Capacity[],
): Candidate[] {
  const stewards = new Set<PeerId>(stewardPlaces.map(({ peer }) => peer))
  const stewardOwners = new Set<OwnerId>(stewardPlaces.map(({ owner }) => owner))
  for (const { peer, owner } of capacities) if (stewards.has(peer)) stewardOwners.add(owner)
  const keyed = manifest.blind && new Map(manifest.blind.candidates.map(({ peer, owner }) => [peer, owner]))
  const candidates: Candidate[] = []
  for (const capacity of capacities) {
    const engine = capacity.engines.find((e) => e.runtime === manifest.runtime && e.id === manifest.engine.id)
    if (engine === undefined || capacity.slots.total === 0) continue
    if (!isAffordable(engine.ask, manifest.payment)) continue
    if (stewards.has(capacity.peer) || stewardOwners.has(capacity.owner)) continue
    if (keyed !== null && keyed.get(capacity.peer) !== capacity.owner) continue
    candidates.push({
      peer: capacity.peer,
      owner: capacity.owner,
      slots: capacity.slots.total,
      free: capacity.slots.free,
      mode: capacity.mode,
      isa: engine.isa,
      availableUntilMs: capacity.availableUntilMs,
      unitMicros: manifest.payment === null ? null : (engine.ask?.unitMicros ?? null),
    })
  }
  return candidates
}
