/**
 * From callbacks to an async iterable, bounded by what there is to know: a part that was not yet taken is overwritten
 * path by path by newer readings, so that a flood costs its sender and not this node's memory.
 *
 * Which of two readings is newer is told by their times, as long as the clock runs on. When it is set back, what was read
 * before is older than all that comes, whatever its time says: otherwise a car could drive off unseen for as long as the
 * step was.
 */
import type { SignalPath, VehicleState } from '../../protocol/rules/signals.ts'
import { type Clock, ClockSteps, systemClock } from '../clock.ts'

export class Latest {
  readonly #signal: AbortSignal
  readonly #steps: ClockSteps
  /** The newest time of each reading that was ever put, also of those that were taken: an older one is no news. */
  readonly #newestMs = new Map<string, number>()
  #waiting: VehicleState = {}
  #wake: (() => void) | null = null

  constructor(signal: AbortSignal, clock: Pick<Clock, 'now' | 'monotonicMs'> = systemClock) {
    this.#signal = signal
    this.#steps = new ClockSteps(clock)
  }

  put(state: VehicleState): void {
    if (this.#steps.take() < 0) this.#newestMs.clear()
    const news = Object.entries(state).filter(
      ([path, { atMs }]) => atMs >= (this.#newestMs.get(path) ?? Number.NEGATIVE_INFINITY),
    )
    if (news.length === 0) return
    for (const [path, { atMs }] of news) this.#newestMs.set(path as SignalPath, atMs)
    this.#waiting = { ...this.#waiting, ...Object.fromEntries(news) }
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<VehicleState> {
    const end = (): void => this.#wake?.()
    this.#signal.addEventListener('abort', end)
    try {
      while (!this.#signal.aborted) {
        if (Object.keys(this.#waiting).length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
          this.#wake = null
        } else {
          const taken = this.#waiting
          this.#waiting = {}
          yield taken
        }
      }
    } finally {
      this.#signal.removeEventListener('abort', end)
    }
  }
}
