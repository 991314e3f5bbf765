/**
 * Lets the rest of the node breathe between the lines of a long file: a loop that awaits nothing but memory would keep leases, offers
 * and everybody's requests waiting until its end.
 */
import type { Clock } from '../host/clock.ts'

/** A lease is offered in milliseconds, and a stop must not wait longer. A guess. */
const turnMsMax = 8

export class Breather {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #sinceMs: number

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
    this.#sinceMs = clock.monotonicMs()
  }

  /** Resolves at once, or after everybody else had a turn where this one was long. */
  async breathe(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#sinceMs < turnMsMax) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#sinceMs = this.#clock.monotonicMs()
  }
}
