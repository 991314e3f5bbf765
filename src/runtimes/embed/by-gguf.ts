/** An embedding model as GGUF, in the engine that also runs language models (llama/). */
import { architectureFact } from '../gguf/check.ts'
import { EngineFault, Llama } from '../llama/llama.ts'
import { marksOf, withoutMarks } from '../llama/marks.ts'
import { type Model, type ModelUse, modelOf, refuseWithoutRoom } from '../llama/model.ts'
import { openVocabulary } from '../llama/vocabulary.ts'
import { choiceOf, optionOf } from '../options.ts'
import { RecordError, type RuntimeOptions, type Weight } from '../runtime.ts'
import { contextTokensUsual, embedOptions } from './description.ts'
import type { Encoder, Tokenizer } from './encoder.ts'

/** One before a text and one behind it, as most models have them. */
const frameTokens = 2

/** Throws RecordError('bad-weights'). */
export async function openGguf(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Encoder> {
  const encoder = new GgufEncoder(modelOf(weights, useOf(options)))
  await encoder.open()
  return encoder
}

function useOf(options: RuntimeOptions): ModelUse {
  return {
    contextTokens: optionOf(embedOptions, 'contextTokens', options),
    contextTokensUsual,
    // A text is computed at once.
    batchTokens: 'context',
    pooling: choiceOf(embedOptions, 'pooling', options),
  }
}

/** The same without the network. Throws RecordError('bad-weights'), also where no vehicle has room for the network. */
export async function openGgufTokenizer(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Tokenizer> {
  const use = useOf(options)
  refuseWithoutRoom(weights, use)
  const vocabulary = await openVocabulary(weights, { contextTokens: use.contextTokens, contextTokensUsual })
  const tokensMax = vocabulary.contextTokens - frameTokens
  return {
    tokensMax,
    bytesMax: tokensMax * vocabulary.tokenBytesMax,
    prepare: (text) => withoutMarks(text, vocabulary.marks),
    tokenize: (text) => vocabulary.llama.tokenize(text),
  }
}

class GgufEncoder implements Encoder {
  readonly tokensMax: number
  readonly bytesMax: number
  readonly #llama: Llama
  readonly #marks: readonly string[]

  constructor({ files, header, settings, tokenBytesMax }: Model) {
    this.tokensMax = settings.contextTokens - frameTokens
    this.bytesMax = this.tokensMax * tokenBytesMax
    this.#llama = new Llama(files, { ...settings, pooling: poolingOf(header, settings.pooling) })
    this.#marks = marksOf(header, files[0]!)
  }

  /** Shows on no text of anybody whether the network works. Throws RecordError('bad-weights'). */
  async open(): Promise<void> {
    await this.#llama.open()
    try {
      await this.#llama.embed('Hello')
    } catch (error) {
      if (error instanceof EngineFault)
        throw new RecordError('bad-weights', `the model makes no vectors: ${error.message}`)
      if (error instanceof RecordError) throw new RecordError('bad-weights', error.message)
      throw error
    }
  }

  prepare(text: string): string {
    return withoutMarks(text, this.#marks)
  }

  tokenize(text: string): Promise<readonly number[]> {
    return this.#llama.tokenize(text)
  }

  async embed(text: string): Promise<readonly number[]> {
    try {
      return await this.#llama.embed(text)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-request', `the engine makes no vector of it: ${error.message}`)
    }
  }
}

/** As llama.cpp numbers it in a model's file: 0 is none. */
function poolingOf(header: Model['header'], choice: string | undefined): string {
  if (choice !== undefined && choice !== 'auto') return choice
  return ['mean', 'mean', 'cls', 'last'][architectureFact(header, 'pooling_type') ?? 0] ?? 'mean'
}
