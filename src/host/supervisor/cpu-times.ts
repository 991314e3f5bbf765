/** The CPU time of a group of processes between two looks. */
import { statOf } from '../executor/usage.ts'

/**
 * The CPU time that processes use between two looks; for a process that has ended, the time after the last look is
 * lost.
 */
export class CpuTimes {
  readonly #seenMs = new Map<number, number>()

  add(pid: number): void {
    this.#seenMs.set(pid, 0)
  }

  drop(pid: number): void {
    this.#seenMs.delete(pid)
  }

  /** Milliseconds of all together since the last look. */
  take(): number {
    let usedMs = 0
    for (const [pid, seenMs] of this.#seenMs) {
      const stat = statOf(pid)
      if (stat === null || stat.cpuMs < seenMs) continue
      usedMs += stat.cpuMs - seenMs
      this.#seenMs.set(pid, stat.cpuMs)
    }
    return usedMs
  }
}
