/** Milliseconds since it was made, without the times it was paused. */
import { systemClock } from '../clock.ts'

export class Stopwatch {
  #elapsedMs = 0
  #startedAtMs: number | null = systemClock.monotonicMs()

  get elapsedMs(): number {
    return this.#elapsedMs + (this.#startedAtMs === null ? 0 : systemClock.monotonicMs() - this.#startedAtMs)
  }

  pause(): void {
    this.#elapsedMs = this.elapsedMs
    this.#startedAtMs = null
  }

  resume(): void {
    this.#startedAtMs ??= systemClock.monotonicMs()
  }
}
