/** Measures how slow a machine is against the reference core, from its time for work of known cost. */

import type { OwnerId } from '../ids.ts'

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
    if (costMs > 0) this.#value = moved(this.#value, ratioOf(wallMs, costMs))
  }
}

/**
 * The slowness of the machines of several owners: each by its own words, and of these the middle one, the lower of two. So no few owners
 * make others slow in the eyes of whoever measures. A measurement costs a few comparisons, and a shift of as many numbers as there are owners.
 */
export class CommonSlowness {
  readonly #byOwner = new Map<OwnerId, number>()
  /** Use: the values of all owners, rising. */
  readonly #rising: number[] = []

  /** As Slowness'. */
  get value(): number {
    return this.#rising[(this.#rising.length - 1) >> 1] ?? 1
  }

  measure(owner: OwnerId, wallMs: number, costMs: number): void {
    if (costMs <= 0) return
    const ratio = ratioOf(wallMs, costMs)
    const before = this.#byOwner.get(owner)
    const now = before === undefined ? ratio : moved(before, ratio)
    if (before !== undefined) this.#rising.splice(placeIn(this.#rising, before), 1)
    this.#rising.splice(placeIn(this.#rising, now), 0, now)
    this.#byOwner.set(owner, now)
  }
}

function ratioOf(wallMs: number, costMs: number): number {
  return Math.min(most, Math.max(least, wallMs / costMs))
}

function moved(value: number, measured: number): number {
  return value + weight * (measured - value)
}

/** The first place whose value is not below this one. */
function placeIn(rising: readonly number[], value: number): number {
  let [low, high] = [0, rising.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (rising[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
