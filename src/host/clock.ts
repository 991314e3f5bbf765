/**
 * The time of a node: when it is, and how to wait.
 *
 * All parts of a node share one clock, and a test gives it one that moves when the test says so. The network below does
 * not take part: its timeouts are about other machines, and run on real time.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /**
   * Calls `action` once, when at least `delayMs` have passed; the answer calls it off. Longer than 24 days is cut to
   * that, as setTimeout takes 31 bits. Does not keep the process alive.
   */
  after(delayMs: number, action: () => void): () => void
}

const delayMsMax = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
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
