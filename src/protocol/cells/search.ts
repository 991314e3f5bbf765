/**
 * A search for the cell that holds a key: it asks those who are nearest, and then those who they name, until members of that cell have
 * answered. Three of distinct owners must, if there are so many, so that one alone does not decide whom the searcher meets.
 */
import { questionTtlMs, searchQuestionsMax, searchWidth } from '../cell-limits.ts'
import type { CellId, PeerId } from '../ids.ts'
import { nearest } from './contacts.ts'
import { type CellKey, holds, sharedBits } from './key.ts'
import type { Contact } from './member.ts'

interface Asked {
  readonly contact: Contact
  state: 'known' | 'asked' | 'answered' | 'silent'
  askedMs: number
}

export interface Found {
  /** The cell that most of its members that answered are in; null: nobody in it answered, and it may be empty. */
  readonly cell: CellId | null
  /** Those of the cell that answered first, then others of it that were named; where it is null, the nearest that answered. */
  readonly contacts: readonly Contact[]
  /** The depth of the cell of whoever was nearest: a node that is alone begins there. */
  readonly depth: number
}

export class Search {
  readonly key: CellKey
  readonly #asked = new Map<PeerId, Asked>()
  readonly #cells = new Map<PeerId, CellId>()
  #questions = 0

  constructor(key: CellKey, contacts: readonly Contact[]) {
    this.key = key
    for (const contact of contacts) this.#learn(contact)
  }

  /** Peers to ask now; `found` says when it is over. */
  next(nowMs: number): Contact[] {
    for (const asked of this.#asked.values())
      if (asked.state === 'asked' && nowMs - asked.askedMs >= questionTtlMs) asked.state = 'silent'
    const underWay = [...this.#asked.values()].filter(({ state }) => state === 'asked').length
    const room = Math.min(searchWidth - underWay, searchQuestionsMax - this.#questions)
    if (room <= 0 || this.#isOver()) return []
    const asked = this.#worthAsking().slice(0, room)
    for (const { peer } of asked) Object.assign(this.#asked.get(peer)!, { state: 'asked', askedMs: nowMs })
    this.#questions += asked.length
    return asked
  }

  /** Those asked that have not answered in time, since `next` was last called. */
  get silent(): PeerId[] {
    return [...this.#asked.values()]
      .filter(({ state }) => state === 'silent')
      .map(({ contact }) => contact.peer)
  }

  answered(from: PeerId, cell: CellId, contacts: readonly Contact[]): void {
    const asked = this.#asked.get(from)
    if (asked?.state !== 'asked') return
    asked.state = 'answered'
    this.#cells.set(from, cell)
    for (const contact of contacts) this.#learn(contact)
  }

  /** Undefined while it goes on. */
  found(): Found | undefined {
    const isWaiting = [...this.#asked.values()].some(({ state }) => state === 'asked')
    if (
      !this.#isOver() &&
      (isWaiting || (this.#worthAsking().length > 0 && this.#questions < searchQuestionsMax))
    )
      return undefined
    const inside = this.#inside()
    const answered = nearest(
      this.key,
      [...this.#asked.values()].filter(({ state }) => state === 'answered').map(({ contact }) => contact),
    )
    const depth = answered[0] === undefined ? 0 : this.#cells.get(answered[0].peer)!.length
    if (inside.length === 0) return { cell: null, contacts: answered, depth }
    const cell = mostOften(inside.map(({ peer }) => this.#cells.get(peer)!))
    const others = nearest(this.key, this.#contacts('known')).filter(({ key }) => holds(cell, key))
    return { cell, contacts: [...inside, ...others], depth: cell.length }
  }

  /** When the first question is over. */
  get dueMs(): number {
    const askedMs = [...this.#asked.values()].flatMap((asked) =>
      asked.state === 'asked' ? [asked.askedMs] : [],
    )
    return Math.min(Infinity, ...askedMs) + questionTtlMs
  }

  /** So many owners in the cell have answered. */
  #isOver(): boolean {
    return new Set(this.#inside().map(({ owner }) => owner)).size >= searchWidth
  }

  #inside(): Contact[] {
    return this.#contacts('answered').filter(({ peer }) => holds(this.#cells.get(peer)!, this.key))
  }

  /** The nearest that were not asked: once members of the cell have answered, others of it. */
  #worthAsking(): Contact[] {
    const known = nearest(this.key, this.#contacts('known'))
    const inside = this.#inside()
    const cell = inside[0] === undefined ? undefined : this.#cells.get(inside[0].peer)!
    if (cell === undefined) {
      // Whoever is further away than the nearest three that answered knows nobody nearer.
      const limit = nearest(this.key, this.#contacts('answered'))[searchWidth - 1]
      const least = limit === undefined ? 0 : sharedBits(this.key, limit.key)
      return known.filter(({ key }) => sharedBits(this.key, key) >= least)
    }
    const owners = new Set(inside.map(({ owner }) => owner))
    return known.filter(({ key, owner }) => holds(cell, key) && !owners.has(owner))
  }

  #contacts(state: Asked['state']): Contact[] {
    return [...this.#asked.values()].filter((asked) => asked.state === state).map(({ contact }) => contact)
  }

  #learn(contact: Contact): void {
    if (!this.#asked.has(contact.peer)) this.#asked.set(contact.peer, { contact, state: 'known', askedMs: 0 })
  }
}

function mostOften(cells: readonly CellId[]): CellId {
  const counts = new Map<CellId, number>()
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || b[0].length - a[0].length)[0]![0]
}
