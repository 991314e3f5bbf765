/**
 * How fast a job goes, counted in this run of the node: from the first lease to the last verdict, or to now. All times
 * are by the monotonic clock.
 */
export class Pace {
  #firstLeaseMs: number | undefined
  #lastVerdictMs = 0
  #pages = 0

  leased(nowMs: number): void {
    this.#firstLeaseMs ??= nowMs
  }

  /** So many pages were verified. */
  decided(pages: number, nowMs: number): void {
    this.#lastVerdictMs = nowMs
    this.#pages += pages
  }

  /** 0 before the first lease, and for a job that had ended before this run. */
  pagesPerSecond(hasEnded: boolean, nowMs: number): number {
    if (this.#firstLeaseMs === undefined) return 0
    const workedMs = (hasEnded ? this.#lastVerdictMs : nowMs) - this.#firstLeaseMs
    return workedMs <= 0 ? 0 : this.#pages / (workedMs / 1000)
  }
}
