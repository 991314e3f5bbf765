/** Measures how slow a machine is against the reference core, from its time for work of known cost. */

/** How much one measurement moves the estimate: a guess that forgets a busy minute within some ten. */
const weight = 0.3
/** A ratio beyond these bounds comes from a broken clock, or from an estimate that was none. */
const [least, most] = [0.01, 100]

export class Slowness {
  #value = 1

  /** Milliseconds that a millisecond of the reference core takes. */
  get value(): number {
    return this.#value
  }

  measure(wallMs: number, costMs: number): void {
    if (costMs <= 0) return
    const measured = Math.min(most, Math.max(least, wallMs / costMs))
    this.#value += weight * (measured - this.#value)
  }
}
