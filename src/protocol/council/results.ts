/**
 * Keeps track of the results that a job's verdicts accept: they are here, with other stewards, or with nobody who can
 * be asked.
 *
 * A result is safe on two disks, or on those of all stewards that live. If the only steward that had a result is
 * gone, or its disk lost it, that is no result: the shard is open again, and its result is mostly collected once more
 * from its vehicles.
 */
import type { Cid, PeerId, RecordId } from '../ids.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { JobState } from '../state/job-state.ts'

export class Results {
  readonly #self: PeerId
  readonly #state: JobState
  /** Verdicts whose results are not here, and may yet come. */
  readonly #missing = new Map<RecordId, Verified<Verdict>>()
  /** … of those, the ones that this disk had and lost. */
  readonly #lost = new Set<RecordId>()
  readonly #fetching = new Set<RecordId>()
  /** Came, and not said to be held yet. */
  #arrived: RecordId[] = []
  #asked = 0

  constructor(self: PeerId, state: JobState) {
    this.#self = self
    this.#state = state
  }

  /** A verdict counts, its own or another's: for these of its shards. */
  learn(verdict: Verified<Verdict>): void {
    const { id, signer } = verdict
    if (signer !== this.#self && !this.#state.holders.of(id).has(this.#self)) {
      // One that had to be proven was proven with its results.
      if (this.#state.decisions.isTrusted(signer)) this.#missing.set(id, verdict)
      else this.#arrive(id)
    }
    for (const { settles } of verdict.payload.shards)
      for (const id of settles) if (this.#state.verdicts.isSettled(id)) this.#missing.delete(id)
  }

  /** After a restart, once all records are known. */
  forgetHeld(): void {
    for (const id of this.#missing.keys())
      if (this.#state.holders.of(id).has(this.#self) || this.#state.verdicts.isSettled(id))
        this.#missing.delete(id)
  }

  /** These records are not among those of the job any more. */
  forget(records: readonly RecordId[]): void {
    for (const id of records) {
      this.#missing.delete(id)
      this.#lost.delete(id)
    }
    this.#arrived = this.#arrived.filter((id) => !records.includes(id))
  }

  get areAllHere(): boolean {
    return this.#missing.size === 0
  }

  /** True when results came that no other steward was told of yet. */
  get haveNews(): boolean {
    return this.#arrived.length > 0
  }

  /**
   * Yields the verdicts whose results to fetch, each with one of the peers that can be asked: another one each time.
   */
  *toFetch(isReached: (peer: PeerId) => boolean): Generator<{ verdict: Verified<Verdict>; from: PeerId }> {
    this.#asked += 1
    for (const verdict of this.#missing.values()) {
      if (this.#fetching.has(verdict.id)) continue
      const reached = this.#holders(verdict).filter(isReached)
      const from = reached[this.#asked % reached.length]
      if (from !== undefined) yield { verdict, from }
    }
  }

  /** False while it is under way already, or has come. */
  startFetch({ id }: Verified<Verdict>): boolean {
    if (this.#fetching.has(id) || !this.#missing.has(id)) return false
    this.#fetching.add(id)
    return true
  }

  fetched(id: RecordId, held: boolean): void {
    this.#fetching.delete(id)
    if (!held) return
    if (this.#missing.delete(id) && !this.#lost.delete(id)) this.#arrive(id)
  }

  /** Where a verdict counts in part, the other results may be nowhere: who says that it holds it has them all. */
  #arrive(id: RecordId): void {
    if (this.#state.isWhole(id) && !this.#arrived.includes(id)) this.#arrived.push(id)
  }

  /** A result on this disk is damaged or gone. */
  lose(result: Cid): void {
    for (const verdict of this.#state.verdicts.records.values()) {
      if (!verdict.payload.shards.some((shard) => shard.result === result)) continue
      this.#arrived = this.#arrived.filter((id) => id !== verdict.id)
      this.#lost.add(verdict.id)
      this.#missing.set(verdict.id, verdict)
    }
  }

  /** At most so many that came and are not said to be held. */
  takeArrived(count: number): RecordId[] {
    return this.#arrived.splice(0, count)
  }

  /** Tells whether the job may end: `living` are the other stewards that live. */
  areSafe(living: readonly PeerId[]): boolean {
    return this.#unsafe(living).next().done === true
  }

  /** The stewards that live and lack accepted results which are on too few disks, with how many verdicts each lacks. */
  lacking(living: readonly PeerId[]): Map<PeerId, number> {
    const counts = new Map<PeerId, number>()
    for (const peers of this.#unsafe(living))
      for (const peer of peers) counts.set(peer, (counts.get(peer) ?? 0) + 1)
    return counts
  }

  /** The stewards that lack the results of each verdict whose results are not safe. */
  *#unsafe(living: readonly PeerId[]): Generator<readonly PeerId[]> {
    for (const id of new Set([...this.#state.holders.unheld, ...this.#lost])) {
      const verdict = this.#state.verdicts.records.get(id)
      if (verdict === undefined || this.#state.verdicts.isSettled(id)) continue
      const holders = new Set(this.#holders(verdict))
      if (!this.#missing.has(id)) holders.add(this.#self)
      const lacking = [this.#self, ...living].filter((peer) => !holders.has(peer))
      if (holders.size < 2 && lacking.length > 0) yield lacking
    }
  }

  /**
   * Tells whether all accepted results that are here are also on two other disks, or on those of all other stewards that live.
   * A recomputation is left out: the others do not take this steward's word for it, and would compute it again.
   */
  areSafeWithoutThis(living: readonly PeerId[]): boolean {
    const [submitter] = this.#state.manifest.stewards
    for (const verdict of this.#state.verdicts.records.values()) {
      const { id, signer, payload } = verdict
      if (this.#missing.has(id) || this.#state.verdicts.isSettled(id)) continue
      if (signer !== submitter?.peer && payload.shards.some(({ because }) => because === 'recomputed'))
        continue
      const holders = this.#holders(verdict)
      const holding = living.filter((peer) => holders.includes(peer)).length
      if (holding < Math.min(2, living.length)) return false
    }
    return true
  }

  /** Verdicts whose results are neither here nor with anybody who lives: they do not count. */
  unreachable(living: readonly PeerId[]): RecordId[] {
    return [...this.#missing.values()]
      .filter((verdict) => !this.#holders(verdict).some((peer) => living.includes(peer)))
      .map(({ id }) => id)
  }

  #holders({ id, signer }: Verified<Verdict>): PeerId[] {
    return [signer, ...this.#state.holders.of(id)].filter((peer) => peer !== this.#self)
  }
}
