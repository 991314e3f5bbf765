/**
 * The order between the disk and the network.
 *
 * A machine's effects are carried out in their order, and each write is durable before anything behind it leaves the
 * node. Writes are started at once, so that many share one fsync; whatever comes after a write waits for it. So
 * inputs need not wait for the disk, and no message can overtake it.
 */
export class Outbox {
  #tail: Promise<void> = Promise.resolve()
  readonly #onFailure: (error: unknown) => void
  #failed = false

  /** A write that fails ends the outbox: nothing behind it is ever sent, and `onFailure` is told once. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Everything behind waits for this write. */
  persist(write: Promise<unknown>): void {
    write.catch(() => {}) // met below, in its turn
    this.#push(() => write)
  }

  /**
   * Does the action once all writes before it are durable. The action must not fail: a message that is lost is not an
   * error.
   */
  after(action: () => unknown): void {
    this.#push(action)
  }

  /** Resolves when all so far is done. */
  idle(): Promise<void> {
    return this.#tail
  }

  #push(action: () => unknown): void {
    this.#tail = this.#tail.then(async () => {
      if (this.#failed) return
      try {
        await action()
      } catch (error) {
        this.#failed = true
        this.#onFailure(error)
      }
    })
  }
}
