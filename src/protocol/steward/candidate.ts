/**
 * Candidates: the vehicles of the roster that a job's leases may go to.
 *
 * They offer the job's engine at a price that it pays, their owner counts, and their owner looks after none of the
 * job: a steward never executes what it verifies. Only vehicles for which the submitter wrapped keys can execute a
 * blind job.
 */

import type { AsksAhead } from '../energy/cheap-hours.ts'
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
  /** The same for the next hours; left out: it says nothing of them. */
  readonly ahead?: AsksAhead
}

type Work = Pick<Manifest, 'runtime' | 'engine' | 'blind' | 'payment'>

/** Says of one vehicle after another whether a job's leases may go to it. */
export class CandidateRules {
  readonly #work: Work
  /** Use: by steward, the owner that its own advert names. */
  readonly #stewards: ReadonlyMap<PeerId, OwnerId | undefined>
  readonly #stewardOwners: ReadonlySet<OwnerId>
  readonly #keyed: ReadonlyMap<PeerId, OwnerId> | null

  /** `ownerOf`: the owner that a steward's own advert names, where there is one. */
  constructor(
    work: Work,
    stewardPlaces: readonly StewardPlace[],
    ownerOf: (steward: PeerId) => OwnerId | undefined,
  ) {
    this.#stewards = new Map(stewardPlaces.map(({ peer }) => [peer, ownerOf(peer)]))
    const owners = new Set(stewardPlaces.map(({ owner }) => owner))
    for (const owner of this.#stewards.values()) if (owner !== undefined) owners.add(owner)
    this.#work = work
    this.#stewardOwners = owners
    this.#keyed = work.blind && new Map(work.blind.candidates.map(({ peer, owner }) => [peer, owner]))
  }

  /** Tells whether these rules are out of date: this steward's own advert names another owner now. */
  isStale(peer: PeerId, owner: OwnerId | undefined): boolean {
    return this.#stewards.has(peer) && this.#stewards.get(peer) !== owner
  }

  /** Undefined: no lease may go to it. */
  candidate(capacity: Capacity): Candidate | undefined {
    const { runtime, engine: wanted, payment } = this.#work
    const engine = capacity.engines.find((e) => e.runtime === runtime && e.id === wanted.id)
    if (engine === undefined || capacity.slots.total === 0) return undefined
    if (!isAffordable(engine.ask, payment)) return undefined
    if (this.#stewards.has(capacity.peer) || this.#stewardOwners.has(capacity.owner)) return undefined
    const keyed = this.#keyed
    if (keyed !== null && keyed.get(capacity.peer) !== capacity.owner) return undefined
    return {
      peer: capacity.peer,
      owner: capacity.owner,
      slots: capacity.slots.total,
      free: capacity.slots.free,
      mode: capacity.mode,
      isa: engine.isa,
      availableUntilMs: capacity.availableUntilMs,
      unitMicros: payment === null ? null : (engine.ask?.unitMicros ?? null),
      ...(engine.ahead === undefined ? {} : { ahead: engine.ahead }),
    }
  }
}

/** Those of the roster who could execute the job, in its order. In a fleet nobody else is on the roster. */
export function candidatesFor(
  work: Work,
  stewardPlaces: readonly StewardPlace[],
  capacities: Iterable<Capacity>,
): Candidate[] {
  const all = [...capacities]
  const stewards = new Set(stewardPlaces.map(({ peer }) => peer))
  const owners = new Map(all.filter(({ peer }) => stewards.has(peer)).map(({ peer, owner }) => [peer, owner]))
  const rules = new CandidateRules(work, stewardPlaces, (peer) => owners.get(peer))
  return all.flatMap((capacity) => rules.candidate(capacity) ?? [])
}
