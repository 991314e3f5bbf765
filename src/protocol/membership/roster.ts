/**
 * The roster: the adverts that this node currently believes.
 *
 * Newer serials replace older ones, so a replayed advert changes nothing; adverts lapse by their own expiry;
 * and the number of entries is bounded. When it is full, a newcomer replaces the entry that lapses first only
 * if that one belongs to the owner with the most entries: a flood by one owner displaces that owner's own.
 */
import { compareText } from '../../base/bytes.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { rosterEntriesMax } from '../limits.ts'
import { type Capacity, isUntimely } from './advert.ts'

export type Admission = 'new' | 'renewed' | 'stale' | 'untimely' | 'full'

export class Roster {
  readonly #entries = new Map<PeerId, Capacity>()
  readonly #byOwner = new Map<OwnerId, number>()

  /** Takes a checked advert. Only 'new' and 'renewed' are worth forwarding. */
  admit(capacity: Capacity, nowMs: number): Admission {
    if (isUntimely(capacity, nowMs)) return 'untimely'
    const known = this.#entries.get(capacity.peer)
    if (known !== undefined && known.serial >= capacity.serial) return 'stale'
    if (
      known === undefined &&
      this.#entries.size >= rosterEntriesMax &&
      !this.#makeRoom(capacity.owner, nowMs)
    )
      return 'full'
    if (known !== undefined) this.#count(known.owner, -1)
    this.#entries.set(capacity.peer, capacity)
    this.#count(capacity.owner, 1)
    return known === undefined ? 'new' : 'renewed'
  }

  get(peer: PeerId): Capacity | undefined {
    return this.#entries.get(peer)
  }

  /** Everybody who is believed at this time, in the order of peer ids. */
  list(nowMs: number): Capacity[] {
    this.expire(nowMs)
    return [...this.#entries.values()].sort((a, b) => compareText(a.peer, b.peer))
  }

  /** Drops what has lapsed and says whom. */
  expire(nowMs: number): PeerId[] {
    return this.drop((entry) => entry.expiresMs <= nowMs)
  }

  /** Forgets the nodes for which this is true, and returns them. */
  drop(isGone: (entry: Capacity) => boolean): PeerId[] {
    const gone = [...this.#entries.values()].filter(isGone)
    for (const entry of gone) this.#remove(entry)
    return gone.map((entry) => entry.peer)
  }

  #makeRoom(owner: OwnerId, nowMs: number): boolean {
    this.expire(nowMs)
    if (this.#entries.size < rosterEntriesMax) return true
    const most = Math.max(...this.#byOwner.values())
    const crowded = [...this.#entries.values()].filter((entry) => this.#byOwner.get(entry.owner) === most)
    if (most === 1 || this.#byOwner.get(owner) === most) return false
    crowded.sort((a, b) => a.expiresMs - b.expiresMs || compareText(a.peer, b.peer))
    this.#remove(crowded[0]!)
    return true
  }

  #remove(entry: Capacity): void {
    this.#entries.delete(entry.peer)
    this.#count(entry.owner, -1)
  }

  #count(owner: OwnerId, change: number): void {
    const count = (this.#byOwner.get(owner) ?? 0) + change
    if (count === 0) this.#byOwner.delete(owner)
    else this.#byOwner.set(owner, count)
  }
}
