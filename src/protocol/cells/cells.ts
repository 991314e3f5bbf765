/**
 * Cells: one node's part in its cell. It decides in which cell the node is, whom it listens to, when it speaks for others, whom it asks, and
 * what it answers. See README.md beside it for the idea, and contract.ts for what goes in and comes out.
 */
import { assert, impossible } from '../../base/assert.ts'
import { censusWanted } from '../cell-limits.ts'
import type { CellId, PeerId } from '../ids.ts'
import { advertIntervalMs } from '../limits.ts'
import { answerReport, answerWhere, answerWho } from './answering.ts'
import { Asking, expectedNodes, offering } from './asking.ts'
import { type Company, companyOf } from './company.ts'
import type { CellsEffect, CellsInput } from './contract.ts'
import { CellDepth } from './depth.ts'
import { holds, wholeMesh } from './key.ts'
import { contactOf, type Member } from './member.ts'
import { advertise, arrangeTopics, crowdOf, heedSpeakers, keep, moveTo } from './moving.ts'
import type { Found } from './search.ts'
import { Speaking } from './speaking.ts'
import { Spreading } from './spreading.ts'
import { type CellsOptions, Station } from './station.ts'

export type { CellsOptions } from './station.ts'

/** How often a node looks around where nothing asks for it sooner: as often as adverts come. */
const lookMs = advertIntervalMs

/** The inputs after which it looks at everything at once; after others it only puts questions that are due. */
const looksAfter: ReadonlySet<CellsInput['type']> = new Set(['own', 'metered', 'clock-set', 'wake'])

interface Parts {
  readonly station: Station
  readonly depth: CellDepth
  readonly speaking: Speaking
  readonly asking: Asking
  readonly spreading: Spreading
}

/** A cell as it is now, to be shown. */
export interface CellView {
  readonly cell: string
  readonly members: number
  readonly isSpeaker: boolean
  readonly speakers: readonly PeerId[]
  /** Nodes in the whole mesh, about; null: nobody has said. */
  readonly mesh: number | null
}

export class Cells {
  readonly #options: CellsOptions
  #parts: Parts | undefined
  #reportedAtMs = Number.NEGATIVE_INFINITY
  /** By speaker, the number after which it has news for this node. */
  readonly #newsSince = new Map<PeerId, number>()
  #wakeAtMs = Infinity
  /** When it next looks at everything. */
  #dueMs = Infinity

  constructor(options: CellsOptions) {
    this.#options = options
  }

