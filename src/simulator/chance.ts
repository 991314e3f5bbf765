/**
 * Stands in for cryptography and luck in the simulator: a hash of 128 mixed bits, spread over 32 bytes, and streams
 * of random numbers, each seeded and named for what it decides. Cheap, the same on every machine, and safe against
 * nobody, since nobody in here attacks hashes.
 */

/** Four lanes, each taking every fourth byte, mixed with one another at the end. They are variables, as a world hashes all day. */
export function cheapHash(bytes: Uint8Array): Uint8Array {
  let [a, b, c, d] = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]
  const { length } = bytes
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    a = mix(a, bytes[i]!)
    b = mix(b, bytes[i + 1]!)
    c = mix(c, bytes[i + 2]!)
    d = mix(d, bytes[i + 3]!)
    a = (a + Math.imul(d, 0x165667b1)) | 0
  }
  if (length > whole) a = mix(a, bytes[whole]!)
  if (length > whole + 1) b = mix(b, bytes[whole + 1]!)
  if (length > whole + 2) c = mix(c, bytes[whole + 2]!)
  for (let round = 0; round < 2; round += 1) {
    a = finish(a + Math.imul(d, 0x9e3779b1) + length)
    b = finish(b + Math.imul(a, 0x9e3779b1) + length)
    c = finish(c + Math.imul(b, 0x9e3779b1) + length)
    d = finish(d + Math.imul(c, 0x9e3779b1) + length)
  }
  const lanes = [a, b, c, d]
  const out = new Uint8Array(32)
  const view = new DataView(out.buffer)
  for (let i = 0; i < 8; i += 1)
    view.setUint32(i * 4, finish(lanes[i & 3]! + Math.imul(i >> 2, 0x27d4eb2f)) >>> 0)
  return out
}

function mix(lane: number, byte: number): number {
  const mixed = Math.imul(lane ^ byte, 0x5bd1e995)
  return mixed ^ (mixed >>> 13)
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
