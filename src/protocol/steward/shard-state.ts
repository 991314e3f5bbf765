/**
 * One shard, as its steward sees it while there is work on it.
 *
 * A job may have a million, of which some thousand are under way. So those that nobody has touched share what they have, and
 * so do those that are decided: nobody compares their claims any more, and the records have who claimed what.
 */
import type { LeaseId, OwnerId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import type { Claim, Recomputation, Tally } from '../verification/tally.ts'

/** An owner's lease under way. */
export interface Holder {
  readonly lease: LeaseId
  /** It takes so long that nobody counts on it any more: another may be asked. If it comes, it is a voice. */
  late: boolean
}

interface Work {
  /** Use: it is copied before it is changed. */
  readonly isShared: boolean
  claims: readonly Claim[]
  holders: ReadonlyMap<OwnerId, Holder>
  losers: readonly OwnerId[]
  recomputation: 'none' | 'queued' | 'asked' | 'impossible' | Recomputation
  tally: Tally
  needed: number
  wanted: number
}

const none: readonly never[] = []
export const nobody: ReadonlyMap<never, never> = new Map<never, never>()

/** The work on a shard that nobody has touched. `replicas`: voices that must agree, of which `needed` are asked for at first. */
export function untouched(replicas: number, needed: number): Work {
  const tally: Tally = { state: 'open', missing: replicas, disputed: false, leading: none }
  const work = { claims: none, holders: nobody, losers: none, recomputation: 'none', tally } as const
  return { isShared: true, ...work, needed, wanted: needed }
}

const decided = untouched(0, 0)

export class ShardState {
  readonly position: number
  readonly entry: ShardEntry
  #work: Work
  /** Use: the claims that it had when it was decided, and those that came since. */
  #counted = 0
  #verdict: ShardVerdict | undefined

  constructor(position: number, entry: ShardEntry, work: Work) {
    this.position = position
    this.entry = entry
    this.#work = work
    this.#verdict = undefined
  }

  get verdict(): ShardVerdict | undefined {
    return this.#verdict
  }

  /** In the order in which they arrived, which decides nothing; an owner may appear twice, and counts once. None of a decided shard. */
  get claims(): readonly Claim[] {
    return this.#work.claims
  }

  /** How many claims this steward has counted. */
  get executions(): number {
    return this.#counted + this.#work.claims.length
  }

  get holders(): ReadonlyMap<OwnerId, Holder> {
    return this.#work.holders
  }

  /** The owners whose replicas came to nothing, one entry for each replica. */
  get losers(): readonly OwnerId[] {
    return this.#work.losers
  }

  get recomputation(): Work['recomputation'] {
    return this.#work.recomputation
  }

  get tally(): Tally {
    return this.#work.tally
  }

  /** Voices to ask for while all agree: fewer than are unanimous, as long as only audits ask for more. */
  get needed(): number {
    return this.#work.needed
  }

  /** How many more replicas to lease now. */
  get wanted(): number {
    return this.#work.wanted
  }

  set claims(claims) {
    this.#own().claims = claims
  }

  set holders(holders) {
    if (this.#verdict === undefined) this.#own().holders = holders
    else this.#close(holders)
  }

  set losers(losers) {
    this.#own().losers = losers
  }

  set recomputation(recomputation) {
    this.#own().recomputation = recomputation
  }

  set tally(tally) {
    this.#own().tally = tally
  }

  set needed(needed) {
    this.#own().needed = needed
  }

  set wanted(wanted) {
    if (wanted !== this.#work.wanted) this.#own().wanted = wanted
  }

  /** Nothing is wanted of it any more; leases of it may be under way. */
  decide(verdict: ShardVerdict): void {
    this.#verdict = verdict
    this.#counted += this.#work.claims.length
    this.#close(this.#work.holders)
  }

  /** A claim came after the verdict, and changes nothing. */
  countLate(): void {
    this.#counted += 1
  }

  #close(holders: ReadonlyMap<OwnerId, Holder>): void {
    this.#work = holders.size === 0 ? decided : { ...decided, isShared: false, holders }
  }

  #own(): Work {
    if (this.#work.isShared) this.#work = { ...this.#work, isShared: false }
    return this.#work
  }
}