  handle(input: CellsInput, nowMs: number): CellsEffect[] {
    if (input.type === 'begin') return this.#begin(input, nowMs)
    assert(this.#parts !== undefined, 'a node begins first')
    const parts = this.#parts
    parts.station.effects = []
    this.#take(parts, input, nowMs)
    if (looksAfter.has(input.type)) this.#look(parts, nowMs)
    else this.#goOn(parts, nowMs)
    return parts.station.effects
  }

  get cell(): CellId {
    assert(this.#parts !== undefined, 'a node begins first')
    return this.#parts.station.cell
  }

  view(nowMs: number): CellView {
    assert(this.#parts !== undefined, 'a node begins first')
    const { station } = this.#parts
    const speakers = station.speakers(nowMs)
    return {
      ...{ cell: station.cell, members: station.here().length, speakers },
      isSpeaker: station.speaks(nowMs),
      mesh: station.digests.counts(wholeMesh, true, nowMs)?.members ?? null,
    }
  }

  /** Those with whom it should be connected, so that its regions' gossip reaches it; see company.ts. */
  company(nowMs: number): readonly Company[] {
    return this.#parts === undefined ? [] : companyOf(this.#parts.station, nowMs)
  }

  #begin({ own, kept, bootstraps }: Extract<CellsInput, { type: 'begin' }>, nowMs: number): CellsEffect[] {
    const isSame = kept?.key === own.key
    const station = new Station(this.#options, own, isSame ? kept.depth : 0, bootstraps, nowMs)
    for (const contact of kept?.contacts ?? []) station.contacts.learn(contact, true)
    this.#parts = {
      ...{ station, depth: new CellDepth(station.limits), speaking: new Speaking(station) },
      ...{ asking: new Asking(station, nowMs), spreading: new Spreading(station) },
    }
    // Who knows its cell is in it at once. Who does not, asks before it is heard in a cell that is not its own.
    const knowsNobody = station.contacts.list().length === 0 && bootstraps.length === 0
    if (isSame || knowsNobody) this.#settle(this.#parts, nowMs)
    this.#parts.asking.join(nowMs)
    this.#look(this.#parts, nowMs)
    return station.effects
  }

  /** Is in its cell from now on. */
  #settle({ station }: Parts, nowMs: number): void {
    arrangeTopics(station, nowMs)
    advertise(station, advertIntervalMs)
  }

  #take(parts: Parts, input: Exclude<CellsInput, { type: 'begin' }>, nowMs: number): void {
    const { station, asking, spreading, speaking } = parts
    switch (input.type) {
      case 'own':
        this.#own(parts, input.own, nowMs)
        return
      case 'adverts':
        this.#adverts(parts, input, nowMs)
        return
      case 'digest':
        if (!station.digests.hear(input.digest, nowMs)) return
        if (input.digest.cell === station.cell) station.heardMs = nowMs
        spreading.heard(input.digest, nowMs)
        speaking.passOn(input.digest, input.topic, nowMs)
        return
      case 'message':
        this.#message(parts, input, nowMs)
        return
      case 'these':
        asking.these(input.question, input.from, input.cell, input.members, input.hasMore, nowMs)
        return
      case 'reported':
        answerReport(station, input.from, input.since, nowMs)
        return
      case 'news-heard':
        this.#newsSince.set(input.from, input.next)
        if (input.hasMore) this.#report(station, nowMs, input.from)
        return
      case 'unreached':
        station.contacts.lost(input.peer)
        return
      case 'charter':
        station.charter = input.mark
        station.revoked = input.revoked
        spreading.revoked()
        return
      case 'proof':
        spreading.proven(input.owner, input.proof, input.isTrue)
        return
      case 'take-census': {
        const { name, drawSecret, index, engine } = input
        const offers = offering(speaking, engine)
        const expected = expectedNodes(station, engine, offers, nowMs)
        asking.takeCensus({ name, drawSecret, index, engine, expected, offers, wanted: censusWanted }, nowMs)
        return
      }
      case 'bootstraps':
        station.bootstraps = input.bootstraps
        if (station.topics.size === 0 || station.isAlone) asking.join(nowMs)
        return
      case 'metered':
        station.isMetered = input.isMetered
        return
      case 'clock-set':
        station.clockSet(input.byMs)
        parts.depth.clockSet(input.byMs)
        station.digests.clockSet(input.byMs)
        speaking.clockSet(input.byMs)
        spreading.clockSet(input.byMs)
        this.#wakeAtMs = Infinity
        return
      case 'wake':
        if (nowMs >= this.#wakeAtMs) this.#wakeAtMs = Infinity
        return
      default:
        impossible(input)
    }
  }

  #own(parts: Parts, own: Member, nowMs: number): void {
    const { station, asking } = parts
    const before = station.cell
    const isMoved = own.key !== station.own.key
    station.own = own
    station.changed()
    if (!isMoved) return
    // A new credential is a new place: most cells have nearly the same depth.
    moveTo(station, station.depth, 'new-key', nowMs, before)
    asking.join(nowMs)
  }

