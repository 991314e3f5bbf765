/**
 * The time of a node, which has two halves: the time of day, which people and time servers set, and a monotonic time,
 * which only goes on.
 *
 * What is signed, kept over a restart or shown to people is a time of day. How long something took, how long to wait, and
 * what is late is monotonic: a vehicle's clock is wrong by hours when its battery was off, and is set right while it works.
 * The linter (steady.grit) lets no other file of the host ask the system for a time, nor subtract times of day.
 *
 * A machine of the core takes one time with each input, and keeps both kinds. Its driver watches for steps (ClockSteps)
 * and tells the machine of each one (`clock-set`), so that the moments from which it counts go along.
 *
 * While the computer sleeps, Linux stops the monotonic time and timers with it, and not the time of day: to the node, a
 * sleep is a clock that was set forward. No wait has run out by it, and every date has come nearer.
 *
 * All parts of a node share one clock, and a test gives it one that moves when the test says so. The network below does
 * not take part: its timeouts are about other machines, and run on real time.
 */
import type { Logger } from 'pino'

export interface Clock {
  /** Milliseconds since 1970: for what is signed, kept or shown. It may be set at any moment, forward or back. */
  now(): number
  /** Milliseconds since some moment in this process: for durations. It only goes on. */
  monotonicMs(): number
  /**
   * Calls `action` once, when at least `delayMs` have passed; the answer calls it off. Longer than 24 days is cut to
   * that, as setTimeout takes 31 bits. Does not keep the process alive.
   */
  after(delayMs: number, action: () => void): () => void
}

const delayMsMax = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(0, delayMs), delayMsMax)).unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves when this much time has passed. */
export function elapsed(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

/**
 * Calls `action` once, in as long as it is now until that time of day; the answer calls it off. A step of the clock does
 * not move it, as is right for a machine of the core, whose moments go along with a step. Whoever waits for a date looks
 * at it now and then.
 */
export function at(clock: Clock, atMs: number, action: () => void): () => void {
  return clock.after(atMs - clock.now(), action)
}

/** So long after a fault a machine is woken again. */
const againMs = 5_000

/**
 * As `at`, for what a machine asks to be woken for. What it throws is logged, and it is woken again: else the fault of one job, which
 * a stranger may have found, would end the node.
 */
export function guardedAt(
  clock: Clock,
  atMs: number,
  wake: () => void,
  log: Pick<Logger, 'error'>,
): () => void {
  let isOff = false
  const guarded = () => {
    try {
      wake()
    } catch (error) {
      log.error({ err: error }, 'what a timer woke has thrown; it is woken again')
      // It may have asked for its next moment before it threw, and called this one off thereby.
      if (!isOff) callOff = clock.after(againMs, guarded)
    }
  }
  let callOff = at(clock, atMs, guarded)
  return () => {
    isOff = true
    callOff()
  }
}

/** How long it is from now to that time of day, in milliseconds; negative where it is over. For who asks for so much time, by a date. */
export function leftUntil(clock: Pick<Clock, 'now'>, atMs: number): number {
  return atMs - clock.now()
}

/** A time server that slows a clock down, or speeds it up, changes it by a two-thousandth of the time; a step is more. */
const stepMsMin = 100

/** Notices that the time of day was set: then it differs from the monotonic time by another amount than before. */
export class ClockSteps {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>
  #aheadMs: number

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#clock = clock
    this.#aheadMs = clock.now() - clock.monotonicMs()
  }

  /**
   * Returns by how many milliseconds the clock was set forward since the last call, or back, when negative; 0 as long as
   * that is less than 0.1 s in all.
   */
  take(): number {
    const aheadMs = this.#clock.now() - this.#clock.monotonicMs()
    const byMs = Math.round(aheadMs - this.#aheadMs)
    if (Math.abs(byMs) < stepMsMin) return 0
    this.#aheadMs += byMs
    return byMs
  }
}
