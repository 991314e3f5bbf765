/** A clock that moves when a test says so, and does on its way what is due. */
import type { Clock } from '../../src/host/clock.ts'

export class SteppedClock implements Clock {
  readonly #waiting = new Set<{ readonly dueMs: number; readonly action: () => void }>()
  #nowMs: number
  #passedMs = 0

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#passedMs
  }

  after(delayMs: number, action: () => void): () => void {
    const one = { dueMs: this.#passedMs + delayMs, action }
    this.#waiting.add(one)
    return () => this.#waiting.delete(one)
  }

  pass(ms: number): void {
    const untilMs = this.#passedMs + ms
    for (;;) {
      const [next] = [...this.#waiting].sort((a, b) => a.dueMs - b.dueMs)
      if (next === undefined || next.dueMs > untilMs) break
      this.#waiting.delete(next)
      this.#goTo(next.dueMs)
      next.action()
    }
    this.#goTo(untilMs)
  }

  #goTo(passedMs: number): void {
    this.#nowMs += passedMs - this.#passedMs
    this.#passedMs = passedMs
  }
}
