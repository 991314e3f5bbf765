/**
 * Selection: the vehicles that one job draws from, where a mesh has more than a list of candidates has room for.
 *
 * Each owner has a lot, which comes from the secret of the job's draws, and the owners with the lowest lots are in, each with a
 * bounded number of vehicles. So no owner chooses to be in, more vehicles help nobody beyond that number, and all stewards of the
 * job select the same owners, as far as they know the same. A vehicle that comes or goes costs a look at one list, not at the mesh.
 */
import { concat, fromString } from 'uint8arrays'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { drawCandidatesMax, drawOwnerVehiclesMax } from '../limits.ts'
import type { Candidate } from './candidate.ts'

interface Entry {
  readonly owner: OwnerId
  readonly lot: string
  readonly vehicles: Map<PeerId, Candidate>
  /** Use: the vehicles in the order of their names. */
  readonly peers: PeerId[]
}

/** The order of owners in a job: a text that compares as their lots do. */
export function ownerLot(sha256: Sha256, secret: Uint8Array, owner: OwnerId): string {
  const digest = sha256(concat([secret, fromString(`candidate/${owner}`)]))
  return `${[...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}/${owner}`
}

export class Selection {
  readonly #sha256: Sha256
  readonly #secret: Uint8Array
  readonly #owners = new Map<OwnerId, Entry>()
  readonly #ownerOf = new Map<PeerId, OwnerId>()
  /** Use: the owners in the order of their lots. */
  readonly #order: Entry[] = []
  #selected: ReadonlyMap<PeerId, Candidate> = new Map()
  #size = 0

  constructor(sha256: Sha256, secret: Uint8Array) {
    this.#sha256 = sha256
    this.#secret = secret
  }

  /** All that are known, selected or not. */
  peers(): Iterable<PeerId> {
    return this.#ownerOf.keys()
  }

  /** Takes a vehicle that may be drawn, as it is now; undefined: it may not be drawn any more. */
  put(peer: PeerId, candidate: Candidate | undefined): void {
    const before = this.#ownerOf.get(peer)
    if (before !== undefined && before !== candidate?.owner) this.#remove(peer, before)
    if (candidate === undefined) return
    const entry = this.#owners.get(candidate.owner) ?? this.#enter(candidate.owner)
    if (!entry.vehicles.has(peer)) {
      this.#size += 1
      entry.peers.splice(placeIn(entry.peers, peer), 0, peer)
    }
    entry.vehicles.set(peer, candidate)
    this.#ownerOf.set(peer, candidate.owner)
  }

  /** Those that were selected, or are, and have changed since this was last asked; undefined: one is not selected any more. */
  takeChanged(): Map<PeerId, Candidate | undefined> {
    const selected = this.#select()
    const changed = new Map<PeerId, Candidate | undefined>()
    for (const peer of this.#selected.keys()) if (!selected.has(peer)) changed.set(peer, undefined)
    for (const [peer, candidate] of selected)
      if (this.#selected.get(peer) !== candidate) changed.set(peer, candidate)
    this.#selected = selected
    return changed
  }

  #select(): ReadonlyMap<PeerId, Candidate> {
    const selected = new Map<PeerId, Candidate>()
    const ownMax = this.#ownVehiclesMax()
    for (const { peers, vehicles } of this.#order) {
      if (selected.size + Math.min(peers.length, ownMax) > drawCandidatesMax) break
      for (const peer of peers.slice(0, ownMax)) selected.set(peer, vehicles.get(peer)!)
    }
    return selected
  }

  /** The vehicles that an owner may have in: as many as leave room for all owners, and no fewer than so many. */
  #ownVehiclesMax(): number {
    if (this.#size <= drawCandidatesMax) return drawCandidatesMax
    for (let max = drawCandidatesMax / 2; max > drawOwnerVehiclesMax; max /= 2) {
      let sum = 0
      for (const { peers } of this.#order) {
        sum += Math.min(peers.length, max)
        if (sum > drawCandidatesMax) break
      }
      if (sum <= drawCandidatesMax) return max
    }
    return drawOwnerVehiclesMax
  }

  #enter(owner: OwnerId): Entry {
    const entry = { owner, lot: ownerLot(this.#sha256, this.#secret, owner), vehicles: new Map(), peers: [] }
    this.#owners.set(owner, entry)
    this.#order.splice(placeIn(this.#order, entry.lot, lotOf), 0, entry)
    return entry
  }

  #remove(peer: PeerId, owner: OwnerId): void {
    const entry = this.#owners.get(owner)!
    entry.vehicles.delete(peer)
    entry.peers.splice(placeIn(entry.peers, peer), 1)
    this.#ownerOf.delete(peer)
    this.#size -= 1
    if (entry.vehicles.size > 0) return
    this.#owners.delete(owner)
    this.#order.splice(placeIn(this.#order, entry.lot, lotOf), 1)
  }
}

function lotOf({ lot }: Entry): string {
  return lot
}

/** The first place of a sorted list whose name is not below this one. */
function placeIn<Item>(
  items: readonly Item[],
  name: string,
  nameOf: (item: Item) => string = (item) => item as string,
): number {
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareText(nameOf(items[middle]!), name) < 0) low = middle + 1
    else high = middle
  }
  return low
}
