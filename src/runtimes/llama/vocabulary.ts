/**
 * The vocabulary of a model, in an instance of the engine without its network: it makes prompts and counts tokens as the whole model
 * would, and takes some megabytes of memory, however large the model is. A submitter's machine counts the work in a job by it.
 *
 * It is made of the facts at the beginning of the file alone, as a file of its own that has no tensors.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { architectureFact } from '../gguf/check.ts'
import { GgufFault, type GgufHeader, readGgufHeader } from '../gguf/header.ts'
import { RecordError, type Weight } from '../runtime.ts'
import { weightsHeadBytes } from '../weight.ts'
import { Llama } from './llama.ts'
import { marksOf } from './marks.ts'

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

/** `contextTokens`: as somebody asked; 0: the model's own, and at most `contextTokensUsual`. Throws RecordError('bad-weights'). */
export async function openVocabulary(
  weights: ReadonlyMap<string, Weight>,
  {
    contextTokens,
    contextTokensUsual,
  }: { readonly contextTokens: number; readonly contextTokensUsual: number },
): Promise<Vocabulary> {
  const weight = weights.get('model')
  if (weight === undefined) throw new RecordError('bad-weights', 'this runtime takes a weight called model')
  const head = headOf(weight)
  const header = headerOf(head)
  const pieces = header.facts.get('tokenizer.ggml.tokens')
  if (!Array.isArray(pieces)) throw new RecordError('bad-weights', 'the model has no vocabulary')
  const own = architectureFact(header, 'context_length') ?? 0
  const context = contextTokens === 0 ? Math.min(own, contextTokensUsual) : Math.min(own, contextTokens)
  const settings = { contextTokens: context, batchTokens: 1, isVocabularyOnly: true }
  const llama = new Llama(withoutTensors(head, header), settings)
  await llama.open()
  return {
    llama,
    contextTokens: context,
    tokenBytesMax: pieces.reduce((most: number, piece) => Math.max(most, Buffer.byteLength(piece)), 1),
    marks: marksOf(header, head),
    frameTokens: frameTokensOf(header),
    modelBytes: weight instanceof Uint8Array ? weight.byteLength : weight.bytes,
  }
}

/** One before a text unless the model says that there is none, and one behind it where the model says so. */
function frameTokensOf({ facts }: GgufHeader): number {
  const before = facts.get('tokenizer.ggml.add_bos_token') === false ? 0 : 1
  return before + (facts.get('tokenizer.ggml.add_eos_token') === true ? 1 : 0)
}

/** The beginning of the file up to its tensors, saying that it has none. */
function withoutTensors(head: Uint8Array, { factsEnd }: GgufHeader): Uint8Array {
  const bytes = head.slice(0, factsEnd)
  new DataView(bytes.buffer).setBigUint64(tensorCountAt, 0n, true)
  return bytes
}

/** Behind the format's name and its version. */
const tensorCountAt = 8

function headOf(weight: Weight): Uint8Array {
  if (weight instanceof Uint8Array) return weight
  const bytes = new Uint8Array(Math.min(weight.bytes, weightsHeadBytes))
  const file = openSync(weight.path, 'r')
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.byteLength, 0))
  } finally {
    closeSync(file)
  }
}

function headerOf(head: Uint8Array): GgufHeader {
  try {
    return readGgufHeader(head)
  } catch (error) {
    if (error instanceof GgufFault) throw new RecordError('bad-weights', `the model ${error.message}`)
    throw error
  }
}
