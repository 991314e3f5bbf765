/**
 * The ends of a job that count.
 *
 * An end of the submitter's node counts, and so does one of this node, which judged for itself. What another steward says
 * must follow from what is here. `complete` counts once every shard is accepted here. `failed` counts once every shard is
 * decided here or the deadline has passed, but not while every shard is accepted. `cancelled` counts once the submitter's
 * cancellation is here, since only the submitter may say so. And a steward that ends a job has all its records: none of its draws may be missing here, or be there
 * twice, since the audit looks for each. No end counts that reveals another secret than the one that the manifest commits to: nobody could
 * repeat the job's draws by it.
 */
import type { PeerId, RecordId } from '../ids.ts'
import { type Standing, standingEnd } from '../job/standing.ts'
import type { JobEnd } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'

/** Ends of one steward that wait: an honest one signs another only when shards that it had decided are open again. A guess. */
const waitingEndsMax = 8

/** How far a job's shards are decided. */
type Decided = 'all accepted' | 'all decided' | 'open'

/** Walks over the standing of all shards. */
export function howDecided(shards: number, standingOf: (position: number) => Standing): Decided {
  let accepted = true
  for (let position = 0; position < shards; position += 1) {
    const standing = standingOf(position)
    if (standing.state !== 'stands') return 'open'
    accepted &&= standing.verdict.outcome === 'accepted'
  }
  return accepted ? 'all accepted' : 'all decided'
}

export class Ends {
  readonly #isTrusted: (signer: PeerId) => boolean
  readonly #revealsDraws: (end: JobEnd) => boolean
  readonly #hasAllDraws: (end: Verified<JobEnd>) => boolean
  readonly #counting = new Map<RecordId, Verified<JobEnd>>()
  readonly #waiting = new Map<RecordId, Verified<JobEnd>>()
  #isCancelled = false

  /** `revealsDraws`: the end reveals the secret of the job's draws. `hasAllDraws`: the signer's draws before it are all here. */
  constructor(
    isTrusted: (signer: PeerId) => boolean,
    revealsDraws: (end: JobEnd) => boolean,
    hasAllDraws: (end: Verified<JobEnd>) => boolean,
  ) {
    this.#isTrusted = isTrusted
    this.#revealsDraws = revealsDraws
    this.#hasAllDraws = hasAllDraws
  }

  /** True when it counts at once. */
  add(end: Verified<JobEnd>): boolean {
    if (!this.#revealsDraws(end.payload)) return false
    if (this.#isTrusted(end.signer)) this.#counting.set(end.id, end)
    else if (this.#waitingOf(end.signer) < waitingEndsMax) this.#waiting.set(end.id, end)
    return this.#counting.has(end.id)
  }

  /** The submitter's cancellation is here. */
  cancelled(): void {
    this.#isCancelled = true
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  /**
   * Returns the ends that count from now on. `decided`: how the shards stand, asked only where that matters. `isLate`: the
   * deadline has passed.
   */
  review(decided: () => Decided, isLate: boolean): Verified<JobEnd>[] {
    if (this.#waiting.size === 0) return []
    const shards = decided()
    const follows = ({ payload: { outcome } }: Verified<JobEnd>) => {
      if (outcome === 'cancelled') return this.#isCancelled
      if (outcome === 'complete') return shards === 'all accepted'
      return shards === 'all decided' || (isLate && shards === 'open')
    }
    const counting = [...this.#waiting.values()].filter((end) => follows(end) && this.#hasAllDraws(end))
    for (const end of counting) {
      this.#waiting.delete(end.id)
      this.#counting.set(end.id, end)
    }
    return counting
  }

  /** Complete before cancelled before failed, then the first in order. */
  get standing(): Verified<JobEnd> | undefined {
    return standingEnd(this.counting)
  }

  get counting(): readonly Verified<JobEnd>[] {
    return [...this.#counting.values()]
  }

  #waitingOf(signer: PeerId): number {
    let count = 0
    for (const end of this.#waiting.values()) if (end.signer === signer) count += 1
    return count
  }

  /** Says that the job has ended, and it cannot be seen from here. */
  get waiting(): Iterable<Verified<JobEnd>> {
    return this.#waiting.values()
  }
}
