/**
 * The time that a node gives strangers for recomputing their shards. A node that stands by says yes to looking after a job, not to doing it:
 * a plan may ask its stewards to recompute every shard, and so have a job done for nothing. One job has a bounded time here, and all jobs of
 * strangers together a share of one core; when that is used up, a shard is not recomputed here, and owners decide it.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { JobId } from '../../protocol/ids.ts'

export interface StrangersBounds {
  /** The longest that one shard may take: far above what shards take. */
  readonly shardMs: number
  /** All shards of one job together: some hundreds of disputes, and not a job of thousands. */
  readonly jobMs: number
  /** All jobs of strangers at once … */
  readonly burstMs: number
  /** With less than this nothing is begun: it would be ended before it is done, over and over, and take the time of the others. */
  readonly leastMs: number
  /** … and, after that, this share of the time. */
  readonly share: number
}

/** Guesses. More helps strangers whose owners disagree much, and costs a standby's owner power that nobody pays for. */
export const strangersBounds: StrangersBounds = {
  shardMs: 600_000,
  jobMs: 3_600_000,
  burstMs: 4 * 3_600_000,
  leastMs: 60_000,
  share: 0.1,
}

/** Jobs whose time is remembered: a node stands by for 64 strangers' jobs at a time. */
const jobsMax = 1_024

export class StrangersTime {
  readonly #bounds: StrangersBounds
  readonly #now: () => number
  readonly #spent = new BoundedMap<JobId, number>(jobsMax)
  #leftMs: number
  #atMs: number

  /** `now`: milliseconds that only rise. */
  constructor(bounds: StrangersBounds, now: () => number) {
    this.#bounds = bounds
    this.#now = now
    this.#leftMs = bounds.burstMs
    this.#atMs = now()
  }

  /** The time that a shard of this job may take now, in milliseconds; 0: too little is left. */
  for(job: JobId): number {
    const { shardMs, jobMs, burstMs, leastMs, share } = this.#bounds
    const nowMs = this.#now()
    this.#leftMs = Math.min(burstMs, this.#leftMs + (nowMs - this.#atMs) * share)
    this.#atMs = nowMs
    const ms = Math.min(shardMs, jobMs - (this.#spent.peek(job) ?? 0), this.#leftMs)
    return ms < leastMs ? 0 : ms
  }

  spent(job: JobId, ms: number): void {
    this.#spent.set(job, (this.#spent.peek(job) ?? 0) + ms)
    this.#leftMs -= ms
  }
}
