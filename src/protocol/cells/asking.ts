/**
 * Asking: the searches and censuses of one node that are under way. Questions are numbered, so that an answer finds what asked; one
 * that nobody asked for changes nothing.
 */

import { RandomStream } from '../../base/prng.ts'
import { farContactsMax, questionTtlMs } from '../cell-limits.ts'
import type { CellId, PeerId } from '../ids.ts'
import { advertIntervalMs } from '../limits.ts'
import { arcLength, arcOfCensus } from './arc.ts'
import { Census } from './census.ts'
import { silentLevels } from './company.ts'
import { type CellKey, keyBits, sharedBits, wholeMesh } from './key.ts'
import type { Contact, Member } from './member.ts'
import { type Found, Search } from './search.ts'
import type { Speaking } from './speaking.ts'
import type { Station } from './station.ts'

/** A node looks for somebody on one of its levels this often, so that contacts of a mesh that comes and goes stay alive. A guess. */
const refreshMs = 10 * advertIntervalMs

/** Contacts with which a search begins: three are asked at a time, and some have left. A guess. */
const askedFirst = 8

interface CensusOrder {
  readonly name: string
  readonly drawSecret: Uint8Array
  readonly index: number
  readonly engine: number | null
  readonly expected: number
  readonly wanted: number
  readonly offers: (member: Member) => boolean
}

type Purpose = 'join' | 'refresh' | 'company'

export class Asking {
  readonly #station: Station
  readonly #searches = new Map<Purpose, Search>()
  readonly #censuses = new Map<string, Census>()
  /** By number, what asked. */
  readonly #questions = new Map<
    number,
    { readonly by: Search | Census; readonly to: PeerId; readonly atMs: number }
  >()
  readonly #chance: RandomStream
  #asked = 0
  #refreshAtMs: number
  /** The level at which it looked last, for contacts, and for company. */
  #level = 0
  #silent = 0
  #companyAtMs = Number.NEGATIVE_INFINITY

  constructor(station: Station, nowMs: number) {
    this.#station = station
    this.#chance = new RandomStream(station.options.sha256, station.options.secret, 'cells/contacts')
    this.#refreshAtMs = nowMs + this.#chance.below(refreshMs)
  }

