/**
 * Standing: decides which of a job's verdicts count, and which of its ends. This is the only place that decides it.
 *
 * Stewards that could not hear each other may each have decided a shard, and each have ended the job. A verdict that
 * a later one settles counts no more. If the other verdicts on the shard agree, the first in order stands; if they
 * differ, none does, and the shard is open again with all its claims. Once the job has ended, the first stands in any
 * case, and only then does a verdict count that says so of a shard without a result. The order is that of (epoch, id),
 * the same on every node that has the records.
 */
import { compareText } from '../../base/bytes.ts'
import type { Cid, RecordId } from '../ids.ts'
import type { Verified } from '../record/record.ts'
import type { JobEnd, ShardVerdict, Verdict } from './verdict.ts'

/** A verdict on a shard, and the record that it is in. */
export interface Decision {
  readonly record: Verified<Verdict>
  readonly verdict: ShardVerdict
}

/** The outcome of all verdicts on a shard. */
export type Standing =
  /** No verdict says anything of it. */
  | { readonly state: 'open' }
  | { readonly state: 'stands'; readonly verdict: ShardVerdict }
  /** Verdicts differ, or nobody has what they accept: `left` are those that a new one has to settle. */
  | { readonly state: 'apart'; readonly left: readonly Decision[] }

/** Tells whether another result was accepted, and stands. */
export function acceptsAnother(standing: Standing, result: Cid | null): boolean {
  if (standing.state !== 'stands') return false
  return standing.verdict.outcome === 'accepted' && standing.verdict.result !== result
}

export class Verdicts {
  readonly #records = new Map<RecordId, Verified<Verdict>>()
  /** Use: by position, the records with decisions; a list where there are several. Invariant: each list is in the order of (epoch, id). */
  readonly #deciding = new Map<number, Verified<Verdict> | readonly Verified<Verdict>[]>()
  /** Use: positions of a verdict's record that others settle. Invariant: only grows. */
  readonly #settled = new Map<RecordId, Set<number>>()

  /** Counts a verdict: with those of its shards for which it counts. The others may come later, or never. */
  add(record: Verified<Verdict>): void {
    const known = this.#records.get(record.id)?.payload.shards ?? []
    const news = record.payload.shards.filter(
      ({ position }) => !known.some((shard) => shard.position === position),
    )
    if (news.length === 0) return
    // Mostly one verdict decides a shard, and all of a record's count at once: then there is nothing to copy.
    const counted = known.length === 0 && news.length === record.payload.shards.length
    this.#records.set(record.id, counted ? record : { ...record, payload: { shards: [...known, ...news] } })
    for (const verdict of news) {
      const { position } = verdict
      const before = this.#decidingOn(position)
      if (before.length === 0) this.#deciding.set(position, record)
      else if (!before.includes(record)) this.#deciding.set(position, [...before, record].sort(byEpochAndId))
      for (const id of verdict.settles) {
        const positions = this.#settled.get(id) ?? new Set()
        this.#settled.set(id, positions.add(verdict.position))
      }
    }
  }

  /** All verdicts that count, for the shards for which they do; those included that others settle. */
  get records(): ReadonlyMap<RecordId, Verified<Verdict>> {
    return this.#records
  }

  /** The positions of which some verdict says something, rising. */
  positions(): number[] {
    return [...this.#deciding.keys()].sort((a, b) => a - b)
  }

  /** All that was decided about a shard, in order. */
  of(position: number): readonly Decision[] {
    return this.#decidingOn(position).flatMap((record) =>
      record.payload.shards.flatMap((verdict) =>
        verdict.position === position ? [{ record, verdict }] : [],
      ),
    )
  }

  #decidingOn(position: number): readonly Verified<Verdict>[] {
    const deciding = this.#deciding.get(position) ?? nobody
    return 'id' in deciding ? [deciding] : deciding
  }

  /**
   * `unreachable`: records of verdicts whose results nobody has any more. `opposed`: verdicts that do not count, and rest on
   * claims that are enough by themselves: one that says something else opens the shard again.
   */
  standing(
    position: number,
    hasEnded: boolean,
    unreachable: ReadonlySet<RecordId> = nothing,
    opposed: readonly Decision[] = [],
  ): Standing {
    const decisions = this.of(position).filter(({ verdict }) => hasEnded || verdict.because !== 'ended')
    const left = decisions.filter(({ record }) => !this.#settled.get(record.id)?.has(position))
    const accepted = left.filter(({ verdict }) => verdict.outcome === 'accepted')
    const standing = accepted.length > 0 ? accepted : left
    const [first] = standing
    if (first === undefined) return decisions.length === 0 ? { state: 'open' } : { state: 'apart', left: [] }
    const { result } = first.verdict
    const alike = standing.every(({ verdict }) => verdict.result === result)
    const reached = standing.some(({ record }) => result === null || !unreachable.has(record.id))
    if (hasEnded) return { state: 'stands', verdict: first.verdict }
    const against = opposed.filter(
      ({ record, verdict }) => verdict.result !== result && !this.#settled.get(record.id)?.has(position),
    )
    if (alike && reached && against.length === 0) return { state: 'stands', verdict: first.verdict }
    return { state: 'apart', left: [...standing, ...against] }
  }

  /**
   * All verdicts that accept this result: stewards apart may know of other claims against it. One that is settled by what it says
   * itself is among them, or else a steward that lies would give back a voice that was lost.
   */
  alike(position: number, result: Cid): ShardVerdict[] {
    return this.of(position).flatMap(({ verdict }) =>
      verdict.outcome === 'accepted' && verdict.result === result ? [verdict] : [],
    )
  }

  /** Receipts that some verdict counts for the result: stewards apart may both have been right, and have promised. */
  agreeing(position: number, result: Cid): Set<RecordId> {
    return new Set(this.alike(position, result).flatMap(({ agreeing }) => agreeing))
  }

  /** Tells whether another verdict settles what this one says of a shard. */
  isSettledAt(id: RecordId, position: number): boolean {
    return this.#settled.get(id)?.has(position) === true
  }

  /** Tells whether later verdicts settle all that this one accepts. */
  isSettled(id: RecordId): boolean {
    const settled = this.#settled.get(id)
    const record = this.#records.get(id)
    if (settled === undefined || record === undefined) return false
    return record.payload.shards.every(
      ({ outcome, position }) => outcome === 'failed' || settled.has(position),
    )
  }
}

/** The end that counts: complete before cancelled before failed, then the first in order. */
export function standingEnd(ends: readonly Verified<JobEnd>[]): Verified<JobEnd> | undefined {
  return [...ends].sort(
    (a, b) => endRank[a.payload.outcome] - endRank[b.payload.outcome] || byEpochAndId(a, b),
  )[0]
}

const endRank: Readonly<Record<JobEnd['outcome'], number>> = { complete: 0, cancelled: 1, failed: 2 }
const nothing: ReadonlySet<RecordId> = new Set()
const nobody: readonly Verified<Verdict>[] = []

function byEpochAndId(a: Verified, b: Verified): number {
  return a.epoch - b.epoch || compareText(a.id, b.id)
}
