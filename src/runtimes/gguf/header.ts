/**
 * Reads the header of a GGUF file, the format of llama.cpp's models: facts by name, then the tensors with their shapes and places.
 *
 * The engine's own reader is C++ that was written for files of one's own; here every count and length is held against a bound and
 * against the bytes that are left before anything is made of it, so that a header that lies costs nothing. Arrays of numbers are
 * passed over, since no check needs them; those of strings are kept, since the vocabulary is one.
 * Source: docs/gguf.md in ggml's repository, versions 2 and 3 (version 1 had lengths of 32 bits, and nobody writes it any more).
 */

/** A fault of the file, in words that are the same on every machine. */
export class GgufFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'GgufFault'
  }
}

export type GgufValue = number | bigint | boolean | string | readonly string[] | NumberArray

/** An array whose numbers were passed over; token types are read where they are asked for (`typesOf`). */
interface NumberArray {
  readonly type: number
  readonly count: number
  /** Its place in the file. */
  readonly offset: number
}

export interface GgufTensor {
  readonly name: string
  /** From one to four lengths, the innermost first. */
  readonly shape: readonly number[]
  /** The number by which GGML knows how its values are written. */
  readonly type: number
  /** Bytes after the beginning of the data. */
  readonly offset: number
}

export interface GgufHeader {
  readonly facts: ReadonlyMap<string, GgufValue>
  readonly tensors: readonly GgufTensor[]
  /** The number of the file's parts, where it says one: its place in the file, and its bytes. */
  readonly splitCount?: { readonly at: number; readonly bytes: number }
  /** The place in the file at which the facts end and the tensors begin. */
  readonly factsEnd: number
  /** The place in the file at which the data begins. */
  readonly dataOffset: number
  readonly alignment: number
}

/** Models have some dozens of facts. A guess. */
const factsMax = 4096
/** A network of 126 layers and many experts has some thousands. A guess. */
const tensorsMax = 65_536
/** The specification allows 65,535 bytes; names in use have 60. A guess. */
const keyBytesMax = 256
/** GGML keeps 63 and a zero. */
const tensorNameBytesMax = 63
/** The longest that is known is a chat template of 20 KB. A guess. */
const stringBytesMax = 2 ** 20
/** Vocabularies have up to 262,144 pieces, and twice as many merges. */
const elementsMax = 2 ** 20
/** Texts in all lists together: a vocabulary and its merges. Each takes up to 40 bytes of memory, and 8 of the file. A guess. */
const textsMax = 2 ** 20
const alignmentMax = 2 ** 16

/** Lengths in bytes of GGUF's numbers and booleans, by their type. */
const numberBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
}
const stringType = 8
const arrayType = 9
/** The type of a value stands before it. */
const typeBytes = 4

/** Throws GgufFault. */
export function readGgufHeader(bytes: Uint8Array): GgufHeader {
  const reader = new Reader(bytes)
  if (bytes.byteLength < 4 || reader.u32('the first bytes') !== magic)
    throw new GgufFault('is no GGUF file: it does not begin with GGUF')
  const version = reader.u32('the version')
  if (version !== 2 && version !== 3)
    throw new GgufFault(`is GGUF of version ${version}; versions 2 and 3 are read`)
  const tensorCount = reader.count('tensors', tensorsMax)
  const factCount = reader.count('facts', factsMax)
  const facts = new Map<string, GgufValue>()
  let splitCount: GgufHeader['splitCount']
  for (let i = 0; i < factCount; i += 1) {
    const key = reader.string('the name of a fact', keyBytesMax)
    if (facts.has(key)) throw new GgufFault(`names ${shown(key)} twice`)
    const at = reader.at + typeBytes
    facts.set(key, reader.value(key))
    if (key === 'split.count') splitCount = { at, bytes: reader.at - at }
  }
  const factsEnd = reader.at
  const names = new Set<string>()
  const tensors: GgufTensor[] = []
  for (let i = 0; i < tensorCount; i += 1) {
    const tensor = reader.tensor()
    if (names.has(tensor.name)) throw new GgufFault(`has two tensors called ${shown(tensor.name)}`)
    names.add(tensor.name)
    tensors.push(tensor)
  }
  const alignment = facts.get('general.alignment') ?? 32
  if (typeof alignment !== 'number' || !isPowerOfTwo(alignment) || alignment > alignmentMax)
    throw new GgufFault('has an alignment that is no power of two up to 65536')
  const dataOffset = Math.ceil(reader.at / alignment) * alignment
  return { facts, tensors, factsEnd, dataOffset, alignment, ...(splitCount && { splitCount }) }
}

