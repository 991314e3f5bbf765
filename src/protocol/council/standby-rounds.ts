/**
 * The search of a submitter for its standbys: it asks in rounds, as many nodes at once as places are free, and the next owners
 * of the draw in place of those that declined or were silent. A round ends when all have answered, or after `inviteTtlMs`; none
 * begins that could last longer than a person waits (`standbySearchMsMax`), so nodes that say nothing, or say no slowly, keep
 * nobody for ever. A place goes to a node by its lot and never by how fast it answers, since a node that wants to sit at a job
 * answers fast.
 */
import type { OwnerId, PeerId } from '../ids.ts'
import { inviteTtlMs, standbySearchMsMax } from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import { findStandbys, type StandbySearch } from './standbys.ts'

export class StandbyRounds {
  readonly #search: StandbySearch
  readonly #count: number
  readonly #untilMs: number
  readonly #found: Capacity[] = []
  readonly #inVain: Map<PeerId, OwnerId>

  /** `count`: the standbys that are wanted. */
  constructor(search: StandbySearch, count: number, nowMs: number) {
    this.#search = search
    this.#count = count
    this.#untilMs = nowMs + standbySearchMsMax
    this.#inVain = new Map(search.inVain)
  }

  /** The nodes to ask now, all at once, for `inviteTtlMs` at most; none when the search is over. */
  next(nowMs: number): Capacity[] {
    const missing = this.#count - this.#found.length
    if (missing === 0 || nowMs + inviteTtlMs > this.#untilMs) return []
    const dialled = this.#wantsDialled ? this.#find(this.#search.capacities.filter(isDialled), [], 1) : []
    return [...dialled, ...this.#find(this.#search.capacities, dialled, missing - dialled.length)]
  }

  /** Says of each node that was asked whether it is willing; one that did not answer in time is not. */
  answered(asked: Capacity, isWilling: boolean): void {
    if (isWilling) this.#found.push(asked)
    else this.#inVain.set(asked.peer, asked.owner)
  }

  get #wantsDialled(): boolean {
    return this.#search.wantsDialled === true && !this.#found.some(isDialled)
  }

  #find(capacities: readonly Capacity[], chosen: readonly Capacity[], count: number): Capacity[] {
    if (count === 0) return []
    const { taken } = this.#search
    const owners = new Set([...taken.owners, ...[...this.#found, ...chosen].map(({ owner }) => owner)])
    const search = { ...this.#search, capacities, taken: { ...taken, owners }, inVain: this.#inVain }
    return findStandbys(search, count)
  }
}

/** Others can dial it, by its own word. */
function isDialled({ reach }: Capacity): boolean {
  return reach === 'direct'
}
