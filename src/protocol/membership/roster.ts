/**
 * The roster: the adverts that this node currently believes.
 *
 * Newer serials replace older ones, so a replayed advert changes nothing; adverts lapse by their own expiry;
 * and the number of entries is bounded. When it is full, a newcomer takes the place of a vehicle of the owner with the most
 * entries, the one that was heard longest ago, unless it is that owner's itself: a flood by one owner displaces that owner's own.
 *
 * An advert costs the same however many there are: owners are kept by how many entries they have, times of expiry in a heap, and
 * the order of peers is made when somebody asks for it.
 */
import { compareText } from '../../base/bytes.ts'
import { DueTimes } from '../../base/due-times.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { rosterEntriesMax } from '../limits.ts'
import { type Capacity, isUntimely, offersTheSame } from './advert.ts'

/** 'renewed': it says nothing new but until when it holds. */
export type Admission = 'new' | 'changed' | 'renewed' | 'stale' | 'untimely' | 'full'

/** The vehicles that have come or whose offer is another one, and those that are gone. */
export interface RosterChange {
  readonly changed: readonly Capacity[]
  readonly gone: readonly PeerId[]
}

/** Tells whether the advert is worth forwarding. */
export function isNews(admission: Admission): boolean {
  return admission === 'new' || admission === 'changed' || admission === 'renewed'
}

export class Roster {
  readonly #entriesMax: number
  readonly #entries = new Map<PeerId, Capacity>()
  /** Use: each owner's entries, the one that was heard longest ago first. */
  readonly #byOwner = new Map<OwnerId, Map<PeerId, Capacity>>()
  /** Use: owners by how many entries they have. */
  readonly #byCount = new Map<number, Set<OwnerId>>()
  #most = 0
  readonly #expiry = new DueTimes<PeerId>()
  /** Use: the peers in their order, until one comes or goes. */
  #order: readonly PeerId[] | undefined
  /** Use: those that went since this was last asked. */
  #gone: PeerId[] = []
  #steps = 0

  constructor(entriesMax = rosterEntriesMax) {
    this.#entriesMax = entriesMax
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many entries were looked at so far. */
  get steps(): number {
    return this.#steps
  }

  /** Takes a checked advert. */
  admit(capacity: Capacity, nowMs: number): Admission {
    if (isUntimely(capacity, nowMs)) return 'untimely'
    const known = this.#entries.get(capacity.peer)
    if (known !== undefined && known.serial >= capacity.serial) return 'stale'
    if (known === undefined && !this.#hasRoom(capacity.owner, nowMs)) return 'full'
    if (known !== undefined) this.#leave(known)
    this.#enter(capacity)
    if (known === undefined) return 'new'
    return offersTheSame(known, capacity) ? 'renewed' : 'changed'
  }

  get(peer: PeerId): Capacity | undefined {
    return this.#entries.get(peer)
  }

  /** Everybody who is believed at this time, in the order of peer ids. */
  list(nowMs: number): Capacity[] {
    this.expire(nowMs)
    this.#order ??= [...this.#entries.keys()].sort(compareText)
    return this.#order.map((peer) => this.#entries.get(peer)!)
  }

  /** Drops what has lapsed and says whom. */
  expire(nowMs: number): PeerId[] {
    const gone: PeerId[] = []
    for (const peer of this.#expiry.take(nowMs)) {
      this.#steps += 1
      const entry = this.#entries.get(peer)
      if (entry === undefined) continue
      if (entry.expiresMs > nowMs) this.#expiry.put(peer, entry.expiresMs)
      else {
        this.#remove(entry)
        gone.push(peer)
      }
    }
    return gone
  }

  /** Forgets the nodes for which this is true, and returns them. */
  drop(isGone: (entry: Capacity) => boolean): PeerId[] {
    const gone = [...this.#entries.values()].filter(isGone)
    for (const entry of gone) this.#remove(entry)
    return gone.map((entry) => entry.peer)
  }

  /** Those that went since this was last asked, and have not come back. */
  takeGone(): PeerId[] {
    const gone = this.#gone.filter((peer) => !this.#entries.has(peer))
    this.#gone = []
    return gone
  }

  #hasRoom(owner: OwnerId, nowMs: number): boolean {
    if (this.#entries.size < this.#entriesMax) return true
    this.expire(nowMs)
    if (this.#entries.size < this.#entriesMax) return true
    if (this.#most === 1 || this.#byOwner.get(owner)?.size === this.#most) return false
    this.#steps += 1
    const [crowded] = this.#byCount.get(this.#most)!
    const [oldest] = this.#byOwner.get(crowded!)!.values()
    this.#remove(oldest!)
    return true
  }

  #enter(entry: Capacity): void {
    const { peer, owner, expiresMs } = entry
    if (!this.#entries.has(peer)) this.#order = undefined
    this.#entries.set(peer, entry)
    this.#expiry.put(peer, expiresMs)
    const entries = this.#byOwner.get(owner) ?? new Map<PeerId, Capacity>()
    this.#byOwner.set(owner, entries.set(peer, entry))
    this.#counted(owner, entries.size - 1, entries.size)
  }

  /** The owner's list goes without it, and a newer advert may take its place. */
  #leave({ peer, owner }: Capacity): void {
    const entries = this.#byOwner.get(owner)!
    entries.delete(peer)
    if (entries.size === 0) this.#byOwner.delete(owner)
    this.#counted(owner, entries.size + 1, entries.size)
  }

  #remove(entry: Capacity): void {
    this.#leave(entry)
    this.#entries.delete(entry.peer)
    this.#order = undefined
    this.#gone.push(entry.peer)
  }

  /** An owner had so many entries and has one more, or one less. */
  #counted(owner: OwnerId, before: number, after: number): void {
    const owners = this.#byCount.get(before)
    owners?.delete(owner)
    if (owners?.size === 0) this.#byCount.delete(before)
    if (after > 0) {
      const others = this.#byCount.get(after)
      if (others === undefined) this.#byCount.set(after, new Set([owner]))
      else others.add(owner)
    }
    this.#most = Math.max(this.#most, after)
    if (!this.#byCount.has(this.#most)) this.#most -= 1
  }
}
