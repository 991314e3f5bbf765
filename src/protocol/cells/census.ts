/**
 * A census: the members of an arc of the circle of keys, which a steward draws from its job's secret, so that it can choose none of them
 * and none of them can see to it that it is there.
 *
 * The arc touches a few cells. In each, three members of distinct owners are asked who of their cell is in it, and answer with signed
 * adverts. All that anybody named count: nobody can add a node, since a credential fixes its key, and to leave one out all three must. Keys are
 * spread evenly, so that what is left out leaves a gap, or too few; then three others are asked, and a cell that still has a gap is
 * left out as a whole. Whoever holds a cell therefore takes that cell from the draw, and gains no voice by it.
 *
 * How many there should be is a number of the whole mesh, from digests, and no cell's own word; and never further than a factor of
 * two from what this node sees in its own cell.
 */
import { concat, fromString } from 'uint8arrays'
import {
  censusRounds,
  censusShareMin,
  censusTtlMs,
  censusVoices,
  gapDistancesMax,
  questionTtlMs,
} from '../cell-limits.ts'
import type { CellId, OwnerId, PeerId } from '../ids.ts'
import type { Sha256 } from '../record/block.ts'
import { type Arc, arcOf, type CellKey, circle, distance, holds, isInArc, keyFrom } from './key.ts'
import type { Contact, Member } from './member.ts'
import { type Found, Search } from './search.ts'

/** Draws the arc of a census: it begins where the job's secret says. */
export function arcOfCensus(sha256: Sha256, drawSecret: Uint8Array, index: number, length: number): Arc {
  return { from: keyFrom(sha256(concat([drawSecret, fromString(`cell draw/${index}`)]))), length }
}

/** The length of an arc with about so many of all: a power of two, so that whoever draws it has no choice of its end. */
export function arcLength(wanted: number, all: number): number {
  if (all <= wanted) return circle
  return circle / 2 ** Math.max(0, Math.floor(Math.log2(all / wanted)))
}

export interface CensusResult {
  readonly index: number
  readonly arc: Arc
  /** Nodes that are expected on the whole circle, with the engine that was asked for. */
  readonly expected: number
  /** In the order of keys along the arc, none twice. */
  readonly members: readonly Member[]
  /** The cells that it touched. Those that had too few, or a gap, after all that were asked: none of their members is listed. */
  readonly cells: readonly CellId[]
  readonly doubted: readonly CellId[]
}

/** One cell that the arc touches. */
interface Part {
  readonly cell: CellId
  /** Those that may be asked; of each owner one answers. */
  readonly contacts: Contact[]
  readonly asked: Map<
    PeerId,
    { readonly contact: Contact; askedMs: number; after: CellKey | null; isDone: boolean }
  >
  readonly members: Map<PeerId, Member>
  round: number
  isDoubted: boolean
  isDone: boolean
}

export type CensusQuestion =
  | { readonly type: 'where'; readonly to: Contact; readonly key: CellKey }
  | { readonly type: 'who'; readonly to: Contact; readonly after: CellKey | null }

export interface CensusOptions {
  readonly index: number
  readonly arc: Arc
  readonly engine: number | null
  readonly expected: number
  readonly contacts: (key: CellKey) => readonly Contact[]
  /** Tells whether a member offers the engine that is asked for. */
  readonly offers: (member: Member) => boolean
}

export class Census {
  readonly #options: CensusOptions
  readonly #beganMs: number
  readonly #parts: Part[] = []
  #search: Search | undefined
  /** How much of the arc is covered by parts. */
  #covered = 0

  constructor(options: CensusOptions, nowMs: number) {
    this.#options = options
    this.#beganMs = nowMs
    this.#seek()
  }

  get arc(): Arc {
    return this.#options.arc
  }

  get engine(): number | null {
    return this.#options.engine
  }

