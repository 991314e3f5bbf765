/** So much a second is read of one source: all signals, changing fifty times a second, are half of it. */
import { systemClock } from '../clock.ts'

const bytesPerSecond = 256 * 1024

/**
 * A source that says more than anybody needs waits unread: its bytes stay in its own buffers, and this process keeps
 * the time in which it must be able to stop the work.
 */
export class Throttle {
  readonly #source: { pause(): void; resume(): void }
  #left = bytesPerSecond
  #sinceMs = systemClock.monotonicMs()
  #timer: NodeJS.Timeout | undefined

  constructor(source: { pause(): void; resume(): void }) {
    this.#source = source
  }

  count(bytes: number): void {
    const nowMs = systemClock.monotonicMs()
    this.#left = Math.min(bytesPerSecond, this.#left + ((nowMs - this.#sinceMs) / 1000) * bytesPerSecond)
    this.#sinceMs = nowMs
    this.#left -= bytes
    if (this.#left >= 0 || this.#timer !== undefined) return
    this.#source.pause()
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#source.resume()
      },
      (-this.#left / bytesPerSecond) * 1000,
    )
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
