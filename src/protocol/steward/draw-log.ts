/**
 * The draw log: each draw of this steward, numbered, over candidates that it has put on record. A record is issued only when somebody
 * comes who is not in the last list, and says how the list has changed. Those that have gone stay in it, and may come back: they are
 * not eligible meanwhile. They leave when it has no more room.
 *
 * A record names so many candidates, and one turn issues one record. So a steward that meets thousands lists all of them first, in
 * as many turns as it takes, and draws then. A turn that issues a long record has time for no more.
 */

import { assert } from '../../base/assert.ts'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import type { DrawAbroad } from '../job/abroad.ts'
import {
  arrivalOf,
  bitsOf,
  candidatesRoot,
  changedBy,
  type DrawBasis,
  type DrawCandidate,
  type DrawRecord,
  drawVehicle,
} from '../job/draw.ts'
import type { Draw } from '../job/lease.ts'
import { drawCandidatesMax, drawOwnerVehiclesMax } from '../limits.ts'
import { drawListedMax } from '../sizes.ts'
import type { Candidate } from './candidate.ts'
import type { Rooms } from './rooms.ts'

/** After a longer record than this a turn ends: encoding and keeping one of 512 candidates takes 5 ms. */
const turnListedMax = 128

interface Basis {
  readonly id: RecordId
  readonly basis: DrawBasis
  /** Use: the place of each vehicle in the basis. */
  readonly places: ReadonlyMap<PeerId, number>
}

/** The vehicles that may be drawn, as far as the log asks. */
type ListedRooms = Pick<Rooms, 'all' | 'get' | 'arrivals'>

export class DrawLog {
  readonly #sha256: Sha256
  readonly #secret: Uint8Array
  #basis: Basis | undefined
  /** Use: how often vehicles had come or gone when all of them were listed. */
  #arrivals = -1
  #draws = 0
  readonly #abroad = new Map<RecordId, Basis>()

  constructor(sha256: Sha256, secret: Uint8Array) {
    this.#sha256 = sha256
    this.#secret = secret
  }

  restoreBasis(id: RecordId, basis: DrawBasis): void {
    this.#basis = basisWith(id, basis)
    this.#arrivals = -1
  }

  restoreDraw(draw: Draw): void {
    this.#draws = Math.max(this.#draws, draw.index + 1)
  }

  /**
   * Lists all vehicles of `rooms`; `issue` signs a record where one is needed. False: that was enough for one turn. Draw in the
   * next one in which this says true.
   */
  list(rooms: ListedRooms, issue: (basis: DrawRecord) => RecordId): boolean {
    const before = this.#basis
    if (before !== undefined && this.#arrivals === rooms.arrivals) return true
    // Those from abroad are on lists of their own.
    const present = [...rooms.all()].filter(({ abroad }) => abroad === undefined)
    const news = present
      .filter((candidate) => before === undefined || !lists(before, candidate))
      .map(({ peer, owner }) => ({ peer, owner }))
      .sort((a, b) => compareText(a.peer, b.peer))
    if (news.length === 0 && (before === undefined || before.basis.candidates.length <= mostOf(present))) {
      this.#arrivals = rooms.arrivals
      return true
    }
    const isLast =
      before === undefined ? this.#begin(news, issue) : this.#change(before, present, news, issue)
    if (isLast) this.#arrivals = rooms.arrivals
    return isLast && news.length <= turnListedMax
  }

  /** A list from abroad was put on record. */
  addAbroad(id: RecordId, list: DrawAbroad): void {
    this.#abroad.set(id, basisWith(id, list))
  }

  /**
   * Draws one of the eligible vehicles, all of which are listed, for a lease that begins with the shard at `position`. Where they are of
   * several lists, each list has its winner, and the first of these to arrive wins.
   */
  draw(
    position: number,
    rooms: Pick<Rooms, 'get'>,
    eligible: readonly Candidate[],
  ): { readonly candidate: Candidate; readonly draw: Draw } {
    const byList = new Map<Basis, Candidate[]>()
    for (const candidate of eligible) {
      const list = candidate.abroad === undefined ? this.#basis : this.#abroad.get(candidate.abroad.list)
      assert(list !== undefined, 'who is drawn was listed before')
      byList.set(list, [...(byList.get(list) ?? []), candidate])
    }
    const winners = [...byList].map(([{ id, basis, places }, candidates]) => {
      const bits = bitsOf(
        basis.candidates.length,
        candidates.map(({ peer }) => places.get(peer)!),
      )
      const { peer, owner } =
        basis.candidates[drawVehicle(this.#sha256, this.#secret, position, basis, bits)]!
      return { id, basis, bits, peer, owner }
    })
    const first = winners.length === 1 ? winners[0]! : this.#firstOf(position, winners)
    const index = this.#draws
    this.#draws += 1
    return { candidate: rooms.get(first.peer)!, draw: { basis: first.id, eligible: first.bits, index } }
  }

  #firstOf<Winner extends { readonly basis: DrawBasis; readonly owner: OwnerId }>(
    position: number,
    winners: readonly Winner[],
  ): Winner {
    const arrivals = winners.map(({ basis, owner }) =>
      arrivalOf(this.#sha256, this.#secret, position, basis, owner),
    )
    return winners[arrivals.indexOf(Math.min(...arrivals))]!
  }

  /** A whole list, as far as one record has room. */
  #begin(news: readonly DrawCandidate[], issue: (basis: DrawRecord) => RecordId): boolean {
    const basis = { candidates: news.slice(0, drawListedMax) }
    this.#basis = basisWith(issue(basis), basis)
    return news.length <= drawListedMax
  }

  #change(
    before: Basis,
    present: readonly Candidate[],
    news: readonly DrawCandidate[],
    issue: (basis: DrawRecord) => RecordId,
  ): boolean {
    // Each newcomer may take the place of one that has gone, or of itself under another owner.
    const added = news.slice(0, drawListedMax / 2)
    const moved = added.filter(({ peer }) => before.places.has(peer)).map(({ peer }) => peer)
    const here = new Set(present.map(({ peer }) => peer))
    const over = before.basis.candidates.length - moved.length + added.length - mostOf(present)
    const gone = before.basis.candidates.filter(({ peer }) => !here.has(peer)).map(({ peer }) => peer)
    const left = gone.slice(0, Math.max(0, Math.min(over, drawListedMax - added.length - moved.length)))
    const removed = [...moved, ...left]
    const basis = changedBy(before.basis, [{ removed, added }])
    assert(basis !== undefined, 'a steward changes its own list as it is')
    const { length: count } = basis.candidates
    const id = issue({ before: before.id, removed, added, count, root: candidatesRoot(this.#sha256, basis) })
    this.#basis = basisWith(id, basis)
    return added.length === news.length && left.length >= over
  }
}

/** A list that is full has those alone that were selected: others tell by it which owners were (../council/shut-out.ts). */
function mostOf(present: readonly Candidate[]): number {
  return Math.max(present.length, drawCandidatesMax - drawOwnerVehiclesMax)
}

function basisWith(id: RecordId, basis: DrawBasis): Basis {
  return { id, basis, places: new Map(basis.candidates.map(({ peer }, place) => [peer, place])) }
}

function lists({ basis, places }: Basis, { peer, owner }: Candidate): boolean {
  const place = places.get(peer)
  return place !== undefined && basis.candidates[place]!.owner === owner
}
