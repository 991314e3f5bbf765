/** The sizes of a tensor: its shape, the width of its elements and the data that it brings have to agree to the byte. */
import type { Fields } from './fields.ts'
import { WireError } from './wire.ts'

interface ElementType {
  readonly bits: number
  /** The field that may hold elements instead of `raw_data`. */
  readonly field: string
  /** Values of that field for so many elements: narrow ones share a value, complex ones take two. */
  readonly values: (elements: bigint) => bigint
}

const each = (elements: bigint) => elements
const twoEach = (elements: bigint) => 2n * elements
const shared = (by: bigint) => (elements: bigint) => (elements + by - 1n) / by

const narrow = (bits: number): ElementType => ({ bits, field: 'int32_data', values: each })
const packed = (bits: number): ElementType => ({
  bits,
  field: 'int32_data',
  values: shared(BigInt(8 / bits)),
})

/** TensorProto.DataType. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  1: { bits: 32, field: 'float_data', values: each },
  2: narrow(8),
  3: narrow(8),
  4: narrow(16),
  5: narrow(16),
  6: narrow(32),
  7: { bits: 64, field: 'int64_data', values: each },
  9: narrow(8),
  10: narrow(16),
  11: { bits: 64, field: 'double_data', values: each },
  12: { bits: 32, field: 'uint64_data', values: each },
  13: { bits: 64, field: 'uint64_data', values: each },
  14: { bits: 64, field: 'float_data', values: twoEach },
  15: { bits: 128, field: 'double_data', values: twoEach },
  16: narrow(16),
  17: narrow(8),
  18: narrow(8),
  19: narrow(8),
  20: narrow(8),
  21: packed(4),
  22: packed(4),
  23: packed(4),
  24: narrow(8),
  25: packed(2),
  26: packed(2),
}

const textType = 8
const dataFields = ['float_data', 'int32_data', 'string_data', 'int64_data', 'double_data', 'uint64_data']

/** More than any file here can hold; keeps the product of a shape within bounds. */
const elementsMax = 2n ** 40n

/** Throws WireError. */
export function checkTensor(tensor: Fields): void {
  if (tensor.integers('data_location').some((location) => location !== 0n))
    throw new WireError('keeps data in another file')
  const elements = elementsOf(tensor.integers('dims'))
  const [type = 0n] = tensor.integers('data_type')
  const filled = dataFields.filter((field) => tensor.count(field) > 0)
  const raw = tensor.bytes('raw_data')
  if (type === BigInt(textType)) {
    if (raw !== undefined || filled.some((field) => field !== 'string_data')) throw mismatch()
    if (BigInt(tensor.count('string_data')) !== elements) throw mismatch()
    return
  }
  const known = type >= 0n && type < 1_000n ? elementTypes[Number(type)] : undefined
  if (known === undefined) throw new WireError('has a tensor of a type that there is not')
  if (raw !== undefined) {
    if (filled.length > 0 || BigInt(raw.byteLength) !== (elements * BigInt(known.bits) + 7n) / 8n)
      throw mismatch()
    return
  }
  if (filled.some((field) => field !== known.field)) throw mismatch()
  if (BigInt(tensor.count(known.field)) !== known.values(elements)) throw mismatch()
}

function elementsOf(dims: readonly bigint[]): bigint {
  let elements = 1n
  for (const dim of dims) {
    if (dim < 0n || dim > elementsMax) throw mismatch()
    elements *= dim
    if (elements > elementsMax) throw mismatch()
  }
  return elements
}

function mismatch(): WireError {
  return new WireError('has a tensor whose shape and data do not agree')
}