  /** The questions to put now. */
  next(nowMs: number): CensusQuestion[] {
    const questions: CensusQuestion[] = []
    const search = this.#search
    if (search !== undefined) {
      for (const to of search.next(nowMs)) questions.push({ type: 'where', to, key: search.key })
      const found = search.found()
      if (found !== undefined) this.#enter(found)
      if (this.#search !== search) questions.push(...this.next(nowMs))
    }
    for (const part of this.#parts) if (!part.isDone) questions.push(...this.#ask(part, nowMs))
    return questions
  }

  /** An answer to `where`. */
  there(from: PeerId, cell: CellId, contacts: readonly Contact[]): void {
    this.#search?.answered(from, cell, contacts)
  }

  /** An answer to `who`: members that are not in the arc and the cell, or do not offer the engine, are passed over. */
  these(from: PeerId, cell: CellId, members: readonly Member[], hasMore: boolean, nowMs: number): void {
    const part = this.#parts.find(({ asked }) => asked.has(from))
    const question = part?.asked.get(from)
    if (part === undefined || question === undefined || question.isDone) return
    const { arc, offers } = this.#options
    let last = question.after
    for (const member of members) {
      if (!isInArc(arc, member.key) || !holds(part.cell, member.key)) continue
      if (last === null || distance(arc.from, member.key) > distance(arc.from, last)) last = member.key
      if (!offers(member)) continue
      const known = part.members.get(member.peer)
      if (known === undefined || known.serial < member.serial) part.members.set(member.peer, member)
    }
    // It goes on as long as its answers do; a cell that has split since is asked by its halves.
    const goesOn = hasMore && last !== null && last !== question.after && cell.startsWith(part.cell)
    Object.assign(question, {
      after: last,
      isDone: !goesOn,
      askedMs: goesOn ? Number.NEGATIVE_INFINITY : nowMs,
    })
  }

  /** Undefined while it goes on. */
  result(nowMs: number): CensusResult | undefined {
    const isLate = nowMs - this.#beganMs >= censusTtlMs
    if (!isLate && (this.#search !== undefined || this.#parts.some(({ isDone }) => !isDone))) return undefined
    const { index, arc, expected } = this.#options
    const good = this.#parts.filter(({ isDone, isDoubted }) => isDone && !isDoubted)
    const members = good.flatMap((part) => [...part.members.values()])
    members.sort(
      (a, b) => distance(arc.from, a.key) - distance(arc.from, b.key) || (a.peer < b.peer ? -1 : 1),
    )
    return {
      ...{ index, arc, expected, members },
      cells: this.#parts.map(({ cell }) => cell),
      doubted: this.#parts.flatMap((part) => (good.includes(part) ? [] : [part.cell])),
    }
  }

  get dueMs(): number {
    const asked = this.#parts.flatMap((part) =>
      part.isDone ? [] : [...part.asked.values()].flatMap(({ isDone, askedMs }) => (isDone ? [] : [askedMs])),
    )
    return Math.min(
      this.#search?.dueMs ?? Infinity,
      Math.min(Infinity, ...asked) + questionTtlMs,
      this.#beganMs + censusTtlMs,
    )
  }

  /** Looks for the cell in which the arc goes on. */
  #seek(): void {
    const { arc, contacts } = this.#options
    this.#search = undefined
    if (this.#covered >= arc.length) return
    const key = (arc.from + this.#covered) % circle
    this.#search = new Search(key, contacts(key))
  }

  #enter({ cell, contacts, depth }: Found): void {
    const { arc } = this.#options
    const key = (arc.from + this.#covered) % circle
    // An empty cell has nobody to ask; it is passed over at the depth of those around.
    const length = circle / 2 ** (cell?.length ?? depth)
    const here = arcOf(cell ?? ('' as CellId))
    this.#covered += cell === null ? length - (key % length) : here.length - distance(here.from, key)
    if (cell !== null)
      this.#parts.push({
        ...{ cell, contacts: [...contacts], asked: new Map(), members: new Map() },
        ...{ round: 1, isDoubted: false, isDone: false },
      })
    this.#seek()
  }

  #ask(part: Part, nowMs: number): CensusQuestion[] {
    const questions: CensusQuestion[] = []
    for (const question of part.asked.values()) {
      if (question.isDone || nowMs - question.askedMs < questionTtlMs) continue
      // It has paused between two pages, or it is silent.
      if (question.askedMs !== Number.NEGATIVE_INFINITY) question.isDone = true
      else {
        question.askedMs = nowMs
        questions.push({ type: 'who', to: question.contact, after: question.after })
      }
    }
    const heard = [...part.asked.values()].filter(({ isDone }) => isDone)
    const underWay = part.asked.size - heard.length
    const wanted = censusVoices * part.round
    const fresh = this.#unasked(part)
    for (const contact of fresh.slice(0, Math.max(0, wanted - part.asked.size))) {
      part.asked.set(contact.peer, { contact, askedMs: nowMs, after: null, isDone: false })
      questions.push({ type: 'who', to: contact, after: null })
    }
    if (questions.length > 0 || underWay > 0) return questions
    if (!this.#isWhole(part)) {
      if (part.round < censusRounds && fresh.length > 0) {
        part.round += 1
        return this.#ask(part, nowMs)
      }
      part.isDoubted = true
    }
    part.isDone = true
    return []
  }

  /** One of each owner that has not been asked. */
  #unasked({ contacts, asked }: Part): Contact[] {
    const owners = new Set<OwnerId>([...asked.values()].map(({ contact }) => contact.owner))
    return contacts.filter(({ owner }) => !owners.has(owner) && owners.add(owner))
  }

  /** Tells whether as many are there as there should be, without a gap. */
  #isWhole({ cell, members }: Part): boolean {
    const { arc, expected } = this.#options
    const here = overlap(arc, arcOf(cell))
    const mean = circle / Math.max(1, expected)
    const keys = [...members.values()].map(({ key }) => distance(here.from, key)).sort((a, b) => a - b)
    let before = 0
    for (const key of [...keys, here.length]) {
      if (key - before > gapDistancesMax * mean) return false
      before = key
    }
    // Of three that are expected none may be there, and nobody is to blame.
    const few = here.length / mean / censusShareMin
    return keys.length >= few || few * censusShareMin < gapDistancesMax
  }
}

/** The part of an arc that lies in a cell. An arc that comes round to a cell twice has all of it. */
export function overlap(arc: Arc, cell: Arc): Arc {
  if (isInArc(cell, arc.from)) {
    const ahead = cell.length - distance(cell.from, arc.from)
    return { from: arc.from, length: Math.min(ahead, arc.length) }
  }
  const length = Math.min(cell.length, arc.length - distance(arc.from, cell.from))
  return { from: cell.from, length }
}