  /** Looks for the cell of its own key. False: that is under way. */
  join(nowMs: number): boolean {
    if (this.#searches.has('join')) return false
    const { own } = this.#station
    this.#searches.set('join', new Search(own.key, this.#contacts(own.key, nowMs)))
    return true
  }

  takeCensus(order: CensusOrder, nowMs: number): void {
    const { name, drawSecret, index, engine, expected, offers, wanted } = order
    const { sha256 } = this.#station.options
    const arc = arcOfCensus(sha256, drawSecret, index, arcLength(wanted, expected))
    const contacts = (key: CellKey) => this.#contacts(key, nowMs)
    this.#censuses.set(name, new Census({ index, arc, engine, expected, contacts, offers }, nowMs))
  }

  there(question: number, from: Contact, cell: CellId, contacts: readonly Contact[]): void {
    const asked = this.#take(question, from.peer)
    if (asked === undefined) return
    const { contacts: known } = this.#station
    for (const contact of [from, ...contacts]) {
      // Bootstrap nodes are there for those who know nobody.
      const isBootstrap = this.#station.bootstraps.some(({ peer }) => peer === contact.peer)
      if (!isBootstrap) known.learn(contact, contact === from)
    }
    if (asked instanceof Search) asked.answered(from.peer, cell, contacts)
    else asked.there(from.peer, cell, contacts)
  }

  these(
    question: number,
    from: PeerId,
    cell: CellId,
    members: readonly Member[],
    hasMore: boolean,
    nowMs: number,
  ): void {
    const asked = this.#take(question, from)
    if (asked instanceof Census) asked.these(from, cell, members, hasMore, nowMs)
  }

  /** Puts the questions that are due, and returns what the search for its own cell found, if it is over. */
  look(nowMs: number): Found | undefined {
    for (const [number, { atMs }] of this.#questions)
      if (nowMs - atMs > 2 * questionTtlMs) this.#questions.delete(number)
    if (nowMs >= this.#refreshAtMs) this.#refresh(nowMs)
    if (nowMs >= this.#companyAtMs) this.#seekCompany(nowMs)
    let joined: Found | undefined
    for (const [purpose, search] of this.#searches) {
      for (const to of search.next(nowMs)) this.#where(search, to, search.key, nowMs)
      const found = search.found()
      if (found === undefined) continue
      for (const peer of search.silent) this.#station.contacts.lost(peer)
      this.#searches.delete(purpose)
      if (purpose === 'join') joined = found
      if (purpose === 'company' && found.cell !== null) this.#meet(search.key, found.contacts)
    }
    for (const [name, census] of this.#censuses) this.#lookAt(name, census, nowMs)
    return joined
  }

  get dueMs(): number {
    const dues = [...this.#searches.values(), ...this.#censuses.values()].map(({ dueMs }) => dueMs)
    return Math.min(this.#refreshAtMs, ...dues)
  }

  #lookAt(name: string, census: Census, nowMs: number): void {
    for (const question of census.next(nowMs))
      if (question.type === 'where') this.#where(census, question.to, question.key, nowMs)
      else {
        const number = this.#number(census, question.to, nowMs)
        const { after, to } = question
        const { arc, engine } = census
        this.#station.effects.push({
          type: 'ask',
          to,
          message: { type: 'who', question: number, arc, engine, after },
        })
      }
    const result = census.result(nowMs)
    if (result === undefined) return
    this.#censuses.delete(name)
    this.#station.effects.push({ type: 'counted-abroad', name, result })
  }

  /** Looks for somebody in the other half of one of its levels, one level after the other. */
  #refresh(nowMs: number): void {
    const { depth } = this.#station
    this.#refreshAtMs = nowMs + refreshMs
    if (depth === 0 || this.#searches.has('refresh')) return
    this.#level = (this.#level + 1) % depth
    this.#searchAcross(this.#level, 'refresh', nowMs)
  }

  /** Looks for somebody in a half of its regions of which this node, which speaks, hears nobody; one half after the other. */
  #seekCompany(nowMs: number): void {
    if (this.#searches.has('company')) return
    this.#companyAtMs = nowMs + advertIntervalMs
    const { met } = this.#station
    const silent = silentLevels(this.#station, nowMs)
    for (const level of met.keys()) if (!silent.includes(level)) met.delete(level)
    if (silent.length === 0) return
    this.#silent = (this.#silent + 1) % silent.length
    this.#searchAcross(silent[this.#silent]!, 'company', nowMs)
  }

  #meet(key: CellKey, contacts: readonly Contact[]): void {
    const { met, own } = this.#station
    met.set(sharedBits(own.key, key), contacts)
  }

  /** Looks for some key of the half of a cell in which its own key is not. */
  #searchAcross(level: number, purpose: Purpose, nowMs: number): void {
    const { own } = this.#station
    const unit = 2 ** (keyBits - 1 - level)
    const flipped = Math.floor(own.key / unit) % 2 === 0 ? own.key + unit : own.key - unit
    const start = flipped - (flipped % unit)
    const key = start + Math.floor((unit * this.#chance.below(2 ** 24)) / 2 ** 24)
    this.#searches.set(purpose, new Search(key, this.#contacts(key, nowMs)))
  }

  /** Those that are asked first: contacts and speakers, and bootstrap nodes where too few are known. */
  #contacts(key: CellKey, nowMs: number): Contact[] {
    const near = this.#station.nearest(key, askedFirst, nowMs)
    return near.length > farContactsMax ? near : [...near, ...this.#station.bootstraps]
  }

  #where(by: Search | Census, to: Contact, key: CellKey, nowMs: number): void {
    const question = this.#number(by, to, nowMs)
    this.#station.effects.push({ type: 'ask', to, message: { type: 'where', question, key } })
  }

  #number(by: Search | Census, { peer }: Contact, nowMs: number): number {
    this.#asked += 1
    this.#questions.set(this.#asked, { by, to: peer, atMs: nowMs })
    return this.#asked
  }

  #take(question: number, from: PeerId): Search | Census | undefined {
    const asked = this.#questions.get(question)
    if (asked?.to !== from) return undefined
    this.#questions.delete(question)
    return asked.by
  }
}

/** Tells of a member whether it offers this engine (null: any). */
export function offering(tags: Pick<Speaking, 'tagOf'>, engine: number | null): (member: Member) => boolean {
  if (engine === null) return () => true
  return ({ engines }) => engines.some(({ runtime, id }) => tags.tagOf(runtime, id) === engine)
}

/** How many nodes of the mesh offer this engine, about: as digests say, and no further than twice from what its own cell shows. */
export function expectedNodes(
  station: Station,
  engine: number | null,
  offers: (member: Member) => boolean,
  nowMs: number,
): number {
  const seen = station.here().filter(offers).length * 2 ** station.depth
  const said =
    engine === null
      ? station.digests.counts(wholeMesh, true, nowMs)?.members
      : station.digests.engines(wholeMesh, true, nowMs).find(({ tag }) => tag === engine)?.members
  return Math.round(Math.min(2 * seen, Math.max(seen / 2, said ?? seen)))
}
