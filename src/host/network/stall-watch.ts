/**
 * Tells a slow peer from a dead one: calls `onStall` when a counter grows by less than `progressMin` in `timeoutMs`.
 *
 * Watching a rate and not only silence stops the peer that sends one byte every nine seconds and keeps a
 * lease open for a day. One timer per watch, re-armed only while somebody waits, instead of one per block.
 */
export class StallWatch {
  readonly #timeoutMs: number
  readonly #progressMin: number
  readonly #progress: () => number
  readonly #onStall: () => void
  #timer: NodeJS.Timeout | undefined
  #waiting = 0

  constructor(timeoutMs: number, progressMin: number, progress: () => number, onStall: () => void) {
    this.#timeoutMs = timeoutMs
    this.#progressMin = progressMin
    this.#progress = progress
    this.#onStall = onStall
  }

  /** Somebody waits for the peer. Each call is paired with one `done`. */
  wait(): void {
    this.#waiting++
    if (this.#timer === undefined) this.#arm()
  }

  done(): void {
    this.#waiting--
    if (this.#waiting === 0) this.stop()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    const before = this.#progress()
    this.#timer = setTimeout(() => {
      if (this.#progress() - before < this.#progressMin) this.#onStall()
      else this.#arm()
    }, this.#timeoutMs)
  }
}
