/**
 * The search of a submitter for its standbys: it asks in rounds, as many nodes at once as places are free, and the next owners
 * of the draw in place of those that declined or were silent. A round ends when all have answered, or after `inviteTtlMs`; and
 * there are a few rounds only, so that nodes that never answer keep a person waiting for a bounded time. A place goes to a node
 * by its lot and never by how fast it answers, since who wants to sit at a job answers fast.
 */
import type { OwnerId, PeerId } from '../ids.ts'
import { standbyRoundsMax } from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import { findStandbys, type StandbySearch } from './standbys.ts'

export class StandbyRounds {
  readonly #search: StandbySearch
  readonly #count: number
  readonly #found: Capacity[] = []
  readonly #inVain: Map<PeerId, OwnerId>
  #rounds = 0

  /** `count`: the standbys that are wanted. */
  constructor(search: StandbySearch, count: number) {
    this.#search = search
    this.#count = count
    this.#inVain = new Map(search.inVain)
  }

  /** The nodes to ask now, all at once; none when the search is over. */
  next(): Capacity[] {
    const missing = this.#count - this.#found.length
    if (missing <= 0 || this.#rounds === standbyRoundsMax) return []
    this.#rounds += 1
    const { taken } = this.#search
    const owners = new Set([...taken.owners, ...this.#found.map(({ owner }) => owner)])
    return findStandbys({ ...this.#search, taken: { ...taken, owners }, inVain: this.#inVain }, missing)
  }

  /** Says of each node that was asked whether it is willing; one that did not answer in time is not. */
  answered(asked: Capacity, isWilling: boolean): void {
    if (isWilling) this.#found.push(asked)
    else this.#inVain.set(asked.peer, asked.owner)
  }
}
