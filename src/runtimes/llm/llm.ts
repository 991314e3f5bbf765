/**
 * Runs a language model: a request for a chat in, its answer out.
 *
 * One engine, 'exact': llama.cpp as WebAssembly, one thread, which gives the same bytes on every processor that was tried, drawn by
 * seed or greedily. The model's own template makes one string of the messages, in which no text of a user is taken for a mark of the
 * system (llama/marks.ts). Tokens are counted here, since the engine's own counts depend on what came before. A prompt that
 * does not fit is refused: the engine would cut it without a word.
 */
import { isLlamaHere, llamaAbsence, llamaEngineId } from '../llama/binary.ts'
import { EngineFault, Llama } from '../llama/llama.ts'
import { marksOf } from '../llama/marks.ts'
import { type Model, modelOf } from '../llama/model.ts'
import { optionOf, wrongOption } from '../options.ts'
import { RecordError, type RecordOutput, type Runtime, type Session } from '../runtime.ts'
import { openRequestCounter } from './counter.ts'
import { contextTokensUsual, llmOptions, llmShapeOf } from './description.ts'
import { answerTokensMax, harmlessMessages, requestOf } from './prompt.ts'
import type { ChatRequest } from './request.ts'

/** Raise it with any change to what is made of a request, or of the engine's answer. */
const pipelineVersion = 2

/** Tokens of a prompt that are computed at once: the scores of a large vocabulary stay below 80 MB. */
const batchTokens = 128

export const llm: Runtime = {
  name: 'llm',
  async engines() {
    if (!(await isLlamaHere())) return []
    const id = llamaEngineId({ runtime: 'llm', pipelineVersion, batchTokens })
    return [{ runtime: 'llm', engine: 'exact', id, isa: null, agreement: 'bytes' }]
  },
  async absent() {
    if (await isLlamaHere()) return []
    return [{ runtime: 'llm', engine: 'exact', why: llamaAbsence }]
  },
  inspect(document) {
    return llmShapeOf(document.byteLength)
  },
  counter: openRequestCounter,
  async load(engine, weights, options) {
    if (engine !== 'exact') throw new RecordError('bad-weights', 'the only engine of llm is exact')
    const wrong = wrongOption(llmOptions, options)
    if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
    const contextTokens = optionOf(llmOptions, 'contextTokens', options)
    const model = modelOf(weights, { contextTokens, contextTokensUsual, batchTokens })
    if (typeof model.header.facts.get('tokenizer.chat_template') !== 'string')
      throw new RecordError('bad-weights', 'the model has no chat template, so it answers no messages')
    const chat = new Chat(model, optionOf(llmOptions, 'maxTokens', options))
    await chat.open()
    return chat
  },
}

class Chat implements Session {
  readonly #llama: Llama
  readonly #contextTokens: number
  readonly #answerTokensMax: number
  readonly #marks: readonly string[]
  readonly #tokenBytesMax: number
  /** Those that the engine puts before each prompt. */
  #leadingTokens = 0

  constructor({ bytes, header, settings, tokenBytesMax }: Model, answerTokensMax: number) {
    this.#llama = new Llama(bytes, settings)
    this.#contextTokens = settings.contextTokens
    this.#answerTokensMax = answerTokensMax
    this.#marks = marksOf(header, bytes)
    this.#tokenBytesMax = tokenBytesMax
  }

  /** Shows on no document of anybody whether template and network work. Throws RecordError('bad-weights'). */
  async open(): Promise<void> {
    await this.#llama.open()
    const text = 'Hello'
    try {
      await this.#llama.promptOf([{ role: 'user', content: text }])
      const sampling = { tokensMax: 1, temperature: 0, topP: 1, seed: 0, stop: [], grammar: undefined }
      const { promptTokens } = await this.#llama.complete(text, sampling)
      this.#leadingTokens = promptTokens - (await this.#llama.tokenize(text)).length
    } catch (error) {
      if (error instanceof EngineFault)
        throw new RecordError('bad-weights', `the model’s chat template fails: ${error.message}`)
      if (error instanceof RecordError) throw new RecordError('bad-weights', error.message)
      throw error
    }
  }

  async run(document: Uint8Array, page: number, tokensPaid?: number): Promise<RecordOutput> {
    if (page !== 0) throw new RecordError('no-such-page', 'a request has one page')
    const request = requestOf(document)
    const prompt = await this.#promptOf(request)
    const promptTokens = this.#leadingTokens + (await this.#llama.tokenize(prompt)).length
    const tokensMax = this.#tokensMaxOf(request, promptTokens, tokensPaid)
    const { temperature = 0, top_p: topP = 1, seed = 0, stop = [], schema } = request
    const grammar = schema && (await this.#grammarOf(schema))
    const sampling = { tokensMax, temperature, topP, seed, stop, grammar }
    const answer = await this.#complete(prompt, sampling)
    // The tokenizers of Llama's first models begin each text with a blank. JSON has none around it.
    const text = schema === undefined ? answer.text.trimStart() : answer.text.trim()
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: answer.tokens,
      total_tokens: promptTokens + answer.tokens,
    }
    const output = JSON.stringify({ text, finish_reason: answer.finish, usage })
    const units = { input: promptTokens, output: answer.tokens }
    return { output: new TextEncoder().encode(output), text, units }
  }

  async #promptOf(request: ChatRequest): Promise<string> {
    const harmless = harmlessMessages(request, {
      contextTokens: this.#contextTokens,
      tokenBytesMax: this.#tokenBytesMax,
      marks: this.#marks,
    })
    try {
      return await this.#llama.promptOf(harmless)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-request', `the model’s chat template refuses the messages: ${error.message}`)
    }
  }

  /** `tokensPaid`: for prompt and answer together. Nobody computes more. */
  #tokensMaxOf(request: ChatRequest, promptTokens: number, tokensPaid = Number.POSITIVE_INFINITY): number {
    const room = { contextTokens: this.#contextTokens, usual: this.#answerTokensMax }
    const tokensMax = Math.min(answerTokensMax(request, promptTokens, room), tokensPaid - promptTokens)
    if (tokensMax < 1)
      throw new RecordError(
        'beyond-units',
        `the prompt has ${promptTokens} tokens, and its job counts ${tokensPaid} for it and its answer`,
      )
    return tokensMax
  }

  async #grammarOf(schema: object): Promise<string> {
    try {
      return await this.#llama.grammarOf(schema)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      const why = error.message.replace(/^.*conversion failed: /, '')
      throw new RecordError('bad-request', `the engine makes no grammar of the schema: ${why}`)
    }
  }

  async #complete(...[prompt, sampling]: Parameters<Llama['complete']>) {
    try {
      return await this.#llama.complete(prompt, sampling)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-request', `the engine cannot answer it: ${error.message}`)
    }
  }
}
