/** Milliseconds since it was made, without the times it was paused. */
export class Stopwatch {
  #elapsedMs = 0
  #startedAtMs: number | null = performance.now()

  get elapsedMs(): number {
    return this.#elapsedMs + (this.#startedAtMs === null ? 0 : performance.now() - this.#startedAtMs)
  }

  pause(): void {
    this.#elapsedMs = this.elapsedMs
    this.#startedAtMs = null
  }

  resume(): void {
    this.#startedAtMs ??= performance.now()
  }
}
