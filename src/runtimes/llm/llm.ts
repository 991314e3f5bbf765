/**
 * Runs a language model: a request for a chat in, its answer out.
 *
 * Two engines. 'exact': llama.cpp as WebAssembly, one thread, which gives the same bytes on every processor that was tried, drawn by
 * seed or greedily. 'native': llama.cpp as machine code, some seven times as fast, for models of any size; the same bytes within a class of
 * processors, and with each answer what an auditor needs to check it. The model's own template makes one string of the messages, in which no text of a user is taken for a mark of the
 * system (llama/marks.ts). Tokens are counted here, since the engine's own counts depend on what came before. A prompt that
 * does not fit is refused: the engine would cut it without a word.
 */
import { ExcessiveJson, parseJson } from '../../base/json.ts'
import { isLlamaHere, llamaAbsence, llamaEngineId } from '../llama/binary.ts'
import { type ChatEngine, EngineFault, Llama } from '../llama/llama.ts'
import { marksOf, withoutMarks } from '../llama/marks.ts'
import { type Model, type ModelUse, modelInFile, modelOf } from '../llama/model.ts'
import { nativeBuild, nativeEngineId, nativeLlamaFolder } from '../llama/native/binary.ts'
import { NativeLlama } from '../llama/native/native-llama.ts'
import { nativeRoomFault } from '../llama/native/room.ts'
import { optionOf, wrongOption } from '../options.ts'
import {
  type EngineDescription,
  RecordError,
  type RecordOutput,
  type Runtime,
  type Session,
} from '../runtime.ts'
import { llmOptions, llmShapeOf } from './description.ts'
import { type ChatRequest, decodeRequest, RequestFault, requestDepthMax } from './request.ts'

/** Raise it with any change to what is made of a request, or of the engine's answer. */
const pipelineVersion = 1

/** Tokens of a prompt that are computed at once: the scores of a large vocabulary stay below 80 MB. */
const batchTokens = 128

/** The most that a context has unless somebody asks for more. */
const contextTokensUsual = 4096

/** JSON writes a byte of a text in six letters at most ("\\u0001"). */
const escapedMost = 6
/** A schema, the texts that stop an answer, and the names of a request's fields. A guess. */
const besidePromptMax = 256 * 2 ** 10

export const llm: Runtime = {
  name: 'llm',
  async engines() {
    const [isExactHere, native] = await Promise.all([isLlamaHere(), nativeBuild()])
    const use = { runtime: 'llm', pipelineVersion, batchTokens }
    const engines: EngineDescription[] = []
    if (isExactHere) engines.push({ ...exact, id: llamaEngineId(use), isa: null, agreement: 'bytes' })
    if (typeof native !== 'string')
      engines.push({
        runtime: 'llm',
        engine: 'native',
        id: nativeEngineId(native, use),
        isa: native.isa,
        agreement: 'class-bytes',
      })
    return engines
  },
  async absent() {
    const [isExactHere, native] = await Promise.all([isLlamaHere(), nativeBuild()])
    return [
      ...(isExactHere ? [] : [{ ...exact, why: llamaAbsence }]),
      ...(typeof native === 'string' ? [{ runtime: 'llm', engine: 'native', why: native }] : []),
    ]
  },
  inspect(document) {
    return llmShapeOf(document.byteLength)
  },
  async load(engine, weights, options) {
    if (engine !== 'exact' && engine !== 'native')
      throw new RecordError('bad-weights', 'the engines of llm are exact and native')
    const wrong = wrongOption(llmOptions, options)
    if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
    const contextTokens = optionOf(llmOptions, 'contextTokens', options)
    const use = { contextTokens, contextTokensUsual, batchTokens }
    const chat = new Chat(
      engine === 'exact' ? exactModel(weights, use) : nativeModel(weights, use),
      optionOf(llmOptions, 'maxTokens', options),
    )
    await chat.open()
    return chat
  },
}

const exact = { runtime: 'llm', engine: 'exact' }

/** A model with the engine that has it. */
interface ChatModel extends Pick<Model, 'header' | 'settings' | 'tokenBytesMax'> {
  readonly engine: ChatEngine
  /** The first bytes of its file, all of its header among them. */
  readonly head: Uint8Array
}

function exactModel(weights: Weights, use: ModelUse): ChatModel {
  const model = modelOf(weights, use)
  return { ...model, head: model.bytes, engine: new Llama(model.bytes, model.settings) }
}

function nativeModel(weights: Weights, use: ModelUse): ChatModel {
  const model = modelInFile(weights, use, nativeRoomFault)
  const folder = nativeLlamaFolder()
  if (folder === undefined) throw new Error('the native engine is not here')
  return { ...model, engine: new NativeLlama(model, folder) }
}

type Weights = Parameters<Runtime['load']>[1]

class Chat implements Session {
  readonly #llama: ChatEngine
  readonly #contextTokens: number
  readonly #answerTokensMax: number
  readonly #marks: readonly string[]
  readonly #tokenBytesMax: number
  /** Those that the engine puts before each prompt. */
  #leadingTokens = 0

  /** Throws RecordError('bad-weights'). */
  constructor({ engine, head, header, settings, tokenBytesMax }: ChatModel, answerTokensMax: number) {
    if (typeof header.facts.get('tokenizer.chat_template') !== 'string')
      throw new RecordError('bad-weights', 'the model has no chat template, so it answers no messages')
    this.#llama = engine
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

  async run(document: Uint8Array, page: number): Promise<RecordOutput> {
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
    const tokensMax = this.#tokensMaxOf(request, promptTokens)
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
    const { finish, claim } = answer
    const claimed = claim && { tokens: claim.ids, logprobs: claim.logProbs }
    const output = JSON.stringify({ text, finish_reason: finish, usage, ...claimed })
    return { output: new TextEncoder().encode(output), text }
  }

  async #promptOf({ messages }: ChatRequest): Promise<string> {
    const bytes = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
    // Before anything is made of a text that no context holds.
    if (bytes > this.#contextTokens * this.#tokenBytesMax)
      throw new RecordError(
        'context-length',
        `the prompt has ${bytes} bytes, and the context has room for ${this.#contextTokens} tokens of at most ${this.#tokenBytesMax}`,
      )
    const harmless = messages.map(({ role, content }) => ({
      role,
      content: withoutMarks(content, this.#marks),
    }))
    try {
      return await this.#llama.promptOf(harmless)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-request', `the model’s chat template refuses the messages: ${error.message}`)
    }
  }

  #tokensMaxOf({ max_tokens: asked }: ChatRequest, promptTokens: number): number {
    const room = this.#contextTokens - promptTokens
    const tokensMax = asked ?? Math.min(this.#answerTokensMax, room)
    if (tokensMax < 1 || tokensMax > room)
      throw new RecordError(
        'context-length',
        `the prompt has ${promptTokens} tokens and its answer up to ${asked ?? this.#answerTokensMax}, and the context has room for ${this.#contextTokens}`,
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

/** Throws RecordError('bad-request'). */
function requestOf(document: Uint8Array): ChatRequest {
  try {
    return decodeRequest(parseJson(utf8.decode(document), requestDepthMax))
  } catch (error) {
    if (error instanceof RequestFault) throw new RecordError('bad-request', error.message)
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof ExcessiveJson)
      throw new RecordError('bad-request', 'the document is no request of a chat')
    throw error
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
