/**
 * A budget of bytes in memory: whoever wants to hold some waits until they fit, in the order of asking.
 *
 * A holder asks once for all that it needs and gives it back without asking for more, so nobody waits for somebody who
 * waits. One who asks for more than there is gets it when nobody else holds anything.
 */
export class ByteBudget {
  readonly #bytesMax: number
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = []
  #heldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Resolves when so many bytes may be held; the answer gives them back. */
  async hold(bytes: number): Promise<() => void> {
    if (this.#waiting.length > 0 || !this.#fits(bytes))
      await new Promise<void>((go) => {
        this.#waiting.push({ bytes, go })
      })
    else this.#heldBytes += bytes
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#heldBytes -= bytes
      this.#letIn()
    }
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#heldBytes += next.bytes
      next.go()
    }
  }

  #fits(bytes: number): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + bytes <= this.#bytesMax
  }
}

/**
 * The bytes that have come and are not dealt with yet. They are here already, so nobody waits for room: above the bound the
 * source is told to hold back what follows.
 */
export class Backlog {
  readonly #bytesMax: number
  readonly #holdBack: (isHeld: boolean) => void
  #bytes = 0

  constructor(bytesMax: number, holdBack: (isHeld: boolean) => void) {
    this.#bytesMax = bytesMax
    this.#holdBack = holdBack
  }

  /** The answer says that they are dealt with; only the first time counts. */
  add(bytes: number): () => void {
    this.#change(bytes)
    let isHere = true
    return () => {
      if (isHere) this.#change(-bytes)
      isHere = false
    }
  }

  #change(bytes: number): void {
    const wasFull = this.#bytes > this.#bytesMax
    this.#bytes += bytes
    const isFull = this.#bytes > this.#bytesMax
    if (isFull !== wasFull) this.#holdBack(isFull)
  }
}
