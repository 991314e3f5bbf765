/**
 * Seeded, named streams of random numbers.
 *
 * Each use of chance has its own stream, named for what it decides, so that asking for one more number in one
 * place never shifts another. Block i of a stream is sha256(seed ‖ name ‖ i): slower than xoshiro, but anybody
 * can recompute draw 17 of a revealed seed without the sixteen before it, and nobody can guess it before the
 * reveal. (Named streams: temporalio/sdk-typescript, packages/workflow/src/random-streams.ts.)
 */
import { concat, fromString } from 'uint8arrays'

export type Sha256 = (bytes: Uint8Array) => Uint8Array

export class RandomStream {
  readonly #sha256: Sha256
  readonly #prefix: Uint8Array
  #block = 0
  #words: DataView | undefined
  #wordsUsed = 0

  constructor(sha256: Sha256, seed: Uint8Array, name: string) {
    this.#sha256 = sha256
    this.#prefix = concat([seed, fromString(name)])
  }

  /** A uniform integer in [0, bound), by rejection: no modulo bias. bound is 1 to 2^32. */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound)
    for (;;) {
      const word = this.#word()
      if (word < limit) return word % bound
    }
  }

  #word(): number {
    if (this.#words === undefined || this.#wordsUsed === 8) {
      const counter = new Uint8Array(8)
      new DataView(counter.buffer).setBigUint64(0, BigInt(this.#block))
      const digest = this.#sha256(concat([this.#prefix, counter]))
      this.#words = new DataView(digest.buffer, digest.byteOffset, digest.byteLength)
      this.#block += 1
      this.#wordsUsed = 0
    }
    const word = this.#words.getUint32(this.#wordsUsed * 4)
    this.#wordsUsed += 1
    return word
  }
}
