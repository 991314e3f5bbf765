/** The fields of one message as they were read: numbers as numbers, runs of numbers counted, messages within left out. */

import type { Field } from './schema.ts'
import { WireError, WireReader, type WireType, wireTypes } from './wire.ts'

/** 2^63: integers of ONNX are signed, and come as their two's complement. */
const signBit = 2n ** 63n

export class Fields {
  readonly #counts = new Map<string, number>()
  readonly #integers = new Map<string, bigint[]>()
  readonly #bytes = new Map<string, Uint8Array>()

  /** The number of values that a field has, packed ones counted each. */
  count(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** As signed 64-bit numbers; only of fields that `keepsIntegers` names. */
  integers(name: string): readonly bigint[] {
    return this.#integers.get(name) ?? []
  }

  bytes(name: string): Uint8Array | undefined {
    return this.#bytes.get(name)
  }

  /** Reads one occurrence of a field. The answer is a message within it, if it is one. Throws WireError. */
  read(field: Field, wire: WireType, reader: WireReader): Uint8Array | null {
    const before = this.count(field.name)
    if (!field.isRepeated && before > 0) throw new WireError(`says ${field.name} twice`)
    switch (field.kind) {
      case 'refused':
        throw new WireError(field.why)
      case 'message':
        this.#counts.set(field.name, before + 1)
        return bytesOf(field, wire, reader)
      case 'bytes':
        this.#counts.set(field.name, before + 1)
        this.#bytes.set(field.name, bytesOf(field, wire, reader))
        return null
      case 'integer':
        this.#counts.set(field.name, before + this.#readIntegers(field, wire, reader))
        return null
      case 'float':
      case 'double': {
        const fixed = field.kind === 'float' ? wireTypes.fixed32 : wireTypes.fixed64
        this.#counts.set(field.name, before + fixedCount(field, wire, fixed, reader))
        return null
      }
    }
  }

  #readIntegers(field: Field, wire: WireType, reader: WireReader): number {
    const isKept = keepsIntegers.has(field.name)
    if (wire === wireTypes.varint) {
      const value = reader.varint()
      if (isKept) this.#keep(field.name, value)
      return 1
    }
    if (!field.isRepeated) throw new WireError(`writes ${field.name} as something else`)
    const packed = new WireReader(bytesOf(field, wire, reader))
    if (!isKept) return packed.countVarints()
    let count = 0
    for (; !packed.isDone; count += 1) this.#keep(field.name, packed.varint())
    return count
  }

  #keep(name: string, value: bigint): void {
    const kept = this.#integers.get(name) ?? []
    this.#integers.set(name, kept)
    if (kept.length === integersMax) throw new WireError(`has more than ${integersMax} ${name}`)
    kept.push(value >= signBit ? value - 2n * signBit : value)
  }
}

/** Those that a check looks at; of all others the number of values is enough. */
const keepsIntegers: ReadonlySet<string> = new Set(['dims', 'data_type', 'data_location'])

/** The rank of a tensor. Engines take a handful; the largest in use has eight. A guess. */
const integersMax = 32

function bytesOf(field: Field, wire: WireType, reader: WireReader): Uint8Array {
  if (wire !== wireTypes.bytes) throw new WireError(`writes ${field.name} as something else`)
  return reader.bytes()
}

function fixedCount(
  field: Field,
  wire: WireType,
  single: typeof wireTypes.fixed32 | typeof wireTypes.fixed64,
  reader: WireReader,
): number {
  if (wire === single) {
    reader.fixed(single)
    return 1
  }
  const size = single === wireTypes.fixed32 ? 4 : 8
  const bytes = field.isRepeated ? bytesOf(field, wire, reader).byteLength : Number.NaN
  if (bytes % size !== 0) throw new WireError(`writes ${field.name} as something else`)
  return bytes / size
}
