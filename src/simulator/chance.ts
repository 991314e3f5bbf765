/**
 * Stands in for cryptography and luck in the simulator: a hash of 128 mixed bits, spread over 32 bytes, and streams
 * of random numbers, each seeded and named for what it decides. Cheap, the same on every machine, and safe against
 * nobody, since nobody in here attacks hashes.
 */

/** Four lanes, each taking every fourth byte, mixed with one another at the end. */
export function cheapHash(bytes: Uint8Array): Uint8Array {
  const lanes = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]
  for (let i = 0; i < bytes.length; i += 1) {
    const lane = i & 3
    const mixed = Math.imul(lanes[lane]! ^ bytes[i]!, 0x5bd1e995)
    lanes[lane] = mixed ^ (mixed >>> 13)
    if (lane === 3) lanes[0] = (lanes[0]! + Math.imul(lanes[3]!, 0x165667b1)) | 0
  }
  for (let round = 0; round < 8; round += 1) {
    const i = round & 3
    lanes[i] = finish(lanes[i]! + Math.imul(lanes[(i + 3) & 3]!, 0x9e3779b1) + bytes.length)
  }
  const out = new Uint8Array(32)
  const view = new DataView(out.buffer)
  for (let i = 0; i < 8; i += 1)
    view.setUint32(i * 4, finish(lanes[i & 3]! + Math.imul(i >> 2, 0x27d4eb2f)) >>> 0)
  return out
}

/** Every bit of the argument moves about half of those of the result (MurmurHash3's finalizer). */
function finish(lane: number): number {
  const first = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return second ^ (second >>> 16)
}

/** Uniform enough for a world: mulberry32, seeded with a hash of seed and name. */
export class Chance {
  #state: number

  constructor(seed: number, name: string) {
    const digest = cheapHash(new TextEncoder().encode(`${seed}/${name}`))
    this.#state = new DataView(digest.buffer).getUint32(0)
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from least to most, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }
}
