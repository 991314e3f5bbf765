/**
 * The time of a mesh in one process: real time, and what the test has skipped of it.
 *
 * All nodes of the mesh share one, so that none of them takes another for late. A test that waits for what takes
 * minutes skips them in small steps, and lets the nodes talk in between.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Clock } from '../../src/host/clock.ts'

interface Waiting {
  readonly dueMs: number
  readonly action: () => void
  timer: NodeJS.Timeout
}

/** So often messages go to and fro between two steps of a hurry, and so far each step goes. */
const hurryPauseMs = 5
const hurryStepMs = 100

/** setTimeout takes 31 bits. */
const timerMsMax = 2 ** 31 - 1

export class MeshClock implements Clock {
  readonly #waiting = new Set<Waiting>()
  #skippedMs = 0
  #setMs = 0

  /** How many actions wait for their time. */
  get waiting(): number {
    return this.#waiting.size
  }

  now(): number {
    return Date.now() + this.#skippedMs + this.#setMs
  }

  monotonicMs(): number {
    return performance.now() + this.#skippedMs
  }

  /** Sets the time of day forward by so much, or back when negative: no time passes. */
  set(byMs: number): void {
    this.#setMs += byMs
  }

  /** A clock of the same mesh whose time of day is ahead of it by so much. */
  ahead(byMs: () => number): Clock {
    return {
      now: () => this.now() + byMs(),
      monotonicMs: () => this.monotonicMs(),
      after: (delayMs, action) => this.after(delayMs, action),
    }
  }

  after(delayMs: number, action: () => void): () => void {
    const dueMs = this.monotonicMs() + Math.max(0, delayMs)
    // Whoever skips the time: what a node does then, it does as itself (diallers.ts).
    const one: Waiting = { dueMs, action: AsyncResource.bind(action), timer: setTimeout(() => {}, 0) }
    this.#waiting.add(one)
    this.#arm(one)
    return () => {
      clearTimeout(one.timer)
      this.#waiting.delete(one)
    }
  }

  /** Goes ahead by so much, and does what is due by then in the order in which it is due. */
  skip(ms: number): void {
    this.#skippedMs += ms
    const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= this.monotonicMs())
    for (const one of due.sort((a, b) => a.dueMs - b.dueMs)) this.#fire(one)
    for (const one of this.#waiting) this.#arm(one)
  }

  /** Goes ahead in small steps until the promise is settled, and answers as it does. */
  async hurry<Value>(event: Promise<Value>): Promise<Value> {
    const steps = setInterval(() => this.skip(hurryStepMs), hurryPauseMs)
    try {
      return await event
    } finally {
      clearInterval(steps)
    }
  }

  #arm(one: Waiting): void {
    clearTimeout(one.timer)
    const leftMs = Math.min(timerMsMax, Math.max(0, one.dueMs - this.monotonicMs()))
    one.timer = setTimeout(() => this.#fire(one), leftMs).unref()
  }

  #fire(one: Waiting): void {
    clearTimeout(one.timer)
    // An action before it may have called it off.
    if (this.#waiting.delete(one)) one.action()
  }
}
