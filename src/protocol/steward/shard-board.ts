/**
 * The board: keeps for each shard the owners that hold a replica of it, its claims, and the replicas that it still
 * lacks.
 *
 * A shard's claims only grow. What follows from them (how many replicas to ask for, whether it is disputed, its
 * verdict) is recomputed from the claims whenever they change, so that a steward restored from its records
 * stands where it stood. The board remembers which shards want a replica and which have changed, so that no
 * input costs a walk over all shards of the job.
 */
import { Lows } from '../../base/lows.ts'
import { PositionSet } from '../../base/position-set.ts'
import type { LeaseId, OwnerId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest } from '../job/manifest.ts'
import { type AreEnough, enoughBy, type OwnerOrder } from '../job/order.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import { lostReplicasMax } from '../limits.ts'
import { type Claim, type Recomputation, type Tally, tally } from '../verification/tally.ts'
import { nobody, ShardState, untouched } from './shard-state.ts'
import { Spoken } from './spoken.ts'

export class ShardBoard {
  readonly states: readonly ShardState[]
  readonly #manifest: Manifest
  readonly areEnough: AreEnough
  readonly #contradicted = new Set<OwnerId>()
  /** Undecided shards, in order; a shard leaves when it gets its verdict. */
  readonly #open: Set<ShardState>
  /** Positions of those that want a replica. */
  readonly #wanting: PositionSet
  /** Use: those that want a replica, are with nobody, and have claims. */
  readonly #spoken = new Spoken<ShardState>()
  /** Use: as many replicas as a shard without claims may want. */
  #neededMost: number
  #wantedTotal = 0
  #growth = 0
  /** Where some owner may be eligible again, or a shard wants more than before. */
  readonly lows = new Lows()
  #changed = new Set<ShardState>()
  /** Disputed shards that wait for the steward's bench, where there is room for one. */
  readonly #queued = new Set<ShardState>()
  #recomputing: ShardState | undefined

  /** `order`: that of the job's owners, where voices count by it. */
  constructor(manifest: Manifest, entries: readonly ShardEntry[], order?: OwnerOrder) {
    this.#manifest = manifest
    this.areEnough = enoughBy(order)
    const { replicas, audits } = manifest.assurance
    const needed = audits?.replicas ?? replicas
    this.#neededMost = needed
    const work = untouched(replicas, needed)
    this.states = entries.map((entry, position) => new ShardState(position, entry, work))
    this.#open = new Set(this.states)
    this.#wanting = new PositionSet(entries.length)
    for (const shard of this.states) this.#wanting.add(shard.position)
    this.#wantedTotal = needed * entries.length
  }

  get contradicted(): ReadonlySet<OwnerId> {
    return this.#contradicted
  }

  get open(): ReadonlySet<ShardState> {
    return this.#open
  }

  /** Replicas that all shards together want now. */
  get wantedTotal(): number {
    return this.#wantedTotal
  }

  /** Rises whenever some owner may be eligible for more than before. */
  get growth(): number {
    return this.#growth
  }

  /** The first shard at this position or after it that wants a replica. */
  nextWanting(from: number): ShardState | undefined {
    const position = this.#wanting.next(from)
    return position === undefined ? undefined : this.states[position]
  }

