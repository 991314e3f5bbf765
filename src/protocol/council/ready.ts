/**
 * Ready: the owners whose vehicles could work for the job now, and those of them that this node reaches or knows to be idle.
 *
 * A look once a second may not cost a walk over all vehicles of a mesh. So what was heard of a vehicle is noted (`touch`), and the
 * next question looks at these alone. Everybody is looked at anew when the job's stewards change, or the owner of one.
 */
import { addTo, removeFrom } from '../../base/counts.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import type { Capacity } from '../membership/advert.ts'
import { CandidateRules } from '../steward/candidate.ts'

/** The facts that are known of vehicles. */
export interface ReadyFacts {
  readonly manifest: Manifest
  readonly stewards: readonly StewardPlace[]
  readonly capacities: ReadonlyMap<PeerId, Capacity>
  readonly connected: ReadonlySet<PeerId>
  readonly isOutOfReach: (vehicle: PeerId) => boolean
  /** Nothing but a relay connects it. */
  readonly isRelayed: (vehicle: PeerId) => boolean
}

/** Distinct owners. */
export interface ReadyOwners {
  /** Some vehicle of theirs could work, now or once its rules allow it. */
  readonly able: number
  /** … and this node can say so to it: it is connected without a relay, or can be dialled. */
  readonly reached: number
  /** … or a relay connects it, or others reach it through one. */
  readonly reachedAtAll: number
  /** … and it is connected, and has a free slot now. */
  readonly idle: number
}

interface Vehicle {
  readonly owner: OwnerId
  readonly isReached: boolean
  readonly isReachedAtAll: boolean
  readonly isIdle: boolean
}

export class Ready {
  readonly #touched = new Set<PeerId>()
  readonly #vehicles = new Map<PeerId, Vehicle>()
  /** Use: how many vehicles of an owner there are of each sort. */
  readonly #able = new Map<OwnerId, number>()
  readonly #reached = new Map<OwnerId, number>()
  readonly #reachedAtAll = new Map<OwnerId, number>()
  readonly #idle = new Map<OwnerId, number>()
  /** Use: undefined when everybody has to be looked at. */
  #rules: CandidateRules | undefined
  #stewards = ''
  #looks = 0

  /** Something was heard of this vehicle. */
  touch(peer: PeerId): void {
    this.#touched.add(peer)
  }

  /** The whole roster was told. */
  touchAll(): void {
    this.#rules = undefined
  }

  /** How many vehicles were looked at so far. */
  get looks(): number {
    return this.#looks
  }

  owners(facts: ReadyFacts): ReadyOwners {
    const stewards = facts.stewards.map(({ peer, owner }) => `${peer}/${owner}`).join()
    const isStale = (peer: PeerId) => this.#rules!.isStale(peer, facts.capacities.get(peer)?.owner)
    if (this.#rules === undefined || this.#stewards !== stewards || [...this.#touched].some(isStale)) {
      this.#rules = new CandidateRules(
        facts.manifest,
        facts.stewards,
        (peer) => facts.capacities.get(peer)?.owner,
      )
      this.#stewards = stewards
      for (const peer of [...this.#vehicles.keys(), ...facts.capacities.keys()]) this.#touched.add(peer)
    }
    for (const peer of this.#touched) this.#look(peer, facts, this.#rules)
    this.#touched.clear()
    return {
      able: this.#able.size,
      reached: this.#reached.size,
      reachedAtAll: this.#reachedAtAll.size,
      idle: this.#idle.size,
    }
  }

  /** Those that were idle when they were last counted. */
  get idleOwners(): Iterable<OwnerId> {
    return this.#idle.keys()
  }

  #look(peer: PeerId, facts: ReadyFacts, rules: CandidateRules): void {
    this.#looks += 1
    this.#forget(peer)
    const capacity = facts.capacities.get(peer)
    const candidate = capacity && rules.candidate(capacity)
    if (candidate === undefined || candidate.mode === 'stop') return
    const { owner, mode, free } = candidate
    const isConnected = facts.connected.has(peer)
    const isInReach = !facts.isOutOfReach(peer)
    const isReached = (isConnected && !facts.isRelayed(peer)) || (isDialled(capacity!) && isInReach)
    const isReachedAtAll = isReached || isConnected || (capacity!.reach === 'relayed' && isInReach)
    const isIdle = isConnected && mode === 'run' && free > 0
    this.#vehicles.set(peer, { owner, isReached, isReachedAtAll, isIdle })
    addTo(this.#able, owner)
    if (isReached) addTo(this.#reached, owner)
    if (isReachedAtAll) addTo(this.#reachedAtAll, owner)
    if (isIdle) addTo(this.#idle, owner)
  }

  #forget(peer: PeerId): void {
    const known = this.#vehicles.get(peer)
    if (known === undefined) return
    this.#vehicles.delete(peer)
    removeFrom(this.#able, known.owner)
    if (known.isReached) removeFrom(this.#reached, known.owner)
    if (known.isReachedAtAll) removeFrom(this.#reachedAtAll, known.owner)
    if (known.isIdle) removeFrom(this.#idle, known.owner)
  }
}

/** Others can dial it, or it has not said otherwise. */
export function isDialled({ reach = 'direct' }: Pick<Capacity, 'reach'>): boolean {
  return reach === 'direct'
}
