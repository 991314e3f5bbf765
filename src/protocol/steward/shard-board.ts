/**
 * The board: for each shard, who holds a replica of it, what was claimed, and what it still lacks.
 *
 * A shard's claims only grow. What follows from them (how many replicas to ask for, whether it is disputed, its
 * verdict) is recomputed from the claims whenever they change, so that a steward restored from its records
 * stands where it stood.
 */

import type { LeaseId, OwnerId } from '../ids.ts'
import type { Manifest, ShardEntry } from '../job.ts'
import { lostReplicasMax } from '../limits.ts'
import { type Claim, type Recomputation, type Tally, tally } from '../tally.ts'
import type { ShardVerdict } from '../verdict.ts'
import type { Candidate } from './candidate.ts'

export interface ShardState {
  readonly position: number
  readonly entry: ShardEntry
  /** In the order in which they arrived; an owner may appear twice, and counts once. */
  readonly claims: Claim[]
  /** Owners with a lease under way, and the leases. */
  readonly holders: Map<OwnerId, LeaseId>
  /** The class of the first vehicle asked: others of it are asked first, so that bytes can be compared. */
  isa: string | null | undefined
  /** Replicas that came to nothing. */
  lost: number
  /** One more replica than the tally misses: a copy of a straggler. */
  speculative: boolean
  recomputation: 'none' | 'asked' | 'impossible' | Recomputation
  tally: Tally
  verdict: ShardVerdict | undefined
}

export class ShardBoard {
  readonly states: readonly ShardState[]
  readonly #manifest: Manifest
  readonly #contradicted = new Set<OwnerId>()
  /** Undecided shards, in order; a shard leaves when it gets its verdict. */
  readonly #open: Set<ShardState>

  constructor(manifest: Manifest, entries: readonly ShardEntry[]) {
    this.#manifest = manifest
    const nothing: Tally = { state: 'open', missing: manifest.assurance.replicas, disputed: false }
    this.states = entries.map((entry, position) => ({
      position,
      entry,
      claims: [],
      holders: new Map(),
      isa: undefined,
      lost: 0,
      speculative: false,
      recomputation: 'none',
      tally: nothing,
      verdict: undefined,
    }))
    this.#open = new Set(this.states)
  }

  get contradicted(): ReadonlySet<OwnerId> {
    return this.#contradicted
  }

  get open(): ReadonlySet<ShardState> {
    return this.#open
  }

  /** How many more replicas to lease now. */
  wanted(shard: ShardState): number {
    if (shard.tally.state !== 'open' || shard.recomputation === 'asked') return 0
    return Math.max(0, shard.tally.missing + (shard.speculative ? 1 : 0) - shard.holders.size)
  }

  eligible(shard: ShardState, candidate: Candidate): boolean {
    return (
      !this.#contradicted.has(candidate.owner) &&
      !shard.holders.has(candidate.owner) &&
      !shard.claims.some((claim) => claim.owner === candidate.owner)
    )
  }

  claim(shard: ShardState, claim: Claim): void {
    shard.claims.push(claim)
    this.#recount(shard)
  }

  recomputed(shard: ShardState, found: Recomputation | null): void {
    shard.recomputation = found ?? 'impossible'
    this.#recount(shard)
  }

  /** From now on this owner has no voice in any undecided shard, and gets no more work. */
  contradict(owner: OwnerId): void {
    if (this.#contradicted.has(owner)) return
    this.#contradicted.add(owner)
    for (const shard of this.#open)
      if (shard.claims.some((claim) => claim.owner === owner)) this.#recount(shard)
  }

  decide(shard: ShardState, verdict: ShardVerdict): void {
    shard.verdict = verdict
    this.#open.delete(shard)
  }

  /** Has too much gone wrong with this shard to try on? */
  exhausted(shard: ShardState): boolean {
    return shard.verdict === undefined && shard.lost >= lostReplicasMax
  }

  #recount(shard: ShardState): void {
    const { assurance, agreement } = this.#manifest
    const claims = shard.claims.filter((claim) => !this.#contradicted.has(claim.owner))
    const found = typeof shard.recomputation === 'object' ? shard.recomputation : undefined
    shard.tally = tally(claims, assurance, agreement, found)
  }
}
