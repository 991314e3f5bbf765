/** GGUF files, written field by field, so that a test can make any of them a lie. */

type Fact = readonly [type: number, value: Uint8Array]

export interface GgufParts {
  readonly magic?: string
  readonly version?: number
  readonly tensorCount?: bigint
  readonly factCount?: bigint
  readonly facts?: Readonly<Record<string, Fact>>
  /** Facts as they stand in another file, which come first. */
  readonly before?: { readonly count: number; readonly bytes: Uint8Array } | undefined
  readonly tensors?: readonly TensorParts[]
  /** Bytes of the data; by default as many as the tensors have. */
  readonly dataBytes?: number
}

export interface TensorParts {
  readonly name: string
  readonly shape: readonly (number | bigint)[]
  readonly type: number
  readonly offset: number | bigint
}

export const text = (value: string): Fact => [8, lengthed(new TextEncoder().encode(value))]
export const whole = (value: number): Fact => [4, u32(value)]
export const texts = (values: readonly string[]): Fact => [
  9,
  joined(u32(8), u64(values.length), ...values.map((value) => lengthed(new TextEncoder().encode(value)))),
]
export const wholes = (values: readonly number[]): Fact => [
  9,
  joined(u32(5), u64(values.length), ...values.map(u32)),
]

/** Facts that have no fault. */
export const goodFacts: Readonly<Record<string, Fact>> = {
  'general.architecture': text('llama'),
  'llama.context_length': whole(64),
  'llama.embedding_length': whole(32),
  'llama.block_count': whole(1),
  'tokenizer.ggml.tokens': texts(['<s>', 'a']),
  'tokenizer.ggml.token_type': wholes([3, 1]),
  'tokenizer.ggml.bos_token_id': whole(0),
}

/** Two tensors: 32 × 2 in 8 bits, and 3 floats. */
export const goodTensors: readonly TensorParts[] = [
  { name: 'token_embd.weight', shape: [32, 2], type: 8, offset: 0 },
  { name: 'output_norm.weight', shape: [3], type: 0, offset: 96 },
]
const goodDataBytes = 96 + 12

export function gguf({
  magic = 'GGUF',
  version = 3,
  facts = goodFacts,
  tensors = goodTensors,
  tensorCount = BigInt(tensors.length),
  before = { count: 0, bytes: new Uint8Array(0) },
  factCount = BigInt(before.count + Object.keys(facts).length),
  dataBytes = goodDataBytes,
}: GgufParts = {}): Uint8Array {
  const head = joined(
    new TextEncoder().encode(magic),
    u32(version),
    u64(tensorCount),
    u64(factCount),
    before.bytes,
    ...Object.entries(facts).flatMap(([key, [type, value]]) => [
      lengthed(new TextEncoder().encode(key)),
      u32(type),
      value,
    ]),
    ...tensors.flatMap(({ name, shape, type, offset }) => [
      lengthed(new TextEncoder().encode(name)),
      u32(shape.length),
      ...shape.map(u64),
      u32(type),
      u64(offset),
    ]),
  )
  const padding = (32 - (head.byteLength % 32)) % 32
  return joined(head, new Uint8Array(padding + dataBytes))
}

export function u64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

function lengthed(bytes: Uint8Array): Uint8Array {
  return joined(u64(bytes.byteLength), bytes)
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
