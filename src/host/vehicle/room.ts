/**
 * Room: whether the disk has space for more work.
 *
 * Below a share of the disk a vehicle takes no new lease, so that what it accepted finds its place. When a write fails
 * all the same, what was to be written waits here until there may be room: it was promised, or is to be, and nothing
 * that depends on it is said before.
 */
import { freeShareMin } from '../store/disk-reserve.ts'

/** Disks fill and empty over minutes; looking takes some 10 µs. A guess. */
const lookIntervalMs = 10_000

export interface RoomOptions {
  readonly space: () => { readonly freeBytes: number; readonly totalBytes: number }
  readonly onChange: (enough: boolean) => void
  readonly intervalMs?: number
}

export class Room {
  readonly #options: RoomOptions
  readonly #timer: NodeJS.Timeout
  #enough = true
  #waiting: PromiseWithResolvers<void> | undefined

  constructor(options: RoomOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.look(), options.intervalMs ?? lookIntervalMs).unref()
  }

  look(): void {
    const { freeBytes, totalBytes } = this.#options.space()
    this.#set(freeBytes >= totalBytes * freeShareMin)
  }

  /** Tries until the write does not fail for want of space. Rejects with other failures, and when this is closed. */
  async keep<Result>(write: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        if (!this.lostBy(error)) throw error
        this.#waiting ??= Promise.withResolvers()
        await this.#waiting.promise
      }
    }
  }

  /** Takes note when this error says that the disk is full; true then. */
  lostBy(error: unknown): boolean {
    if ((error as { code?: unknown } | null)?.code !== 'disk-full') return false
    this.#set(false)
    return true
  }

  close(): void {
    clearInterval(this.#timer)
    this.#waiting?.promise.catch(() => {})
    this.#waiting?.reject(new Error('the node ends while its disk is full'))
  }

  #set(enough: boolean): void {
    if (enough) {
      this.#waiting?.resolve()
      this.#waiting = undefined
    }
    if (enough === this.#enough) return
    this.#enough = enough
    this.#options.onChange(enough)
  }
}
