/**
 * The time of a mesh in one process: real time, and what the test has skipped of it.
 *
 * All nodes of the mesh share one, so that none of them takes another for late. A test that waits for what takes
 * minutes skips them in small steps, and lets the nodes talk in between. No code of a node or a test that depends on how much
 * it gets done before a time is over should run but in such a hurry.
 */
import { AsyncResource } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../src/host/clock.ts'

interface Waiting {
  readonly dueMs: number
  readonly action: () => void
}

/** So often a hurry looks whether the nodes have done with a step, and so far each step goes. */
const hurryPauseMs = 5
const stepMs = 100
/** The same of a leap: less than questions of cells wait for an answer. */
const leapPauseMs = 20
const leapMs = 2_000

/** Turns of the event loop that a hurry watches, and the work in them that counts as none. */
const quietTurns = 2
const quietMsMax = 0.5

/** setTimeout takes 31 bits. */
const timerMsMax = 2 ** 31 - 1

export class MeshClock implements Clock {
  readonly #waiting = new Set<Waiting>()
  /** Since 1970, when this process began. */
  readonly #epochMs = Date.now() - performance.now()
  /** Less the real time that did not count. */
  #skippedMs = 0
  /** Where the real time stands that does not count, during a hurry. */
  #stillMs: number | null = null
  #hurries = 0
  #setMs = 0
  /** Goes off when the first of those that wait is due, at `#armedMs`. */
  #timer: NodeJS.Timeout | undefined
  #armedMs = Infinity

  /** How many actions wait for their time. */
  get waiting(): number {
    return this.#waiting.size
  }

  now(): number {
    return Math.floor(this.monotonicMs() + this.#epochMs) + this.#setMs
  }

  monotonicMs(): number {
    return (this.#stillMs ?? performance.now()) + this.#skippedMs
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
    const one: Waiting = { dueMs, action: AsyncResource.bind(action) }
    this.#waiting.add(one)
    if (dueMs < this.#armedMs) this.#arm(dueMs)
    return () => void this.#waiting.delete(one)
  }

  /** Goes ahead by so much, and does what is due by then in the order in which it is due. */
  skip(ms: number): void {
    this.#skippedMs += ms
    this.#fire()
  }

  /**
   * Goes ahead in small steps until the promise is settled, and answers as it does. Real time does not count meanwhile, and no
   * step begins before the nodes have done what the last one led to: what they get done in a time does not depend on the
   * machine.
   */
  hurry<Value>(event: Promise<Value>): Promise<Value> {
    return this.#step(event, hurryPauseMs)
  }

  /** As a hurry, in steps of seconds: for what takes minutes and in which nobody waits for an answer for less than a step. */
  leap<Value>(event: Promise<Value>, stepMs = leapMs): Promise<Value> {
    return this.#step(event, leapPauseMs, stepMs)
  }

  /** As a hurry, but no faster than real time: for what waits for answers, and gives up where they take too long. */
  wait<Value>(event: Promise<Value>): Promise<Value> {
    return this.#step(event, stepMs)
  }

  async #step<Value>(event: Promise<Value>, pauseMs: number, farMs = stepMs): Promise<Value> {
    let isOver = false
    const over = event.finally(() => {
      isOver = true
    })
    over.catch(() => undefined)
    this.#stillMs ??= performance.now()
    this.#hurries += 1
    try {
      while (!isOver) {
        await Promise.race([delay(pauseMs), over])
        if (!isOver && (await isQuiet())) this.skip(farMs)
      }
      return await over
    } finally {
      this.#hurries -= 1
      if (this.#hurries === 0) this.#goOn()
    }
  }

  /** Real time counts again from here on. */
  #goOn(): void {
    this.#skippedMs -= performance.now() - this.#stillMs!
    this.#stillMs = null
    this.#fire()
  }

  /** Does what is due. */
  #fire(): void {
    const nowMs = this.monotonicMs()
    const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= nowMs)
    try {
      for (const one of due.sort((a, b) => a.dueMs - b.dueMs)) {
        // An action before it may have called it off.
        if (this.#waiting.delete(one)) one.action()
      }
    } finally {
      let nextMs = Infinity
      for (const { dueMs } of this.#waiting) nextMs = Math.min(nextMs, dueMs)
      this.#arm(nextMs)
    }
  }

  #arm(dueMs: number): void {
    clearTimeout(this.#timer)
    this.#armedMs = dueMs
    if (dueMs === Infinity || this.#stillMs !== null) return
    const leftMs = Math.min(timerMsMax, Math.max(0, Math.ceil(dueMs - this.monotonicMs())))
    this.#timer = setTimeout(() => this.#fire(), leftMs).unref()
  }
}

/** Answers whether this process has next to nothing to do in the next turns of its event loop, and waits for no thread of its own. */
async function isQuiet(): Promise<boolean> {
  const before = performance.eventLoopUtilization()
  for (let i = 0; i < quietTurns; i += 1) await new Promise((resolve) => setImmediate(resolve))
  const isWaitedFor = process.getActiveResourcesInfo().some((kind) => /^FSReq|Job$/.test(kind))
  return !isWaitedFor && performance.eventLoopUtilization(before).active <= quietMsMax
}
