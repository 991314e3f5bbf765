/**
 * Runs a language model: a request for a chat in, its answer out.
 *
 * Four engines. 'exact': llama.cpp as WebAssembly, one thread, which gives the same bytes on every processor that was tried, drawn by
 * seed or greedily. 'native': llama.cpp as machine code, some seven times as fast, for models of any size; the same bytes within a class of
 * processors. 'scored': the same on any processor, greedily, where a steward scores answers that differ; 'gpu': that, on a
 * graphics processor. With each answer of these three comes what an auditor needs to check it. The model's own template makes one string of the messages, in which no text of a user is taken
 * for a mark of the system (llama/marks.ts). Tokens are counted here, since the engine's own counts depend on what came before. A prompt that
 * does not fit is refused: the engine would cut it without a word.
 */
import { type ChatEngine, EngineFault, type Sampling } from '../llama/llama.ts'
import { marksOf } from '../llama/marks.ts'
import { optionOf, wrongOption } from '../options.ts'
import { RecordError, type RecordOutput, type Runtime, type ScoredClaim, type Session } from '../runtime.ts'
import { claimIn, outputOf } from './answer.ts'
import { openRequestCounter } from './counter.ts'
import { contextTokensUsual, lackOfTemplate, llmOptions, llmShapeOf } from './description.ts'
import { absentLlmEngines, type ChatModel, chatModel, llmEngines } from './engines.ts'
import { answerTokensMax, harmlessMessages, requestOf } from './prompt.ts'
import type { ChatRequest } from './request.ts'

/** Tokens of a prompt that are computed at once: the scores of a large vocabulary stay below 80 MB. */
const batchTokens = 128

/** JSON writes a byte of a text in six letters at most ("\\u0001"). */
const escapedMost = 6
/** A schema, the texts that stop an answer, and the names of a request's fields. A guess. */
const besidePromptMax = 256 * 2 ** 10

export const llm: Runtime = {
  name: 'llm',
  engines: (mayAccelerate) => llmEngines(batchTokens, mayAccelerate),
  absent: absentLlmEngines,
  inspect(document) {
    return llmShapeOf(document.byteLength)
  },
  counter: openRequestCounter,
  async load(engine, weights, options) {
    const wrong = wrongOption(llmOptions, options)
    if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
    const contextTokens = optionOf(llmOptions, 'contextTokens', options)
    const use = { contextTokens, contextTokensUsual, batchTokens }
    const model = await chatModel(engine, weights, use)
    const chat = new Chat(
      model,
      optionOf(llmOptions, 'maxTokens', options),
      engine.startsWith('scored') || engine === 'gpu',
    )
    await chat.open()
    return chat
  },
}

class Chat implements Session {
  readonly #llama: ChatEngine
  readonly #contextTokens: number
  readonly #answerTokensMax: number
  readonly #isScored: boolean
  readonly #marks: readonly string[]
  readonly #tokenBytesMax: number
  /** Those that the engine puts before each prompt. */
  #leadingTokens = 0

  /** Throws RecordError('bad-weights'). */
  constructor(
    { engine, head, header, settings, tokenBytesMax }: ChatModel,
    answerTokensMax: number,
    isScored: boolean,
  ) {
    const lack = lackOfTemplate(header)
    if (lack !== null) throw new RecordError('bad-weights', `the model ${lack}`)
    this.#llama = engine
    this.#isScored = isScored
    this.#contextTokens = settings.contextTokens
    this.#answerTokensMax = answerTokensMax
    this.#marks = marksOf(header, head)
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
    const { prompt, promptTokens, sampling } = await this.#read(document, page, tokensPaid)
    const answer = await this.#complete(prompt, sampling)
    return outputOf(sampling, promptTokens, answer)
  }

  /** As Session's. An answer counts that is written as this engine writes it, from its tokens. */
  async score(
    document: Uint8Array,
    page: number,
    claimed: Uint8Array,
    tokensPaid?: number,
  ): Promise<ScoredClaim | null> {
    const { prompt, promptTokens, sampling } = await this.#read(document, page, tokensPaid)
    const claim = claimIn(claimed)
    const scored = claim && (await this.#llama.score?.(prompt, sampling, claim))
    if (!claim || !scored) return null
    const tokens = claim.ids.length
    const { output, units } = outputOf(sampling, promptTokens, { ...scored, tokens, claim })
    return Buffer.compare(output, claimed) === 0 ? { ...scored.score, units } : null
  }

  async #read(
    document: Uint8Array,
    page: number,
    tokensPaid: number | undefined,
  ): Promise<{ readonly prompt: string; readonly promptTokens: number; readonly sampling: Sampling }> {
    if (page !== 0) throw new RecordError('no-such-page', 'a request has one page')
    const promptBytesMax = this.#contextTokens * this.#tokenBytesMax
    if (document.byteLength > escapedMost * promptBytesMax + besidePromptMax)
      throw new RecordError(
        'context-length',
        `the request has ${document.byteLength} bytes, and the context has room for ${this.#contextTokens} tokens of at most ${this.#tokenBytesMax}`,
      )
    const request = requestOf(document)
    const prompt = await this.#promptOf(request)
    const promptTokens = this.#leadingTokens + (await this.#llama.tokenize(prompt)).length
    const tokensMax = this.#tokensMaxOf(request, promptTokens, tokensPaid)
    const { temperature = 0, top_p: topP = 1, seed = 0, stop = [], schema } = request
    const grammar = schema && (await this.#grammarOf(schema))
    if (this.#isScored && temperature > 0)
      throw new RecordError(
        'bad-request',
        'the scored engine takes the likeliest tokens, which others can check; leave out the temperature, or take another engine',
      )
    return { prompt, promptTokens, sampling: { tokensMax, temperature, topP, seed, stop, grammar } }
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

  async #complete(...[prompt, sampling]: Parameters<ChatEngine['complete']>) {
    try {
      return await this.#llama.complete(prompt, sampling)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-request', `the engine cannot answer it: ${error.message}`)
    }
  }
}
