/**
 * Selection: the vehicles that one job draws from, where a mesh has more than a list of candidates has room for.
 *
 * Each owner has a lot, which comes from the secret of the job's draws, and the owners with the lowest lots are in, each with a
 * bounded number of vehicles. So no owner chooses to be in, more vehicles help nobody beyond that number, and all stewards of the
 * job select the same owners, as far as they know the same. A vehicle that comes or goes costs a look at its owner's vehicles, and at
 * those of the owners that are in, or out, because of it.
 */
import { concat, fromString, toString as textOf } from 'uint8arrays'
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
  /** Use: those of them that are selected. */
  selected: readonly PeerId[]
}

/** The order of owners in a job: a text that compares as their lots do. */
export function ownerLot(sha256: Sha256, secret: Uint8Array, owner: OwnerId): string {
  const digest = sha256(concat([secret, fromString(`candidate/${owner}`)]))
  return `${textOf(digest.subarray(0, 8), 'base16')}/${owner}`
}

export class Selection {
  readonly #sha256: Sha256
  readonly #secret: Uint8Array
  readonly #max: number
  readonly #owners = new Map<OwnerId, Entry>()
  readonly #ownerOf = new Map<PeerId, OwnerId>()
  /** Use: the owners in the order of their lots. */
  readonly #order: Entry[] = []
  /** Use: bounds of one owner's vehicles, and how many vehicles would be in with each; falling. */
  readonly #bounds: { readonly max: number; sum: number }[] = []
  readonly #selected = new Map<PeerId, Candidate>()
  /** Use: the bound of one owner's vehicles as they were selected. */
  #ownMax: number
  /** Use: the lot of the first owner that has no room; those before it are in. Undefined: all are. */
  #firstOut: string | undefined
  /** Use: since changes were last taken, the vehicles that changed, and the owners of those that came or left. */
  readonly #touched = new Set<PeerId>()
  readonly #moved = new Map<OwnerId, Entry>()
  #size = 0
  #looks = 0

  /** `max`: how many vehicles it selects at most. */
  constructor(sha256: Sha256, secret: Uint8Array, max: number = drawCandidatesMax) {
    this.#sha256 = sha256
    this.#secret = secret
    this.#max = max
    this.#ownMax = max
    for (let bound = max / 2; bound > drawOwnerVehiclesMax; bound /= 2)
      this.#bounds.push({ max: bound, sum: 0 })
  }

  /** All that are known, selected or not. */
  peers(): Iterable<PeerId> {
    return this.#ownerOf.keys()
  }

  /** How many owners' vehicles were selected anew so far. */
  get looks(): number {
    return this.#looks
  }

  /** Takes a vehicle that may be drawn, as it is now; undefined: it may not be drawn any more. */
  put(peer: PeerId, candidate: Candidate | undefined): void {
    this.#touched.add(peer)
    const before = this.#ownerOf.get(peer)
    if (before !== undefined && before !== candidate?.owner) this.#remove(peer, before)
    if (candidate === undefined) return
    const entry = this.#owners.get(candidate.owner) ?? this.#enter(candidate.owner)
    if (!entry.vehicles.has(peer)) {
      entry.peers.splice(placeIn(entry.peers, peer), 0, peer)
      this.#count(entry, 1)
    }
    entry.vehicles.set(peer, candidate)
    this.#ownerOf.set(peer, candidate.owner)
  }

  /** Those that were selected, or are, and have changed since this was last asked; undefined: one is not selected any more. */
  takeChanged(): Map<PeerId, Candidate | undefined> {
    const before: Before = new Map()
    const ownMax = this.#ownVehiclesMax()
    if (ownMax !== this.#ownMax) for (const entry of this.#order) this.#moved.set(entry.owner, entry)
    this.#ownMax = ownMax
    for (const entry of this.#moved.values()) this.#select(entry, this.#isIn(entry), before)
    for (const peer of this.#touched)
      if (this.#selected.has(peer))
        this.#set(peer, this.#owners.get(this.#ownerOf.get(peer)!)!.vehicles.get(peer), before)
    this.#fit(before)
    this.#touched.clear()
    this.#moved.clear()
    const changed = [...before].map(([peer, was]) => ({ peer, was, now: this.#selected.get(peer) }))
    return new Map(changed.flatMap(({ peer, was, now }) => (was === now ? [] : [[peer, now]])))
  }

  #isIn({ lot }: Entry): boolean {
    return this.#firstOut === undefined || lot < this.#firstOut
  }

  /** Owners leave, the last in order first, until there is room for the others; then those come in that have room. */
  #fit(before: Before): void {
    let next = this.#firstOut === undefined ? this.#order.length : placeIn(this.#order, this.#firstOut, lotOf)
    while (this.#selected.size > this.#max) {
      next -= 1
      this.#select(this.#order[next]!, false, before)
    }
    for (; next < this.#order.length; next += 1) {
      const entry = this.#order[next]!
      if (this.#selected.size + Math.min(entry.peers.length, this.#ownMax) > this.#max) break
      this.#select(entry, true, before)
    }
    this.#firstOut = this.#order[next]?.lot
  }

  /** Selects an owner's vehicles, as many as it may have in, or none. */
  #select(entry: Entry, isIn: boolean, before: Before): void {
    const peers = isIn ? entry.peers.slice(0, this.#ownMax) : []
    if (peers.length === 0 && entry.selected.length === 0) return
    this.#looks += 1
    const stay = new Set(peers)
    for (const peer of entry.selected)
      if (!stay.has(peer) && this.#selected.get(peer)?.owner === entry.owner)
        this.#set(peer, undefined, before)
    for (const peer of peers) this.#set(peer, entry.vehicles.get(peer), before)
    entry.selected = peers
  }

  #set(peer: PeerId, candidate: Candidate | undefined, before: Before): void {
    if (!before.has(peer)) before.set(peer, this.#selected.get(peer))
    if (candidate === undefined) this.#selected.delete(peer)
    else this.#selected.set(peer, candidate)
  }

  /** The vehicles that an owner may have in: as many as leave room for all owners, and no fewer than so many. */
  #ownVehiclesMax(): number {
    if (this.#size <= this.#max) return this.#max
    return this.#bounds.find(({ sum }) => sum <= this.#max)?.max ?? drawOwnerVehiclesMax
  }

  /** One vehicle of this owner has come, or left (−1). */
  #count(entry: Entry, by: 1 | -1): void {
    const { length } = entry.peers
    this.#size += by
    for (const bound of this.#bounds)
      bound.sum += Math.min(length, bound.max) - Math.min(length - by, bound.max)
    this.#moved.set(entry.owner, entry)
  }

  #enter(owner: OwnerId): Entry {
    const entry = this.#moved.get(owner) ?? {
      ...{ owner, lot: ownerLot(this.#sha256, this.#secret, owner) },
      ...{ vehicles: new Map(), peers: [], selected: [] },
    }
    this.#owners.set(owner, entry)
    this.#order.splice(placeIn(this.#order, entry.lot, lotOf), 0, entry)
    return entry
  }

  #remove(peer: PeerId, owner: OwnerId): void {
    const entry = this.#owners.get(owner)!
    entry.vehicles.delete(peer)
    entry.peers.splice(placeIn(entry.peers, peer), 1)
    this.#ownerOf.delete(peer)
    this.#count(entry, -1)
    if (entry.vehicles.size > 0) return
    this.#owners.delete(owner)
    this.#order.splice(placeIn(this.#order, entry.lot, lotOf), 1)
  }
}

/** By vehicle, what was selected of it before changes were taken. */
type Before = Map<PeerId, Candidate | undefined>

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
