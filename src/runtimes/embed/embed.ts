/**
 * Makes a vector of each text, by an embedding model in the engine that also runs language models (llama/).
 *
 * One engine, 'exact', with the same bits on every processor that was tried. Nothing is rounded: as numbers, each is the shortest decimal
 * that is read as the same one; as base64, they are the engine's own 32 bits. Vectors have the length 1, so that their product is
 * the cosine. A text that holds more tokens than the context is refused: the engine would cut it without a word.
 */
import { architectureFact } from '../gguf/check.ts'
import { isLlamaHere, llamaAbsence, llamaEngineId } from '../llama/binary.ts'
import { EngineFault, Llama } from '../llama/llama.ts'
import { marksOf } from '../llama/marks.ts'
import { type Model, modelOf } from '../llama/model.ts'
import { choiceOf, optionOf, wrongOption } from '../options.ts'
import { RecordError, type RecordOutput, type Runtime, type Session } from '../runtime.ts'
import { openTextCounter } from './counter.ts'
import { contextTokensUsual, embedOptions, embedShapeOf } from './description.ts'
import { countTokens, harmlessText } from './text.ts'

/** Raise it with any change to what is made of a text, or of the engine's answer. */
const pipelineVersion = 2

export const embed: Runtime = {
  name: 'embed',
  async engines() {
    if (!(await isLlamaHere())) return []
    const id = llamaEngineId({ runtime: 'embed', pipelineVersion })
    return [{ runtime: 'embed', engine: 'exact', id, isa: null, agreement: 'bytes' }]
  },
  async absent() {
    if (await isLlamaHere()) return []
    return [{ runtime: 'embed', engine: 'exact', why: llamaAbsence }]
  },
  inspect(document) {
    return embedShapeOf(document.byteLength)
  },
  counter: openTextCounter,
  async load(engine, weights, options) {
    if (engine !== 'exact') throw new RecordError('bad-weights', 'the only engine of embed is exact')
    const wrong = wrongOption(embedOptions, options)
    if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
    const model = modelOf(weights, {
      contextTokens: optionOf(embedOptions, 'contextTokens', options),
      contextTokensUsual,
      // A text is computed at once.
      batchTokens: 'context',
      pooling: choiceOf(embedOptions, 'pooling', options),
    })
    const texts = new Texts(model, choiceOf(embedOptions, 'encoding', options) === 'base64')
    await texts.open()
    return texts
  },
}

class Texts implements Session {
  readonly #llama: Llama
  readonly #contextTokens: number
  readonly #tokenBytesMax: number
  readonly #marks: readonly string[]
  readonly #isBase64: boolean

  constructor({ bytes, header, settings, tokenBytesMax }: Model, isBase64: boolean) {
    this.#llama = new Llama(bytes, { ...settings, pooling: poolingOf(header, settings.pooling) })
    this.#contextTokens = settings.contextTokens
    this.#tokenBytesMax = tokenBytesMax
    this.#marks = marksOf(header, bytes)
    this.#isBase64 = isBase64
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

  async run(
    document: Uint8Array,
    page: number,
    tokensPaid = Number.POSITIVE_INFINITY,
  ): Promise<RecordOutput> {
    if (page !== 0) throw new RecordError('no-such-page', 'a text has one page')
    const [llama, contextTokens] = [this.#llama, this.#contextTokens]
    const text = harmlessText(document, {
      contextTokens,
      tokenBytesMax: this.#tokenBytesMax,
      marks: this.#marks,
    })
    const tokens = await countTokens(text, { llama, contextTokens })
    // Nobody computes what is not paid.
    if (tokens > tokensPaid)
      throw new RecordError('beyond-units', `the text has ${tokens} tokens, and its job counts ${tokensPaid}`)
    const numbers = await this.#embed(text)
    const embedding = this.#isBase64 ? base64Of(numbers) : numbers
    const output = JSON.stringify({ embedding, dimensions: numbers.length, usage: { prompt_tokens: tokens } })
    return { output: new TextEncoder().encode(output), text: '', units: { input: tokens, output: 0 } }
  }

  async #embed(text: string): Promise<readonly number[]> {
    try {
      return await this.#llama.embed(text)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-request', `the engine makes no vector of it: ${error.message}`)
    }
  }
}

function base64Of(numbers: readonly number[]): string {
  const bytes = new Uint8Array(4 * numbers.length)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of numbers.entries()) view.setFloat32(4 * i, value, true)
  return Buffer.from(bytes).toString('base64')
}

/** As llama.cpp numbers it in a model's file: 0 is none. */
function poolingOf(header: Model['header'], choice: string | undefined): string {
  if (choice !== undefined && choice !== 'auto') return choice
  return ['mean', 'mean', 'cls', 'last'][architectureFact(header, 'pooling_type') ?? 0] ?? 'mean'
}
