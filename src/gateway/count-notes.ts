/** Notes the counts of a batch while lines come: at most once a second, and told as often. */
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'

const noteMs = 1_000

export class CountNotes {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #note: () => void
  #isDue = true
  #hasEnded = false

  /** `note`: notes the counts as they are then. */
  constructor(clock: Clock, log: Logger, note: () => void) {
    this.#clock = clock
    this.#log = log
    this.#note = note
  }

  /** They have changed. */
  changed(): void {
    if (!this.#isDue) return
    this.#isDue = false
    this.#clock.after(noteMs, () => {
      this.#isDue = true
      if (this.#hasEnded) return
      try {
        this.#note()
      } catch (error) {
        // The next note has them all.
        this.#log.warn({ error }, 'the counts of a batch cannot be noted')
      }
    })
  }

  /** The run is over, whatever became of the batch. */
  end(): void {
    this.#hasEnded = true
  }
}