  #adverts({ station }: Parts, input: Extract<CellsInput, { type: 'adverts' }>, nowMs: number): void {
    for (const member of input.changed) {
      if (member.peer === station.own.peer) continue
      station.put(member)
      station.news.changed(member.peer)
      const isBootstrap = station.bootstraps.some(({ peer }) => peer === member.peer)
      if (holds(station.cell, member.key) && !isBootstrap) station.contacts.learn(contactOf(member), true)
    }
    for (const peer of input.renewed) station.news.changed(peer)
    for (const peer of input.gone) {
      station.remove(peer)
      station.news.gone(peer)
    }
    // From when it is alone counts.
    if (!station.isAlone || input.gone.length > 0) station.heardMs = nowMs
  }

  #message(parts: Parts, { from, message }: Extract<CellsInput, { type: 'message' }>, nowMs: number): void {
    const { station, asking, spreading, speaking } = parts
    switch (message.type) {
      case 'where':
        answerWhere(station, from, message.question, message.key, nowMs)
        return
      case 'there':
        if (message.question === 0) heedSpeakers(station, message, nowMs)
        asking.there(message.question, from, message.cell, message.contacts)
        return
      case 'who': {
        const { question, arc, after, engine } = message
        answerWho(station, from.peer, question, arc, after, offering(speaking, engine))
        return
      }
      case 'proof-branches':
      case 'proof-leaves':
      case 'proofs':
        spreading.message(from, message, nowMs)
        return
      default:
        impossible(message)
    }
  }

  /** All that may be due by now. */
  #look(parts: Parts, nowMs: number): void {
    const { station, asking, speaking, depth } = parts
    station.digests.expire(nowMs)
    // Whoever does not listen goes by the word of those to whom it reports.
    const crowd = station.isMetered ? undefined : crowdOf(station, nowMs)
    const resize = crowd === undefined ? 'stay' : depth.look(station.depth, crowd, nowMs)
    if (resize !== 'stay') moveTo(station, station.depth + (resize === 'split' ? 1 : -1), resize, nowMs)
    if (station.isAlone && !station.isMetered && nowMs - station.heardMs >= station.limits.lonelyMs) {
      station.heardMs = nowMs
      asking.join(nowMs)
    }
    arrangeTopics(station, nowMs)
    speaking.look(nowMs)
    if (station.isMetered && nowMs - this.#reportedAtMs >= advertIntervalMs) this.#report(station, nowMs)
    // Without a crowd nobody asked the depth, and what it was due for may be long past.
    const resizeMs = crowd === undefined ? Infinity : depth.dueMs
    this.#dueMs = Math.min(nowMs + lookMs, speaking.dueMs(nowMs), resizeMs)
    this.#goOn(parts, nowMs)
  }

  /** Puts the questions that are due, and asks to be woken when the next is. */
  #goOn(parts: Parts, nowMs: number): void {
    const { station, asking } = parts
    const found = asking.look(nowMs)
    if (found !== undefined) this.#joined(parts, found, nowMs)
    const dueMs = Math.max(nowMs + 1, Math.min(this.#dueMs, asking.dueMs))
    if (dueMs >= this.#wakeAtMs && this.#wakeAtMs > nowMs) return
    this.#wakeAtMs = dueMs
    station.effects.push({ type: 'wake', atMs: dueMs })
  }

  /** The search for its own cell is over. */
  #joined(parts: Parts, { cell, depth }: Found, nowMs: number): void {
    const { station } = parts
    const isSettled = station.topics.size > 0 || station.isMetered
    if (cell !== null || !isSettled) {
      if (depth !== station.depth) moveTo(station, depth, 'found', nowMs)
      else if (!isSettled) this.#settle(parts, nowMs)
      else advertise(station, advertIntervalMs)
      keep(station)
      return
    }
    // Nobody answers in its cell, and it hears nobody: it waits for others one level up.
    if (station.isAlone && station.depth > 0) moveTo(station, station.depth - 1, 'alone', nowMs)
  }

  /** Tells the speakers its advert in place of gossip. */
  #report(station: Station, nowMs: number, only?: PeerId): void {
    const speakers = station.isMetered ? station.named : station.otherSpeakers(nowMs)
    const known = speakers.length > 0 ? speakers : station.contacts.in(station.cell).slice(0, 3)
    this.#reportedAtMs = nowMs
    for (const to of known) {
      if (only !== undefined && only !== to.peer) continue
      const since = this.#newsSince.get(to.peer) ?? null
      station.effects.push({ type: 'report-to', to: contactOf(to), since })
    }
  }
}
