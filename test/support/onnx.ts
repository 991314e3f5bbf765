/** Writes ONNX models field by field, so that a test can write what no exporter would. */

type Part = Uint8Array | readonly number[]

export function joined(...parts: readonly Part[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** In its shortest form; negative numbers as their two's complement. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Uint8Array.from(bytes)
}

const tag = (field: number, wire: number) => varint((field << 3) | wire)

/** A field that holds a number. */
export const number = (field: number, value: number | bigint) => joined(tag(field, 0), varint(value))

/** A field that holds bytes, text or a message. */
export function within(field: number, ...content: readonly (Part | string)[]): Uint8Array {
  const bytes = joined(...content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  return joined(tag(field, 2), varint(bytes.byteLength), bytes)
}

/** The types of TensorProto. */
export const float = 1
const uint8 = 2
export const int64 = 7

/** A tensor's fields, with the data in `raw_data`. */
export const tensor = (name: string, dims: readonly number[], type: number, raw: Part) =>
  joined(...dims.map((dim) => number(1, dim)), number(2, type), within(8, name), within(9, raw))

/** A tensor of bytes whose data stands in another file. */
export const tensorElsewhere = (name: string, path: string, bytes: number) =>
  joined(
    number(1, bytes),
    number(2, uint8),
    within(8, name),
    within(13, within(1, 'location'), within(2, path)),
    within(13, within(1, 'offset'), within(2, '0')),
    within(13, within(1, 'length'), within(2, `${bytes}`)),
    number(14, 1),
  )

export const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...more: readonly Part[]
) =>
  joined(
    ...inputs.map((name) => within(1, name)),
    ...outputs.map((name) => within(2, name)),
    within(4, op),
    ...more,
  )

const intAttribute = (name: string, value: number) =>
  within(5, within(1, name), number(3, value), number(20, 2))

/** A value of 32-bit floats. */
const value = (name: string, dims: readonly (number | string)[]) => {
  const shape = dims.map((dim) => within(1, typeof dim === 'number' ? number(1, dim) : within(2, dim)))
  return joined(within(1, name), within(2, within(1, number(1, float), within(2, ...shape))))
}

/** A model of these fields of a graph, and more of its own. */
export const model = (graph: readonly Part[], ...more: readonly Part[]) =>
  joined(number(1, 8), within(8, within(1, ''), number(2, 17)), within(7, within(2, 'g'), ...graph), ...more)

/** The graph that puts its input out as it is. */
export const identity = (...initializers: readonly Part[]) => [
  within(1, node('Identity', ['x'], ['y'])),
  ...initializers.map((initializer) => within(5, initializer)),
  within(11, value('x', [1])),
  within(12, value('y', [1])),
]

const raw64 = (...numbers: readonly number[]) =>
  new Uint8Array(BigInt64Array.from(numbers.map(BigInt)).buffer)

/**
 * A recogniser that pays no attention to its picture: it reads the beginning of a file, and its columns spell the file's
 * bytes as characters of a dictionary of 256.
 */
export function spellingModel(path: string, bytes: number): Uint8Array {
  const classes = 258
  return model([
    within(1, node('Cast', ['file'], ['wide'], intAttribute('to', int64))),
    within(1, node('Add', ['wide', 'one'], ['index'])),
    within(1, node('OneHot', ['index', 'depth', 'values'], ['columns'])),
    within(1, node('Unsqueeze', ['columns', 'zero'], ['y'])),
    within(5, tensorElsewhere('file', path, bytes)),
    within(5, tensor('one', [1], int64, raw64(1))),
    within(5, tensor('zero', [1], int64, raw64(0))),
    within(5, tensor('depth', [1], int64, raw64(classes))),
    within(5, tensor('values', [2], float, new Uint8Array(Float32Array.of(0, 1).buffer))),
    within(11, value('x', [1, 3, 48, 'w'])),
    within(12, value('y', [1, bytes, classes])),
  ])
}

/** Its dictionary: a character a byte, none of which is a space. */
export const spellingDictionary = Array.from({ length: 256 }, (_, byte) =>
  String.fromCharCode(0x4e00 + byte),
).join('\n')

/**
 * Reads a model as forgivingly as any reader might, and tells whether an initializer of its graph names another file: what
 * cannot be read ends the message, and everything else is skipped.
 */
export function namesAnotherFile(bytes: Uint8Array): boolean {
  return fieldsOf(bytes)
    .filter(({ field }) => field === 7)
    .flatMap(({ content }) => fieldsOf(content))
    .filter(({ field }) => field === 5)
    .some(({ content }) =>
      fieldsOf(content).some(
        ({ field, wire, value }) =>
          (field === 13 && wire === 2) || (field === 14 && wire === 0 && value !== 0n),
      ),
    )
}

interface LooseField {
  readonly field: number
  readonly wire: number
  /** Of wire type 0, as an enum: its low 32 bits. */
  readonly value: bigint
  /** Of wire type 2. */
  readonly content: Uint8Array
}

function fieldsOf(bytes: Uint8Array): LooseField[] {
  const fields: LooseField[] = []
  let at = 0
  const next = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at] ?? 0
      at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return value
  }
  while (at < bytes.byteLength) {
    const tag = Number(next() & 0xffffffffn)
    const [field, wire] = [tag >>> 3, tag & 7]
    let value = 0n
    let content = new Uint8Array(0)
    if (wire === 0) value = next() & 0xffffffffn
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = Number(next())
      content = Uint8Array.from(bytes.subarray(at, at + length))
      at += length
    } else break
    fields.push({ field, wire, value, content })
  }
  return fields
}
