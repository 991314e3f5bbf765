/** Random numbers from a seed, for pages that are the same whenever they are made. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1
    for (let round = 0; round < 8; round += 1) this.unit()
  }

  /** Uniform in [0, 1): Marsaglia's xorshift32. */
  unit(): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) / 2 ** 32
  }

  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  between(least: number, most: number): number {
    return least + this.unit() * (most - least)
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  sign(): 1 | -1 {
    return this.unit() < 0.5 ? -1 : 1
  }

  /** Mean 0, deviation 1, near enough: the sum of four uniform numbers. */
  normal(): number {
    return (this.unit() + this.unit() + this.unit() + this.unit() - 2) * Math.sqrt(3)
  }
}
