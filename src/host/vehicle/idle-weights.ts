/**
 * Lets the weights of a job join the cache once the job has asked for nothing for a while.
 *
 * Weights in the cache make room for those of others, but a lease that needs them again has to take them back: two commits
 * and a look through the cache for each lease. Short leases follow each other within milliseconds, and cost a vehicle
 * a seventh of its rate that way. So the weights stay the job's for a while after its last lease, and no longer than until
 * the disk has to make room (store/disk-reserve.ts).
 *
 * All of it is in memory. The store has the weights as the job's until they are let go, so a node that ends in between
 * loses none, and begins again at its next start.
 */
import type { JobId } from '../../protocol/ids.ts'
import type { Clock } from '../clock.ts'
import type { BlockStore } from '../store/blocks.ts'

/**
 * A job that goes on offers its next lease within a round trip. When its steward is lost, another one has taken over
 * after some twelve seconds (stewardLeaseMs and a successionStepMs), and this is twice as long. Longer keeps room from
 * others' cached weights, shorter takes them back more often.
 */
const idleMsMax = 25_000

export interface IdleWeightsOptions {
  readonly clock: Clock
  readonly blocks: BlockStore
  /** Tells whether the node has something to do for the job, be it as a steward. */
  readonly isWanted: (job: JobId) => boolean
  readonly onFailure: (job: JobId, error: unknown) => void
}

export class IdleWeights {
  readonly #options: IdleWeightsOptions
  /** The jobs whose weights may have to go to the cache; each with what calls its timer off. They may be at work again. */
  readonly #idle = new Map<JobId, () => void>()

  constructor(options: IdleWeightsOptions) {
    this.#options = options
    options.blocks.reserve.onShortage(() => this.restNow())
  }

  /** No lease of the job is under way. Its time begins anew each time. */
  idle(job: JobId): void {
    this.over(job)
    const { clock, blocks } = this.#options
    if (!blocks.of(job).hasAny('weights')) return
    this.#idle.set(
      job,
      clock.after(idleMsMax, () => void this.#rest(job)),
    )
  }

  /** The job's blocks go. */
  over(job: JobId): void {
    this.#idle.get(job)?.()
    this.#idle.delete(job)
  }

  /** The disk needs room. */
  restNow(): void {
    const { blocks, isWanted, onFailure } = this.#options
    for (const job of [...this.#idle.keys()]) {
      this.over(job)
      try {
        if (!isWanted(job)) blocks.of(job).restNow()
      } catch (error) {
        onFailure(job, error)
      }
    }
  }

  /** The node ends. */
  stop(): void {
    for (const callOff of this.#idle.values()) callOff()
    this.#idle.clear()
  }

  async #rest(job: JobId): Promise<void> {
    this.#idle.delete(job)
    const { blocks, isWanted, onFailure } = this.#options
    try {
      await blocks.of(job).rest(() => !isWanted(job))
    } catch (error) {
      onFailure(job, error)
    }
  }
}
