/**
 * The draw log: each draw of this steward, numbered, over candidates that it has put on record. The record is issued anew
 * only when somebody comes who is not in it. Those that have gone stay in it, and may come back: they are not eligible
 * meanwhile. A record of every change would take more than anything else that a steward signs.
 */

import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { PeerId, RecordId } from '../ids.ts'
import { bitsOf, type DrawBasis, drawVehicle } from '../job/draw.ts'
import type { Draw } from '../job/lease.ts'
import { drawCandidatesMax, drawOwnerVehiclesMax } from '../limits.ts'
import type { Candidate } from './candidate.ts'
import type { Rooms } from './rooms.ts'

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
  /** Use: how often vehicles had come or gone when the basis was last compared with them. */
  #arrivals = -1
  #draws = 0

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
   * Draws one of the eligible vehicles, all among `rooms`, for a lease that begins with the shard at `position`; `issue` signs a
   * basis when a new one is needed.
   */
  draw(
    position: number,
    rooms: ListedRooms,
    eligible: readonly Candidate[],
    issue: (basis: DrawBasis) => RecordId,
  ): { readonly candidate: Candidate; readonly draw: Draw } {
    const { id, basis, places } = this.#basisOf(rooms, issue)
    const bits = bitsOf(
      basis.candidates.length,
      eligible.map(({ peer }) => places.get(peer)!),
    )
    const index = this.#draws
    this.#draws += 1
    const { peer } = basis.candidates[drawVehicle(this.#sha256, this.#secret, position, basis, bits)]!
    return { candidate: rooms.get(peer)!, draw: { basis: id, eligible: bits, index } }
  }

  #basisOf(rooms: ListedRooms, issue: (basis: DrawBasis) => RecordId): Basis {
    const before = this.#basis
    if (before !== undefined && this.#arrivals === rooms.arrivals) return before
    this.#arrivals = rooms.arrivals
    const candidates = [...rooms.all()]
    if (before !== undefined && candidates.every((candidate) => lists(before, candidate))) return before
    // A list that is full has those alone that were selected: others tell by it which owners were (../council/shut-out.ts).
    const present = new Set(candidates.map(({ peer }) => peer))
    const gone = (before?.basis.candidates ?? [])
      .filter(({ peer }) => !present.has(peer))
      .slice(0, Math.max(0, drawCandidatesMax - drawOwnerVehiclesMax - candidates.length))
    const all = [...candidates, ...gone].map(({ peer, owner }) => ({ peer, owner }))
    const basis = { candidates: all.sort((a, b) => compareText(a.peer, b.peer)) }
    this.#basis = basisWith(issue(basis), basis)
    return this.#basis
  }
}

function basisWith(id: RecordId, basis: DrawBasis): Basis {
  return { id, basis, places: new Map(basis.candidates.map(({ peer }, place) => [peer, place])) }
}

function lists({ basis, places }: Basis, { peer, owner }: Candidate): boolean {
  const place = places.get(peer)
  return place !== undefined && basis.candidates[place]!.owner === owner
}
