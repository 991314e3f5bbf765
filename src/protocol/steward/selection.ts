/**
 * Selection: the vehicles that one job draws from, where a mesh has more than a list of candidates has room for.
 *
 * Each owner has a lot, which comes from the secret of the job's draws, and the owners with the lowest lots are in, each with a
 * bounded number of vehicles. So no owner chooses to be in, more vehicles help nobody beyond that number, and all stewards of the
 * job select the same owners, as far as they know the same. A vehicle that comes or goes costs a look at that one, unless others are in,
 * or out, because of it; then it costs a walk over those that are selected.
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
  readonly #touched = new Set<PeerId>()
  #selected = new Map<PeerId, Candidate>()
  /** Use: as it was when they were selected: the bound of one owner's vehicles, and the first lot that found no room. */
  #ownMax: number
  #firstOut: string | undefined
  /** Use: somebody came or left by which others may be in, or not any more. */
  #isMoved = false
  #size = 0
  #walks = 0

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

  /** How often all that are selected were walked over so far. */
  get walks(): number {
    return this.#walks
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
    const ownMax = this.#ownVehiclesMax()
    const changed = ownMax === this.#ownMax && !this.#isMoved ? this.#touchedOnly() : this.#selectAnew(ownMax)
    this.#touched.clear()
    this.#isMoved = false
    return changed
  }

  /** Nobody is in, or out, because of others. */
  #touchedOnly(): Map<PeerId, Candidate | undefined> {
    const changed = new Map<PeerId, Candidate | undefined>()
    const isRoomy = this.#ownMax === this.#max
    for (const peer of this.#touched) {
      const before = this.#selected.get(peer)
      const owner = this.#ownerOf.get(peer)
      const now = owner === undefined ? undefined : this.#owners.get(owner)!.vehicles.get(peer)
      if (before === now || (before === undefined && !isRoomy)) continue
      changed.set(peer, now)
      if (now === undefined) this.#selected.delete(peer)
      else this.#selected.set(peer, now)
    }
    return changed
  }

  #selectAnew(ownMax: number): Map<PeerId, Candidate | undefined> {
    this.#walks += 1
    const selected = new Map<PeerId, Candidate>()
    this.#ownMax = ownMax
    this.#firstOut = undefined
    for (const { peers, vehicles, lot } of this.#order) {
      if (selected.size + Math.min(peers.length, ownMax) > this.#max) {
        this.#firstOut = lot
        break
      }
      for (const peer of peers.slice(0, ownMax)) selected.set(peer, vehicles.get(peer)!)
    }
    const changed = new Map<PeerId, Candidate | undefined>()
    for (const peer of this.#selected.keys()) if (!selected.has(peer)) changed.set(peer, undefined)
    for (const [peer, candidate] of selected)
      if (this.#selected.get(peer) !== candidate) changed.set(peer, candidate)
    this.#selected = selected
    return changed
  }

  /** The vehicles that an owner may have in: as many as leave room for all owners, and no fewer than so many. */
  #ownVehiclesMax(): number {
    if (this.#size <= this.#max) return this.#max
    return this.#bounds.find(({ sum }) => sum <= this.#max)?.max ?? drawOwnerVehiclesMax
  }

  /** One vehicle of this owner has come, or left (−1). */
  #count({ peers, lot }: Entry, by: 1 | -1): void {
    this.#size += by
    for (const bound of this.#bounds)
      bound.sum += Math.min(peers.length, bound.max) - Math.min(peers.length - by, bound.max)
    const isRoomy = this.#size <= this.#max
    if (isRoomy ? this.#ownMax !== this.#max : this.#firstOut === undefined || lot <= this.#firstOut)
      this.#isMoved = true
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
    this.#count(entry, -1)
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
