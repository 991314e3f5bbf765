/**
 * The vocabulary of a model, in an instance of the engine without its network: it makes prompts and counts tokens as the whole model
 * would, and takes some megabytes of memory, however large the model is. A submitter's machine counts the work in a job by it.
 *
 * It is made of the facts at the beginning of the file alone, as a file of its own that has no tensors.
 */
import type { GgufHeader } from '../gguf/header.ts'
import type { Weight } from '../runtime.ts'
import { Llama } from './llama.ts'
import { marksOf } from './marks.ts'
import { type ModelUse, modelHead } from './model.ts'

export interface Vocabulary {
  /** It tokenizes, and makes prompts; it answers none. */
  readonly llama: Llama
  readonly contextTokens: number
  /** No token stands for more bytes of a text. */
  readonly tokenBytesMax: number
  readonly marks: readonly string[]
  /** Those that the engine may put before and behind a text, at most. */
  readonly frameTokens: number
  /** The bytes of the model, by which its speed is guessed. */
  readonly modelBytes: number
}

/** Throws RecordError('bad-weights'). */
export async function openVocabulary(
  weights: ReadonlyMap<string, Weight>,
  use: Pick<ModelUse, 'contextTokens' | 'contextTokensUsual'>,
): Promise<Vocabulary> {
  const { bytes, head, header, settings, tokenBytesMax } = modelHead(weights, { ...use, batchTokens: 1 })
  const llama = new Llama([withoutTensors(head, header)], { ...settings, isVocabularyOnly: true })
  await llama.open()
  return {
    llama,
    contextTokens: settings.contextTokens,
    tokenBytesMax,
    marks: marksOf(header, head),
    frameTokens: frameTokensOf(header),
    modelBytes: bytes,
  }
}

/** One before a text unless the model says that there is none, and one behind it where the model says so. */
function frameTokensOf({ facts }: GgufHeader): number {
  const before = facts.get('tokenizer.ggml.add_bos_token') === false ? 0 : 1
  return before + (facts.get('tokenizer.ggml.add_eos_token') === true ? 1 : 0)
}

/** The beginning of the file up to its tensors, saying that it has none. */
function withoutTensors(head: Uint8Array, { factsEnd, splitCount }: GgufHeader): Uint8Array {
  const bytes = head.slice(0, factsEnd)
  // The engine would look for the other parts.
  if (splitCount !== undefined) bytes.fill(0, splitCount.at, splitCount.at + splitCount.bytes)
  new DataView(bytes.buffer).setBigUint64(tensorCountAt, 0n, true)
  return bytes
}

/** Behind the format's name and its version. */
const tensorCountAt = 8
