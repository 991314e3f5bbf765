/**
 * The claims on shards, as far as their results were looked at: proofs (proofs.ts) rest on nothing else. Whoever asks for a result that
 * nobody has looked at yet thereby asks for it.
 */
import type { Cid, OwnerId, PeerId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Decision } from '../job/standing.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import { countsTruly } from '../verification/counted-units.ts'
import type { Claim, Recomputation } from '../verification/tally.ts'
import type { ProofGround, RecordedClaim } from './proof-ground.ts'
import type { Seen, SoughtResults } from './sought-results.ts'

/** A claim that does not exist for this node, since its lease was shut out. */
export interface ShutOutClaim {
  readonly owner: OwnerId
  /** Undefined where it does not cover the shard. */
  readonly result: Cid | undefined
}

export class SeenClaims {
  /** Use: set once the list of shards is here. */
  shards: readonly ShardEntry[] | null = null
  readonly #ground: ProofGround
  readonly #sought: SoughtResults

  constructor(ground: ProofGround, sought: SoughtResults) {
    this.#ground = ground
    this.#sought = sought
  }

  /**
   * All claims on a shard that are known here, and have a voice. Undefined while a result was not looked at that `named` claims
   * name; one that nobody delivers has no voice beside them.
   */
  claimsOn(position: number, { record }: Decision, named: readonly RecordedClaim[]): Claim[] | undefined {
    const mustKnow = new Set(named.map(({ result }) => result))
    const entry = this.shards![position]!
    const claims: Claim[] = []
    let isOpen = false
    for (const claim of this.#ground.claimsOn(position)) {
      if (!this.#ground.hasVoice(claim.owner)) continue
      const { units: claimed, ...known } = claim
      const seen = this.look(position, claim.result, record.signer)
      if (typeof seen === 'object') {
        // Its owner has no voice in the job any more.
        if (seen.state === 'invalid' || !countsTruly(entry, claimed, seen.units)) continue
        const { text, exhausted, content } = seen
        claims.push({ ...known, text, exhausted, ...(content === undefined ? {} : { content }) })
      } else if (seen === 'asked' || mustKnow.has(claim.result)) isOpen = true
    }
    return isOpen ? undefined : claims
  }

  /** Those that a verdict speaks against. */
  shutOutBy({ contradicting, position }: ShardVerdict): ShutOutClaim[] {
    return contradicting.flatMap((id) => {
      const owner = this.#ground.shutOutOwner(id)
      return owner === undefined ? [] : { owner, result: this.#ground.resultOf(id, position) }
    })
  }

  look(position: number, result: Cid, signer: PeerId): Seen {
    return this.#sought.look({ position, pages: this.shards![position]!.pages, result, signer })
  }

  /** Tells of a claim whose result was looked at whether it counts other units than that has. */
  isMiscounted(position: number, { result, units }: RecordedClaim, signer: PeerId): boolean {
    const entry = this.shards![position]!
    const seen = this.look(position, result, signer)
    return typeof seen === 'object' && seen.state === 'good' && !countsTruly(entry, units, seen.units)
  }

  /** A result as it is compared; undefined while it was not looked at, or where it is none. */
  lookAt(position: number, result: Cid, signer: PeerId): Recomputation | undefined {
    const seen = this.look(position, result, signer)
    if (typeof seen !== 'object' || seen.state === 'invalid' || seen.exhausted) return undefined
    return { result, text: seen.text, ...(seen.content === undefined ? {} : { content: seen.content }) }
  }
}
