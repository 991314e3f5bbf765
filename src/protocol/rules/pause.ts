/** The owner's pause: nothing works until a time of day, for so long from now, or until the owner says otherwise. */
export class Pause {
  #untilMs: number | 'told' | null = null
  #isDate = false

  /** Null: it is not paused; `told`: until the owner says otherwise. */
  get untilMs(): number | 'told' | null {
    return this.#untilMs
  }

  /** When it ends by itself; null: it does not, or there is none. */
  get endsMs(): number | null {
    return typeof this.#untilMs === 'number' ? this.#untilMs : null
  }

  /** `untilMs` null: until told otherwise. `isDate`: it ends at that time of day, however the clock is set. */
  begin(untilMs: number | null, isDate: boolean): void {
    this.#untilMs = untilMs ?? 'told'
    this.#isDate = isDate
  }

  end(): void {
    this.#untilMs = null
  }

  look(nowMs: number): void {
    if (typeof this.#untilMs === 'number' && this.#untilMs <= nowMs) this.#untilMs = null
  }

  /** The clock was set forward by so much, or back when negative. */
  clockSet(byMs: number): void {
    if (typeof this.#untilMs === 'number' && !this.#isDate) this.#untilMs += byMs
  }
}
