/**
 * Writes a language model of any size whose weights are random numbers, as GGUF in 8 bits: it talks nonsense, and takes disk, memory and
 * time as a trained one of its shape does.
 */
import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { gguf, type TensorParts, text, texts, whole, wholes } from '../test/support/gguf.ts'

const width = 2048
const inner = 5632
const keys = 256
const heads = 16
const keyHeads = 2
const pieces = 4096
/** Bytes of 32 values in Q8_0: a scale of 16 bits, and a byte each. */
const [blockValues, blockBytes, typeOfBlocks] = [32, 34, 8]

/** Returns the bytes of the file: at least so many MiB, and less than a layer more. */
export function writeRandomModel(path: string, mebibytes: number): number {
  let layers = 1
  while (bytesOf(tensorsOf(layers)) < mebibytes * 2 ** 20) layers += 1
  const tensors = tensorsOf(layers)
  const file = openSync(path, 'wx')
  let bytes = writeSync(file, headOf(layers, tensors))
  // Rows are alike after some 2 MiB, and no two parts of the file.
  const tile = tileOf(65_537)
  const ones = Buffer.from(new Float32Array(width).fill(1).buffer)
  for (const [i, { shape }] of tensors.entries()) {
    let left = lengthOf(shape)
    if (shape.length === 1) bytes += writeSync(file, ones)
    else
      for (let at = (i * 7919 * blockBytes) % tile.byteLength; left > 0; at = 0) {
        const part = tile.subarray(at, at + left)
        bytes += writeSync(file, part)
        left -= part.byteLength
      }
  }
  closeSync(file)
  return bytes
}

function headOf(layers: number, tensors: readonly TensorParts[]): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const letters = ['<unk>', '<s>', '</s>', ...bytes, ...'▁abcdefghijklmnopqrstuvwxyz']
  const words = Array.from({ length: pieces - letters.length }, (_, i) => `w${i}`)
  const types = [2, 3, 3, ...bytes.map(() => 6), ...Array(pieces - bytes.length - 3).fill(1)]
  const scores = new Uint8Array(new Float32Array(pieces).map((_, i) => -i).buffer)
  const list = new DataView(new ArrayBuffer(12))
  list.setUint32(0, 6, true)
  list.setBigUint64(4, BigInt(pieces), true)
  const facts = {
    'general.architecture': text('llama'),
    'llama.context_length': whole(2048),
    'llama.embedding_length': whole(width),
    'llama.block_count': whole(layers),
    'llama.feed_forward_length': whole(inner),
    'llama.attention.head_count': whole(heads),
    'llama.attention.head_count_kv': whole(keyHeads),
    'llama.attention.layer_norm_rms_epsilon': [6, new Uint8Array(new Float32Array([1e-5]).buffer)],
    'tokenizer.ggml.model': text('llama'),
    'tokenizer.ggml.tokens': texts([...letters, ...words]),
    'tokenizer.ggml.scores': [9, new Uint8Array([...new Uint8Array(list.buffer), ...scores])],
    'tokenizer.ggml.token_type': wholes(types),
    'tokenizer.ggml.unknown_token_id': whole(0),
    'tokenizer.ggml.bos_token_id': whole(1),
    'tokenizer.ggml.eos_token_id': whole(2),
    'tokenizer.chat_template': text('{% for message in messages %}{{ message.content }}{% endfor %}'),
  } as const
  return gguf({ facts, tensors, dataBytes: 0 })
}

/** In the order of the file, one behind the other: each has a multiple of 32 bytes. */
function tensorsOf(layers: number): TensorParts[] {
  const shapes: [string, readonly number[]][] = [['token_embd', [width, pieces]]]
  for (let i = 0; i < layers; i += 1)
    for (const [name, shape] of Object.entries(layer)) shapes.push([`blk.${i}.${name}`, shape])
  shapes.push(['output_norm', [width]])
  let offset = 0
  return shapes.map(([name, shape]) => {
    const tensor = { name: `${name}.weight`, shape, type: shape.length === 1 ? 0 : typeOfBlocks, offset }
    offset += lengthOf(shape)
    return tensor
  })
}

const layer: Readonly<Record<string, readonly number[]>> = {
  attn_norm: [width],
  attn_q: [width, width],
  attn_k: [width, keys],
  attn_v: [width, keys],
  attn_output: [width, width],
  ffn_norm: [width],
  ffn_gate: [width, inner],
  ffn_up: [width, inner],
  ffn_down: [inner, width],
}

function lengthOf([side, other]: readonly (number | bigint)[]): number {
  return other === undefined ? 4 * Number(side) : (Number(side) * Number(other) * blockBytes) / blockValues
}

function bytesOf(tensors: readonly TensorParts[]): number {
  return tensors.reduce((sum, { shape }) => sum + lengthOf(shape), 0)
}

/** Random values that keep a network's numbers within what floats hold. */
function tileOf(blocks: number): Buffer {
  const tile = randomFillSync(Buffer.alloc(blocks * blockBytes))
  const scale = 0x08d4 // 0.00015 as a float of 16 bits: values of up to 0.02
  for (let at = 0; at < tile.byteLength; at += blockBytes) tile.writeUInt16LE(scale, at)
  return tile
}
