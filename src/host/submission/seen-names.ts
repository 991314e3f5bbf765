/**
 * The names that a submission has used so far, to tell the second use of one.
 *
 * A set of a million strings takes 100 MB. Here a name is the first 64 bits of its hash, and the line that it came from: 24 bytes
 * at most. Two different names among a million look equal once in thirty million submissions; then the second is refused as if it
 * were the first.
 */
import { hash } from 'node:crypto'

const slotsFirst = 1024

export class SeenNames {
  #hashes = new BigUint64Array(slotsFirst)
  #lines = new Uint32Array(slotsFirst)
  #count = 0

  /** Notes a name; `line` is 0 for one that came from no line. Returns the line of its first use, undefined for a new name. */
  add(name: string, line: number): number | undefined {
    if (2 * this.#count >= this.#hashes.length) this.#grow()
    const slot = this.#slotOf(keyOf(name))
    if (this.#hashes[slot] !== empty) return this.#lines[slot]
    this.#hashes[slot] = keyOf(name)
    this.#lines[slot] = line
    this.#count += 1
    return undefined
  }

  /** The slot that has the key, or would have it. */
  #slotOf(key: bigint): number {
    const mask = this.#hashes.length - 1
    let slot = Number(key & BigInt(mask))
    while (this.#hashes[slot] !== empty && this.#hashes[slot] !== key) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [hashes, lines] = [this.#hashes, this.#lines]
    this.#hashes = new BigUint64Array(2 * hashes.length)
    this.#lines = new Uint32Array(2 * hashes.length)
    for (const [at, key] of hashes.entries()) {
      if (key === empty) continue
      const slot = this.#slotOf(key)
      this.#hashes[slot] = key
      this.#lines[slot] = lines[at]!
    }
  }
}

const empty = 0n

function keyOf(name: string): bigint {
  return hash('sha256', name, 'buffer').readBigUInt64LE() || 1n
}
