/**
 * From callbacks to an async iterable, bounded by what there is to know: a part that was not yet taken is overwritten
 * path by path by newer readings, so that a flood costs its sender and not this node's memory.
 *
 * Which of two readings is newer is told by their times, as long as the clock runs on. When it is set back, what was read
 * before is older than all that comes, whatever its time says: otherwise a car could drive off unseen for as long as the
 * step was.
 *
 * A value that a source calls unavailable takes its own last value back at once, and no other's: of two thermometers, the one that is
 * broken does not silence the other.
 */
import type { Reading, SignalPath, VehicleState } from '../../protocol/rules/signals.ts'
import { type Clock, ClockSteps, systemClock } from '../clock.ts'

export class Latest {
  readonly #signal: AbortSignal
  readonly #steps: ClockSteps
  /** The newest time of each reading that was ever put, also of those that were taken: an older one is no news. */
  readonly #newestMs = new Map<SignalPath, number>()
  /** The source of the value that stands, by path; none stands where it is unavailable. */
  readonly #sources = new Map<SignalPath, string>()
  #waiting: VehicleState = {}
  #wake: (() => void) | null = null

  constructor(signal: AbortSignal, clock: Pick<Clock, 'now' | 'monotonicMs'> = systemClock) {
    this.#signal = signal
    this.#steps = new ClockSteps(clock)
  }

  /** `source`: one of those that this joins. */
  put(state: VehicleState, source = ''): void {
    if (this.#steps.take() < 0) this.#newestMs.clear()
    const news = (Object.entries(state) as [SignalPath, Reading<unknown>][]).flatMap(([path, reading]) => {
      const counted = this.#counted(path, reading, source)
      return counted === null ? [] : [[path, counted] as const]
    })
    if (news.length === 0) return
    this.#waiting = { ...this.#waiting, ...Object.fromEntries(news) }
    this.#wake?.()
  }

  /** The reading as it goes on; null: it is no news. */
  #counted(path: SignalPath, { value, atMs }: Reading<unknown>, source: string): Reading<unknown> | null {
    const newestMs = this.#newestMs.get(path) ?? Number.NEGATIVE_INFINITY
    if (value === null ? this.#sources.get(path) !== source : atMs < newestMs) return null
    if (value === null) this.#sources.delete(path)
    else this.#sources.set(path, source)
    const countedMs = Math.max(atMs, newestMs)
    this.#newestMs.set(path, countedMs)
    return { value, atMs: countedMs }
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
