/**
 * Contacts: the nodes that a node can ask. It keeps some of its own cell, and two of each other half on the way from its cell to the
 * whole mesh. Whoever is asked for a key therefore knows somebody that is nearer to it by one bit at least, so that a search of a million
 * vehicles takes a dozen questions. (Kademlia's buckets: Maymounkov and Mazières, IPTPS 2002; as there, a contact that has answered is not given
 * up for a newcomer.) A node has them on its disk, and asks a bootstrap node only when all of them are gone.
 */
import { compareText } from '../../base/bytes.ts'
import { farContactsMax, ownContactsMax } from '../cell-limits.ts'
import type { CellId, PeerId } from '../ids.ts'
import { type CellKey, holds, sharedBits } from './key.ts'
import type { Contact } from './member.ts'

interface Entry {
  readonly contact: Contact
  /** It has answered, or its advert was heard. */
  readonly isMet: boolean
}

export class Contacts {
  readonly #self: PeerId
  #key: CellKey
  #depth: number
  /** By how many bits they have in common with this node, at most those of its cell. */
  readonly #places = new Map<number, Map<PeerId, Entry>>()

  constructor(self: PeerId, key: CellKey, depth: number) {
    this.#self = self
    this.#key = key
    this.#depth = depth
  }

  /** All of them, in the order of peer ids: as they are kept. */
  list(): Contact[] {
    return this.#entries()
      .map(({ contact }) => contact)
      .sort((a, b) => compareText(a.peer, b.peer))
  }

  /** The cell is another one: those that have no place any more go. */
  moved(key: CellKey, depth: number): void {
    const entries = this.#entries().sort((a, b) => Number(b.isMet) - Number(a.isMet))
    this.#key = key
    this.#depth = depth
    this.#places.clear()
    for (const { contact, isMet } of entries) this.learn(contact, isMet)
  }

  /** True: it has a place. */
  learn(contact: Contact, isMet: boolean): boolean {
    if (contact.peer === this.#self || contact.addresses.length === 0) return false
    const number = this.#placeOf(contact.key)
    const place = this.#places.get(number) ?? new Map<PeerId, Entry>()
    const known = place.get(contact.peer)
    if (known === undefined && place.size >= (number === this.#depth ? ownContactsMax : farContactsMax)) {
      if (!isMet) return false
      const given = [...place.values()].find((entry) => !entry.isMet)
      if (given === undefined) return false
      place.delete(given.contact.peer)
    }
    this.#places.set(number, place.set(contact.peer, { contact, isMet: isMet || known?.isMet === true }))
    return true
  }

  /** It did not answer. */
  lost(peer: PeerId): void {
    for (const place of this.#places.values()) place.delete(peer)
  }

  /** Those that are nearest to a key, as many as there are, at most so many. */
  near(key: CellKey, max: number): Contact[] {
    return nearest(
      key,
      this.#entries().map(({ contact }) => contact),
    ).slice(0, max)
  }

  /** Those of a cell. */
  in(cell: CellId): Contact[] {
    return this.list().filter(({ key }) => holds(cell, key))
  }

  #entries(): Entry[] {
    return [...this.#places.values()].flatMap((place) => [...place.values()])
  }

  /** How many bits it has in common with this node, at most those of its cell. */
  #placeOf(key: CellKey): number {
    return Math.min(this.#depth, sharedBits(this.#key, key))
  }
}

/** Sorts by the first bit in which each differs from the key, and then by peer. */
export function nearest<Each extends Contact>(key: CellKey, contacts: readonly Each[]): Each[] {
  return [...contacts].sort(
    (a, b) => sharedBits(key, b.key) - sharedBits(key, a.key) || compareText(a.peer, b.peer),
  )
}
