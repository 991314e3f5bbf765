/**
 * Reads protobuf's wire format, and takes one spelling only of what it says: numbers in their shortest form, no groups,
 * nothing beyond the end. Two readers that differ in what they forgive see two models in one file; a writer needs none of it.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** A file that no writer of protobuf makes. The message is a sentence without its subject. */
export class WireError extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'WireError'
  }
}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const
export type WireType = (typeof wireTypes)[keyof typeof wireTypes]

/** 7 bits a byte: 64 bits take ten. */
const varintBytesMax = 10
const fieldMax = 2 ** 29 - 1

export class WireReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  /** Throws WireError, as all below. */
  tag(): { readonly field: number; readonly wire: WireType } {
    const tag = this.varint()
    const [field, wire] = [Number(tag >> 3n), Number(tag & 7n)]
    if (field < 1 || field > fieldMax) throw new WireError('has a field that is numbered beyond the format')
    if (!isWireType(wire)) throw new WireError('has a group, or a kind of field that there is not')
    return { field, wire }
  }

  /** From 0 to 2^64 - 1; negative numbers come as their two's complement. */
  varint(): bigint {
    let value = 0n
    for (let index = 0; index < varintBytesMax; index += 1) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte >= 0x80) continue
      if (byte === 0 && index > 0) throw new WireError('has a number that is longer than it needs to be')
      if (value >= 2n ** 64n) break
      return value
    }
    throw new WireError('has a number of more than 64 bits')
  }

  /** Reads numbers to the end, and answers how many there are; an eighth of the time that reading each takes. */
  countVarints(): number {
    let count = 0
    let length = 0
    for (let at = this.#at; at < this.#bytes.byteLength; at += 1) {
      length += 1
      if (length > varintBytesMax) throw new WireError('has a number of more than 64 bits')
      if (this.#bytes[at]! >= 0x80) continue
      count += 1
      length = 0
    }
    if (length > 0) throw new WireError('ends in the middle of a number')
    this.#at = this.#bytes.byteLength
    return count
  }

  bytes(): Uint8Array {
    return this.#take(this.varint())
  }

  fixed(wire: typeof wireTypes.fixed32 | typeof wireTypes.fixed64): Uint8Array {
    return this.#take(wire === wireTypes.fixed32 ? 4n : 8n)
  }

  #take(count: bigint): Uint8Array {
    if (count > this.#bytes.byteLength - this.#at) throw new WireError('ends in the middle of a field')
    const from = this.#at
    this.#at += Number(count)
    return this.#bytes.subarray(from, this.#at)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new WireError('ends in the middle of a number')
    this.#at += 1
    return byte
  }
}

function isWireType(wire: number): wire is WireType {
  return Object.values<number>(wireTypes).includes(wire)
}