  /**
   * The shards that want replicas and are with nobody, in order, such that this says yes of how many claims they have and how many
   * replicas they want. Those without claims are walked over only where it says yes of some such shard.
   */
  waiting(isAskedFor: (claims: number, wanted: number) => boolean): ShardState[] {
    const waiting = this.#spoken.where(isAskedFor)
    if (Array.from({ length: this.#neededMost }, (_, i) => isAskedFor(0, i + 1)).includes(true))
      for (let shard = this.nextWanting(0); shard !== undefined; shard = this.nextWanting(shard.position + 1))
        if (shard.claims.length === 0 && shard.holders.size === 0 && isAskedFor(0, shard.wanted))
          waiting.push(shard)
    return waiting.sort((a, b) => a.position - b.position)
  }

  /** The undecided shards of which something changed since the last call, in order. */
  takeChanged(): ShardState[] {
    const changed = [...this.#changed].sort((a, b) => a.position - b.position)
    this.#changed = new Set()
    return changed.filter((shard) => shard.verdict === undefined)
  }

  isEligible(shard: ShardState, owner: OwnerId): boolean {
    return !this.#contradicted.has(owner) && !shard.holders.has(owner) && !hasClaimOf(shard, owner)
  }

  hold(shard: ShardState, owner: OwnerId, lease: LeaseId): void {
    shard.holders = new Map([...shard.holders, [owner, { lease, late: false }]])
    this.#update(shard)
  }

  /** The owner's lease brings nothing more for this shard. `lost`: count it against the shard's patience. */
  release(shard: ShardState, owner: OwnerId, lease: LeaseId, lost: boolean): void {
    if (shard.holders.get(owner)?.lease === lease) {
      shard.holders = without(shard.holders, owner)
      this.#grow(shard)
    }
    if (shard.verdict !== undefined) return
    if (lost) shard.losers = [...shard.losers, owner]
    this.#update(shard)
  }

  /** Nobody counts on this lease for the shard any more. */
  late(shard: ShardState, owner: OwnerId, lease: LeaseId): void {
    const holder = shard.holders.get(owner)
    if (holder?.lease !== lease || holder.late) return
    holder.late = true
    this.#update(shard)
  }

  /** Takes up a claim that the lease brought. */
  claim(shard: ShardState, claim: Claim, lease: LeaseId): void {
    if (shard.holders.get(claim.owner)?.lease === lease) shard.holders = without(shard.holders, claim.owner)
    if (shard.verdict !== undefined) {
      shard.countLate()
      return
    }
    shard.claims = [...shard.claims, claim]
    this.#recount(shard)
  }

  /** An audit asks for more voices than the shard got at first. */
  need(shard: ShardState, voices: number): void {
    if (shard.needed >= voices) return
    shard.needed = voices
    this.#neededMost = Math.max(this.#neededMost, voices)
    this.#update(shard)
  }

  /** Something beside the board has changed that may decide the shard. */
  touch(shard: ShardState): void {
    if (shard.verdict === undefined) this.#changed.add(shard)
  }

  /** The shard waits for the steward's own result. */
  queueToRecompute(shard: ShardState): void {
    shard.recomputation = 'queued'
    this.#queued.add(shard)
    this.#update(shard)
  }

  /**
   * The next shard to recompute, unless one is under way. One at a time: the first result mostly shows which owner
   * lies, and the other disputes that this owner started need only another replica then, at a third of the cost.
   */
  nextToRecompute(): ShardState | undefined {
    if (this.#recomputing !== undefined) return undefined
    const next = [...this.#queued].sort((a, b) => a.position - b.position)[0]
    if (next === undefined) return undefined
    this.#queued.delete(next)
    next.recomputation = 'asked'
    this.#recomputing = next
    return next
  }

  recomputed(shard: ShardState, found: Recomputation | null): void {
    if (this.#recomputing === shard) this.#recomputing = undefined
    if (shard.verdict !== undefined) return
    shard.recomputation = found ?? 'impossible'
    this.#recount(shard)
  }

  /** From now on this owner has no voice in any undecided shard, and gets no more work. */
  contradict(owner: OwnerId): void {
    if (this.#contradicted.has(owner)) return
    this.#contradicted.add(owner)
    for (const shard of this.#open)
      if (shard.holders.has(owner) || hasClaimOf(shard, owner)) this.#recount(shard)
  }

  decide(shard: ShardState, verdict: ShardVerdict): void {
    this.#wantedTotal -= shard.wanted
    shard.decide(verdict)
    this.#open.delete(shard)
    this.#queued.delete(shard)
    this.#update(shard)
  }

  /**
   * Has too much gone wrong with this shard to try on? One owner alone cannot bring that about: as many must have
   * failed at it as would be believed about a result.
   */
  exhausted(shard: ShardState): boolean {
    if (shard.losers.length < lostReplicasMax) return false
    return new Set(shard.losers).size >= this.#manifest.assurance.replicas
  }

  #recount(shard: ShardState): void {
    const { assurance, agreement } = this.#manifest
    const claims = shard.claims.filter((claim) => !this.#contradicted.has(claim.owner))
    const found = typeof shard.recomputation === 'object' ? shard.recomputation : undefined
    shard.tally = tally(claims, assurance, agreement, found, (voices, needed) =>
      this.areEnough(shard.position, voices, needed),
    )
    const disputed = shard.tally.state === 'open' && shard.tally.disputed
    if (shard.recomputation === 'queued' && !disputed) {
      shard.recomputation = 'none'
      this.#queued.delete(shard)
    }
    this.#update(shard)
  }

  #update(shard: ShardState): void {
    const wanted = this.#wantedOf(shard)
    if (wanted > shard.wanted) this.#grow(shard)
    this.#wantedTotal += wanted - shard.wanted
    shard.wanted = wanted
    this.#spoken.file(shard)
    if (wanted > 0) this.#wanting.add(shard.position)
    else this.#wanting.delete(shard.position)
    if (shard.verdict === undefined) this.#changed.add(shard)
  }

  #grow({ position }: ShardState): void {
    this.#growth += 1
    this.lows.note(position)
  }

  #wantedOf(shard: ShardState): number {
    if (shard.verdict !== undefined || shard.tally.state !== 'open') return 0
    if (shard.recomputation === 'queued' || shard.recomputation === 'asked') return 0
    let coming = 0
    for (const [owner, holder] of shard.holders) {
      // A holder who spoke already, in a receipt that came late, has no second voice to bring.
      if (!holder.late && !this.#contradicted.has(owner) && !hasClaimOf(shard, owner)) coming += 1
    }
    return Math.max(0, this.#missingOf(shard, shard.tally) - coming)
  }

  #missingOf(shard: ShardState, { missing, disputed, leading }: Extract<Tally, { state: 'open' }>): number {
    if (disputed) return missing
    const left = missing - (this.#manifest.assurance.replicas - shard.needed)
    return left > 0 || leading.length === 0 || this.areEnough(shard.position, leading, shard.needed)
      ? left
      : 1
  }
}

function without(holders: ShardState['holders'], owner: OwnerId): ShardState['holders'] {
  const left = [...holders].filter(([other]) => other !== owner)
  return left.length === 0 ? nobody : new Map(left)
}

function hasClaimOf(shard: ShardState, owner: OwnerId): boolean {
  return shard.claims.some((claim) => claim.owner === owner)
}
