/**
 * A GGUF file of the smallest network that llama.cpp loads, with another model's chat template and its marks for the beginning and the
 * end of a text. It answers nothing: the exact engine makes prompts and grammars with it for models that are too large for that engine.
 */
import type { GgufHeader } from '../../gguf/header.ts'

const width = 32
const pieces = 4

/** `addsBegin`: the engine puts the mark for the beginning before each prompt, so that the template leaves it out. */
export function stubModel({ facts }: GgufHeader, addsBegin: boolean): Uint8Array {
  const template = facts.get('tokenizer.chat_template')
  const [begin, end] = ['bos', 'eos'].map((name) => markOf(facts, name))
  const entries = [
    fact('general.architecture', text('llama')),
    fact('llama.context_length', whole(width)),
    fact('llama.embedding_length', whole(width)),
    fact('llama.block_count', whole(1)),
    fact('llama.feed_forward_length', whole(width)),
    fact('llama.attention.head_count', whole(1)),
    fact('llama.attention.layer_norm_rms_epsilon', [6, float32(1e-5)]),
    fact('tokenizer.ggml.model', text('llama')),
    fact('tokenizer.ggml.tokens', list(8, ['<unk>', begin!, end!, '<0x0A>'].map(lengthed))),
    fact('tokenizer.ggml.scores', list(6, Array(pieces).fill(float32(0)))),
    // Unknown, control, control, byte.
    fact('tokenizer.ggml.token_type', list(5, [2, 3, 3, 6].map(u32))),
    fact('tokenizer.ggml.bos_token_id', whole(1)),
    fact('tokenizer.ggml.eos_token_id', whole(2)),
    fact('tokenizer.ggml.unknown_token_id', whole(0)),
    fact('tokenizer.ggml.add_bos_token', [7, Uint8Array.of(addsBegin ? 1 : 0)]),
    fact('tokenizer.ggml.add_eos_token', [
      7,
      Uint8Array.of(facts.get('tokenizer.ggml.add_eos_token') ? 1 : 0),
    ]),
    fact('tokenizer.chat_template', text(typeof template === 'string' ? template : '')),
  ]
  let dataBytes = 0
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const tensor = joined(lengthed(name), u32(shape.length), ...shape.map(u64), u32(0), u64(dataBytes))
    dataBytes += 4 * shape.reduce((product, side) => product * side, 1)
    return tensor
  })
  const head = joined(
    new TextEncoder().encode('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries,
    ...tensors,
  )
  return joined(head, new Uint8Array(((32 - (head.byteLength % 32)) % 32) + dataBytes))
}

/** All of them zero: each has a multiple of 32 bytes, so that none is filled up. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  'token_embd.weight': [width, pieces],
  'output_norm.weight': [width],
  'blk.0.attn_norm.weight': [width],
  'blk.0.attn_q.weight': [width, width],
  'blk.0.attn_k.weight': [width, width],
  'blk.0.attn_v.weight': [width, width],
  'blk.0.attn_output.weight': [width, width],
  'blk.0.ffn_norm.weight': [width],
  'blk.0.ffn_gate.weight': [width, width],
  'blk.0.ffn_up.weight': [width, width],
  'blk.0.ffn_down.weight': [width, width],
}

/** The ids that llama.cpp takes where a file names none, by the kind of its vocabulary. */
const usualIds: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  bos: { gpt2: 11 },
  eos: { gpt2: 11 },
}

function markOf(facts: GgufHeader['facts'], name: string): string {
  const tokens = facts.get('tokenizer.ggml.tokens') as readonly string[]
  const usual = usualIds[name]?.[String(facts.get('tokenizer.ggml.model'))] ?? (name === 'bos' ? 1 : 2)
  const id = facts.get(`tokenizer.ggml.${name}_token_id`)
  return tokens[typeof id === 'number' ? id : usual] || '<s>'
}

type Value = readonly [type: number, bytes: Uint8Array]

function fact(name: string, [type, bytes]: Value): Uint8Array {
  return joined(lengthed(name), u32(type), bytes)
}

function text(value: string): Value {
  return [8, lengthed(value)]
}

function whole(value: number): Value {
  return [4, u32(value)]
}

function list(type: number, values: readonly Uint8Array[]): Value {
  return [9, joined(u32(type), u64(values.length), ...values)]
}

function lengthed(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value)
  return joined(u64(bytes.byteLength), bytes)
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes
}

function float32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setFloat32(0, value, true)
  return bytes
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
