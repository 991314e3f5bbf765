/** Turns: tasks under one key run one after the other; tasks under different keys run side by side. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Begins when all before it under this key have settled. Settles as `act` does. */
  async inTurn<Result>(key: string, act: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const mine = before.then(act)
    const settled = mine.catch(() => {}) // the caller's
    this.#last.set(key, settled)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key)
    }
  }
}
