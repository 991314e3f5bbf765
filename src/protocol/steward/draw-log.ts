/**
 * The draw log: each draw of this steward, numbered, over candidates that it has put on record. The record is
 * issued anew only when who can be drawn has changed.
 */
import type { Sha256 } from '../../base/prng.ts'
import type { RecordId } from '../ids.ts'
import { bitsOf, type DrawBasis, drawVehicle } from '../job/draw.ts'
import type { Draw } from '../job/lease.ts'
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
    const bits = bitsOf(candidates.length, eligible)
    const index = this.#draws
    this.#draws += 1
    const drawn = drawVehicle(this.#sha256, this.#secret, position, basis, bits)
    return { candidate: candidates[drawn]!, draw: { basis: id, eligible: bits, index } }
  }

  #basisOf(candidates: readonly Candidate[], issue: (basis: DrawBasis) => RecordId) {
    const known = this.#basis?.basis.candidates
    const same =
      known?.length === candidates.length &&
      candidates.every(({ peer, owner }, i) => known[i]!.peer === peer && known[i]!.owner === owner)
    if (same) return this.#basis!
    const basis = { candidates: candidates.map(({ peer, owner }) => ({ peer, owner })) }
    this.#basis = { id: issue(basis), basis }
    return this.#basis
  }
}
