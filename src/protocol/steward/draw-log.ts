/**
 * The draw log: each draw of this steward, numbered, over candidates that it has put on record. The record is issued anew
 * only when somebody comes who is not in it. Those that have gone stay in it, and may come back: they are not eligible
 * meanwhile. A record of every change would take more than anything else that a steward signs.
 */

import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { RecordId } from '../ids.ts'
import { bitsOf, type DrawBasis, drawVehicle } from '../job/draw.ts'
import type { Draw } from '../job/lease.ts'
import { rosterEntriesMax } from '../limits.ts'
import type { Candidate } from './candidate.ts'

export class DrawLog {
  readonly #sha256: Sha256
  readonly #secret: Uint8Array
  #basis: { readonly id: RecordId; readonly basis: DrawBasis } | undefined
  #draws = 0

  constructor(sha256: Sha256, secret: Uint8Array) {
    this.#sha256 = sha256
    this.#secret = secret
  }

  restoreBasis(id: RecordId, basis: DrawBasis): void {
    this.#basis = { id, basis }
  }

  restoreDraw(draw: Draw): void {
    this.#draws = Math.max(this.#draws, draw.index + 1)
  }

  /**
   * Draws one of the eligible candidates, by their positions, for a lease that begins with the shard at `position`;
   * `issue` signs a basis when a new one is needed.
   */
  draw(
    position: number,
    candidates: readonly Candidate[],
    eligible: readonly number[],
    issue: (basis: DrawBasis) => RecordId,
  ): { readonly candidate: Candidate; readonly draw: Draw } {
    const { id, basis } = this.#basisOf(candidates, issue)
    const places = new Map(basis.candidates.map((candidate, i) => [nameOf(candidate), i]))
    const byPlace = new Map(eligible.map((i) => [places.get(nameOf(candidates[i]!))!, candidates[i]!]))
    const bits = bitsOf(basis.candidates.length, [...byPlace.keys()])
    const index = this.#draws
    this.#draws += 1
    const drawn = drawVehicle(this.#sha256, this.#secret, position, basis, bits)
    return { candidate: byPlace.get(drawn)!, draw: { basis: id, eligible: bits, index } }
  }

  #basisOf(candidates: readonly Candidate[], issue: (basis: DrawBasis) => RecordId) {
    const known = this.#basis?.basis.candidates ?? []
    const names = new Set(known.map(nameOf))
    if (this.#basis !== undefined && candidates.every((candidate) => names.has(nameOf(candidate))))
      return this.#basis
    const present = new Set(candidates.map(({ peer }) => peer))
    const gone = known.filter(({ peer }) => !present.has(peer)).slice(0, rosterEntriesMax - candidates.length)
    const all = [...candidates, ...gone].map(({ peer, owner }) => ({ peer, owner }))
    const basis = { candidates: all.sort((a, b) => compareText(a.peer, b.peer)) }
    this.#basis = { id: issue(basis), basis }
    return this.#basis
  }
}

function nameOf({ peer, owner }: DrawBasis['candidates'][number]): string {
  return `${peer}/${owner}`
}
