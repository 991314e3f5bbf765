/**
 * Says whether a model fits a slot, from its header: memory is counted before it is taken, so that a model that is too large is refused
 * by name and not by the kernel.
 *
 * Within the engine: the weights, keys and values of the context in 16 bits, and what a batch computes, of which the scores of all
 * tokens of the vocabulary are the most. Beside it the file once more, since the engine reads it from there.
 */
import { architectureFact } from '../gguf/check.ts'
import type { GgufHeader } from '../gguf/header.ts'
import type { LlamaSettings } from './llama.ts'

/** The memory that one WebAssembly instance may have on a vehicle (host/executor/limits.ts: 16,384 pages of 64 KiB). */
const instanceBytesMax = 2 ** 30
/** … and its process, less Node and the engine's code: 1,536 MiB, less some 200 (measured: 178 MB with a tiny model). */
const processBytesMax = 1336 * 2 ** 20
/** No file that is larger could be in memory twice. */
export const modelBytesMax = processBytesMax / 2
/** The engine's own tables, and the blocks that it allocates and does not fill. A guess. */
const engineBytes = 48 * 2 ** 20

/** Null where it fits. `fileBytes`: of the model. */
export function roomFault(header: GgufHeader, fileBytes: number, settings: LlamaSettings): string | null {
  const instance = fileBytes + stateBytes(header, settings) + engineBytes
  if (instance <= instanceBytesMax && instance + fileBytes <= processBytesMax) return null
  const [needs, has] =
    instance > instanceBytesMax ? [instance, instanceBytesMax] : [instance + fileBytes, processBytesMax]
  return `the model needs about ${mebibytes(needs)} MiB of memory with a context of ${settings.contextTokens} tokens, and a slot has ${mebibytes(has)}; take a smaller model, or a shorter context`
}

/** The memory of a context: keys and values, and what a batch computes. */
export function stateBytes(header: GgufHeader, { contextTokens, batchTokens }: LlamaSettings): number {
  const fact = (name: string, otherwise: number) => architectureFact(header, name) ?? otherwise
  const width = fact('embedding_length', 0)
  const heads = Math.max(1, fact('attention.head_count', 1))
  const ownHeads = fact('attention.head_count_kv', heads)
  const keys = ownHeads * fact('attention.key_length', width / heads)
  const values = ownHeads * fact('attention.value_length', width / heads)
  const cache = contextTokens * fact('block_count', 1) * (keys + values) * 2
  const pieces = header.facts.get('tokenizer.ggml.tokens')
  const vocabulary = Array.isArray(pieces) ? pieces.length : 0
  const widest = Math.max(4 * width, 2 * fact('feed_forward_length', 0))
  const attention = contextTokens * heads
  return cache + batchTokens * 4 * (vocabulary + widest + attention)
}

export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20)
}
