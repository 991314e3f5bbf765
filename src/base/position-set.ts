/**
 * A set of positions 0 … length − 1 that is walked in rising order, whatever the order of its changes: one bit
 * for each, and one bit for each word of 32 that is not empty, so that a walk skips 1,024 absentees at a time.
 */
export class PositionSet {
  readonly #words: Uint32Array
  readonly #summary: Uint32Array
  #size = 0

  constructor(length: number) {
    this.#words = new Uint32Array(Math.ceil(length / 32))
    this.#summary = new Uint32Array(Math.ceil(length / 1024))
  }

  get size(): number {
    return this.#size
  }

  has(position: number): boolean {
    return (this.#words[position >> 5]! & (1 << (position & 31))) !== 0
  }

  add(position: number): void {
    if (this.has(position)) return
    this.#words[position >> 5]! |= 1 << (position & 31)
    this.#summary[position >> 10]! |= 1 << ((position >> 5) & 31)
    this.#size += 1
  }

  delete(position: number): void {
    if (!this.has(position)) return
    this.#words[position >> 5]! &= ~(1 << (position & 31))
    if (this.#words[position >> 5] === 0) this.#summary[position >> 10]! &= ~(1 << ((position >> 5) & 31))
    this.#size -= 1
  }

  /** The least member that is not below `from`; undefined when there is none. */
  next(from: number): number | undefined {
    const here = atOrAbove(this.#words[from >> 5] ?? 0, from & 31)
    if (here < 32) return ((from >> 5) << 5) + here
    let word = (from >> 5) + 1
    for (let block = word >> 5; block < this.#summary.length; block += 1) {
      const found = atOrAbove(this.#summary[block]!, block === word >> 5 ? word & 31 : 0)
      if (found < 32) {
        word = (block << 5) + found
        return (word << 5) + atOrAbove(this.#words[word]!, 0)
      }
    }
    return undefined
  }
}

/** The lowest set bit that is not below `bit`; 32 when there is none. */
function atOrAbove(word: number, bit: number): number {
  const left = (word & (-1 << bit)) >>> 0
  return left === 0 ? 32 : 31 - Math.clz32(left & -left)
}