/** The whole numbers of an array of 32 bits; undefined where it is none, or has another length. */
export function wholeNumbersOf(
  bytes: Uint8Array,
  value: GgufValue | undefined,
  count: number,
): Int32Array | undefined {
  if (typeof value !== 'object' || !('offset' in value)) return undefined
  if ((value.type !== 4 && value.type !== 5) || value.count !== count) return undefined
  // A copy: its place may be at any byte.
  return new Int32Array(bytes.slice(value.offset, value.offset + 4 * count).buffer)
}

/** A name from the file in a message: not longer than a reader wants, and in ASCII. */
export function shown(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64)}…` : name
  return JSON.stringify(short.replaceAll(/[^ -~…]/g, '?'))
}

const magic = 0x46554747

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #texts = 0
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u32(what: string): number {
    return this.#view.getUint32(this.#take(4, what), true)
  }

  /** A number of things that each take a byte at least. */
  count(what: string, most: number): number {
    const count = this.#view.getBigUint64(this.#take(8, `the number of ${what}`), true)
    if (count > BigInt(most))
      throw new GgufFault(`says that it has ${count} ${what}; at most ${most} are read`)
    if (count > BigInt(this.#left))
      throw new GgufFault(`says that it has ${count} ${what}, and ends before them`)
    return Number(count)
  }

  string(what: string, bytesMax: number): string {
    const length = this.#view.getBigUint64(this.#take(8, what), true)
    if (length > BigInt(bytesMax))
      throw new GgufFault(`has ${what} of ${length} bytes; at most ${bytesMax} are read`)
    const start = this.#take(Number(length), what)
    return utf8.decode(this.#bytes.subarray(start, start + Number(length)))
  }

  value(key: string): GgufValue {
    const what = `the fact ${shown(key)}`
    const type = this.u32(what)
    if (type === arrayType) return this.#array(what)
    if (type === stringType) return this.string(what, stringBytesMax)
    return this.#number(type, what)
  }

  tensor(): GgufTensor {
    const name = this.string('the name of a tensor', tensorNameBytesMax)
    const what = `the tensor ${shown(name)}`
    const dimensions = this.u32(what)
    if (dimensions < 1 || dimensions > 4)
      throw new GgufFault(`has ${what} with ${dimensions} dimensions; from 1 to 4 are read`)
    const shape: number[] = []
    for (let i = 0; i < dimensions; i += 1) shape.push(this.#length(what))
    const type = this.u32(what)
    const offset = this.#view.getBigUint64(this.#take(8, what), true)
    if (offset > BigInt(Number.MAX_SAFE_INTEGER))
      throw new GgufFault(`has ${what} beyond the end of any file`)
    return { name, shape, type, offset: Number(offset) }
  }

  #length(what: string): number {
    const length = this.#view.getBigUint64(this.#take(8, what), true)
    if (length < 1n || length > 2n ** 31n - 1n) throw new GgufFault(`has ${what} with a side of ${length}`)
    return Number(length)
  }

  #array(what: string): GgufValue {
    const type = this.u32(what)
    const count = this.count(`elements of ${what}`, elementsMax)
    if (type === stringType) {
      this.#texts += count
      if (this.#texts > textsMax)
        throw new GgufFault(`has lists of ${this.#texts} texts and more; at most ${textsMax} are read`)
      const list: string[] = []
      for (let i = 0; i < count; i += 1) list.push(this.string(`an element of ${what}`, stringBytesMax))
      return list
    }
    const each = Object.hasOwn(numberBytes, type) ? numberBytes[type]! : 0
    if (each === 0) throw new GgufFault(`has ${what} as a list of type ${type}, which is not known`)
    return { type, count, offset: this.#take(count * each, what) }
  }

  #number(type: number, what: string): GgufValue {
    const each = Object.hasOwn(numberBytes, type) ? numberBytes[type]! : 0
    if (each === 0) throw new GgufFault(`has ${what} of type ${type}, which is not known`)
    const at = this.#take(each, what)
    switch (type) {
      case 0:
        return this.#view.getUint8(at)
      case 1:
        return this.#view.getInt8(at)
      case 2:
        return this.#view.getUint16(at, true)
      case 3:
        return this.#view.getInt16(at, true)
      case 4:
        return this.#view.getUint32(at, true)
      case 5:
        return this.#view.getInt32(at, true)
      case 6:
        return this.#view.getFloat32(at, true)
      case 7:
        return this.#view.getUint8(at) !== 0
      case 10:
        return this.#view.getBigUint64(at, true)
      case 11:
        return this.#view.getBigInt64(at, true)
      default:
        return this.#view.getFloat64(at, true)
    }
  }

  get #left(): number {
    return this.#bytes.byteLength - this.at
  }

  /** The place of the next bytes. */
  #take(bytes: number, what: string): number {
    if (bytes > this.#left) throw new GgufFault(`ends in the middle of ${what}`)
    const start = this.at
    this.at += bytes
    return start
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value))
}

const utf8 = new TextDecoder()
