/**
 * How much longer work takes here than its submitters say: each submitter's words are measured against themselves alone, so
 * that nobody's make a vehicle slow in the eyes of another.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../ids.ts'
import { Slowness } from '../job/slowness.ts'

/** Submitters whose pace is remembered. A guess: more than work on one vehicle in a day. */
const submittersMax = 64

export class Paces {
  readonly #bySubmitter = new BoundedMap<PeerId, Slowness>(submittersMax)

  /** Milliseconds that a millisecond of the submitter's takes; of one that is new, as long as for the middle one of the others. */
  of(submitter: PeerId): number {
    const known = this.#bySubmitter.peek(submitter)
    if (known !== undefined) return known.value
    const values = [...this.#bySubmitter.values()].map(({ value }) => value).sort((a, b) => a - b)
    return values[Math.floor((values.length - 1) / 2)] ?? 1
  }

  measure(submitter: PeerId, wallMs: number, costMs: number): void {
    const slowness = this.#bySubmitter.get(submitter) ?? new Slowness()
    slowness.measure(wallMs, costMs)
    this.#bySubmitter.set(submitter, slowness)
  }
}
