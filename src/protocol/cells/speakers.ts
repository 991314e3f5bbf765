/**
 * Speakers: the three members that speak for a cell this hour.
 *
 * They sum up the cell in digests, and take the adverts of members for whom gossip is too dear. Everybody can tell who they are: of
 * the members that others can dial, those with the lowest hash of key and hour, of three owners. Nobody is elected, and nobody speaks for
 * longer than an hour. Where two members do not agree who is in the cell, they may name different speakers: then four speak for a while, and
 * whoever listens takes the middle of what it hears.
 */
import { fromString } from 'uint8arrays'
import { compareText } from '../../base/bytes.ts'
import { speakersForMs, speakersMax } from '../cell-limits.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import type { Capacity } from '../membership/advert.ts'
import type { Sha256 } from '../record/block.ts'
import { type CellKey, keyFrom } from './key.ts'

interface Speaker {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly key: CellKey
}

export function hourOf(nowMs: number): number {
  return Math.floor(nowMs / speakersForMs)
}

/** The lots of this hour, each computed once: a node compares those of its cell over and over. */
export class SpeakerLots {
  readonly #sha256: Sha256
  readonly #kept: number
  readonly #lots = new Map<CellKey, number>()
  #hour = 0

  constructor(sha256: Sha256, kept = lotsKept) {
    this.#sha256 = sha256
    this.#kept = kept
  }

  of(key: CellKey, hour: number): number {
    if (hour !== this.#hour || this.#lots.size > this.#kept) this.#lots.clear()
    this.#hour = hour
    const known = this.#lots.get(key)
    if (known !== undefined) return known
    const lot = keyFrom(this.#sha256(fromString(`carpool/speaker/${key}/${hour}`)))
    this.#lots.set(key, lot)
    return lot
  }

  /** The members with the lowest lots of this hour, at most one of an owner, the lowest first. In one pass: nodes ask it all the time. */
  lowest<Member extends Speaker>(members: Iterable<Member>, hour: number, max = speakersMax): Member[] {
    const lowest: { readonly member: Member; readonly lot: number }[] = []
    for (const member of members) {
      const one = { member, lot: this.of(member.key, hour) }
      const last = lowest.at(-1)
      if (lowest.length >= max && (last === undefined || !precedes(one, last))) continue
      const same = lowest.findIndex((other) => other.member.owner === member.owner)
      if (same >= 0 && !precedes(one, lowest[same]!)) continue
      if (same >= 0) lowest.splice(same, 1)
      const place = lowest.findIndex((other) => precedes(one, other))
      lowest.splice(place < 0 ? lowest.length : place, 0, one)
      if (lowest.length > max) lowest.pop()
    }
    return lowest.map(({ member }) => member)
  }

  /** The members that speak: those that can be dialled come first, and others where there are too few. */
  speakers<Member extends Speaker & Pick<Capacity, 'reach' | 'listens'>>(
    all: readonly Member[],
    hour: number,
  ): Member[] {
    const members = all.filter(({ listens = true }) => listens)
    const direct = this.lowest(
      members.filter(({ reach }) => reach === 'direct'),
      hour,
    )
    if (direct.length === speakersMax) return direct
    const owners = new Set(direct.map(({ owner }) => owner))
    const others = members.filter(({ owner }) => !owners.has(owner))
    return [...direct, ...this.lowest(others, hour, speakersMax - direct.length)]
  }
}

interface Lot {
  readonly member: Speaker
  readonly lot: number
}

function precedes(a: Lot, b: Lot): boolean {
  return a.lot < b.lot || (a.lot === b.lot && compareText(a.member.peer, b.member.peer) < 0)
}

/** More than a node meets in an hour but for one that is in the whole of a large mesh. */
const lotsKept = 8_192
