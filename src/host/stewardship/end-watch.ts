/**
 * Says why a job does not end although every shard is verified: which stewards still have to get accepted results. That
 * takes a second or two; when it takes longer, somebody who watches "60/60" wants to know what is wrong.
 */
import type { Logger } from 'pino'
import type { JobId, PeerId } from '../../protocol/ids.ts'

/** Longer than stewards on a busy machine take to fetch the last results and to say so: a guess. */
const tellAfterMs = 5_000
/** … and how often it is said again. */
const tellAgainMs = 60_000

export class EndWatch {
  readonly #job: JobId
  readonly #log: Logger
  #sinceMs: number | undefined
  #tellMs = 0

  constructor(job: JobId, log: Logger) {
    this.#job = job
    this.#log = log
  }

  /** `lacking`: how many verdicts' results each steward lacks; call it at every look. `nowMs` is monotonic. */
  look(lacking: ReadonlyMap<PeerId, number>, nowMs: number): void {
    if (lacking.size === 0) {
      this.#sinceMs = undefined
      return
    }
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs
      this.#tellMs = nowMs + tellAfterMs
    }
    if (nowMs < this.#tellMs) return
    this.#tellMs = nowMs + tellAgainMs
    this.#log.info(
      {
        job: this.#job,
        waitedMs: nowMs - this.#sinceMs,
        lacking: [...lacking].map(([steward, verdicts]) => ({ steward, verdicts })),
      },
      'every shard is verified, and the job waits until its results are with another steward',
    )
  }
}
