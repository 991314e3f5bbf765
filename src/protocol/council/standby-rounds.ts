/**
 * The search of a submitter for its standbys: it asks in rounds, as many nodes at once as places are free and some more, and then
 * the next owners of the draw. An invitation binds nobody, so a node that is willing and was not needed loses nothing; and where
 * ten nodes have left without a word, a round of two would find only them. A round ends when all have answered, or after `inviteTtlMs`; none
 * begins that could last longer than a person waits (`standbySearchMsMax`), so nodes that say nothing, or say no slowly, keep
 * nobody for ever. Where nobody else is left to ask, those that were silent have as long again: one that is busy may answer yet; and
 * as long as nobody at all is found, they are waited for to the end, since a job with no standby ends with its submitter. A
 * place goes to a node by its lot and never by how fast it answers, since a node that wants to sit at a job answers fast.
 */
import type { OwnerId, PeerId } from '../ids.ts'
import { inviteTtlMs, standbySearchMsMax } from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import { findStandbys, type StandbySearch } from './standbys.ts'

/** Nodes that are asked beyond the free places: those that have left in the last three minutes cannot say so. A guess. */
export const askedBeyond = 6

/** 'silent': it has not said anything in time. */
export type StandbyAnswer = 'willing' | 'unwilling' | 'silent'

export class StandbyRounds {
  readonly #search: StandbySearch
  readonly #count: number
  readonly #untilMs: number
  readonly #found: Capacity[] = []
  readonly #inVain: Map<PeerId, OwnerId>
  /** Use: those that were asked once. */
  readonly #asked = new Set<PeerId>()
  /** Use: those of them that have said nothing yet. */
  readonly #silent = new Set<PeerId>()
  /** Use: those of them that have not been waited for once more. */
  readonly #late = new Set<PeerId>()
  /** Use: one place is for a node that others can dial, as long as one is asked. */
  #isKeptForDialled = false

  /** `count`: the standbys that are wanted. */
  constructor(search: StandbySearch, count: number, nowMs: number) {
    this.#search = search
    this.#count = count
    this.#untilMs = nowMs + standbySearchMsMax
    this.#inVain = new Map(search.inVain)
  }

  /** The nodes to ask now, or to wait for once more, all at once, for `inviteTtlMs` at most; none when the search is over. */
  next(nowMs: number): Capacity[] {
    const missing = this.#count - this.#found.length
    if (missing === 0 || nowMs + inviteTtlMs > this.#untilMs) return []
    const asked = missing + askedBeyond
    const dialled = this.#wantsDialled
      ? this.#find(this.#search.capacities.filter(isDialled), [], 1 + askedBeyond / 2)
      : []
    const round = [...dialled, ...this.#find(this.#search.capacities, dialled, asked - dialled.length)]
    if (round.length === 0) round.push(...this.#takeLate(asked))
    this.#isKeptForDialled = round.some(isDialled) && this.#wantsDialled
    return round
  }

  /** Says of each node that was asked, in their order, what it answered. True when it gets a place. */
  answered(asked: Capacity, answer: StandbyAnswer): boolean {
    if (answer !== 'silent') this.#silent.delete(asked.peer)
    else {
      this.#silent.add(asked.peer)
      if (!this.#asked.has(asked.peer)) this.#late.add(asked.peer)
    }
    this.#asked.add(asked.peer)
    if (answer !== 'willing') {
      this.#inVain.set(asked.peer, asked.owner)
      return false
    }
    if (this.#found.some(({ owner }) => owner === asked.owner)) return false
    const isKept = this.#isKeptForDialled && this.#wantsDialled && !isDialled(asked)
    if (this.#found.length + Number(isKept) >= this.#count) return false
    this.#found.push(asked)
    return true
  }

  get #wantsDialled(): boolean {
    return this.#search.wantsDialled === true && !this.#found.some(isDialled)
  }

  /** By the rules of the draw: the job may not be able to spare their owners any more. */
  #takeLate(count: number): Capacity[] {
    for (const peer of this.#found.length === 0 ? this.#silent : this.#late) this.#inVain.delete(peer)
    this.#late.clear()
    return this.#find(this.#search.capacities, [], count)
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
