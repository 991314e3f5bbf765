/** Adds up the time and the money of one vehicle of a cell. */

export interface VehicleTotals {
  readonly parkedMs: number
  /** While its owner's rules let it work. */
  readonly allowedMs: number
  /** The time in its slot, with or without a result. */
  readonly computedMs: number
  /**
   * Three parts of it: broken off, since the rules said stop; finished, and never paid since it came late; not
   * decided yet when the week ended.
   */
  readonly brokenOffMs: number
  readonly unpaidMs: number
  readonly pendingMs: number
  readonly owedMicros: number
}

export class VehicleTally {
  readonly #sums = { parkedMs: 0, allowedMs: 0, computedMs: 0, brokenOffMs: 0, unpaidMs: 0, owedMicros: 0 }
  /** The time that each claimed shard took. */
  readonly #undecidedMs = new Map<string, number>()
  /** When the shard in its slot was begun. */
  #beganMs = 0

  passed(forMs: number, was: { readonly isParked: boolean; readonly isAllowed: boolean }): void {
    if (was.isParked) this.#sums.parkedMs += forMs
    if (was.isAllowed) this.#sums.allowedMs += forMs
  }

  began(nowMs: number): void {
    this.#beganMs = nowMs
  }

  brokeOff(nowMs: number): void {
    this.#sums.computedMs += nowMs - this.#beganMs
    this.#sums.brokenOffMs += nowMs - this.#beganMs
  }

  did(claim: string, tookMs: number): void {
    this.#sums.computedMs += tookMs
    this.#undecidedMs.set(claim, tookMs)
  }

  /** `micros`: null where the claim is not paid. */
  decided(claim: string, micros: number | null): void {
    const tookMs = this.#undecidedMs.get(claim)
    if (tookMs === undefined) return
    this.#undecidedMs.delete(claim)
    if (micros === null) this.#sums.unpaidMs += tookMs
    else this.#sums.owedMicros += micros
  }

  totals(): VehicleTotals {
    const pendingMs = [...this.#undecidedMs.values()].reduce((sum, ms) => sum + ms, 0)
    return { ...this.#sums, pendingMs }
  }
}
