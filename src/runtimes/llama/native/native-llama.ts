/**
 * One model in the native engine: llama.cpp as machine code, which maps the model's file.
 *
 * Prompts and grammars are made by the exact engine, with a stub that has the model's template: so both engines read the same of a
 * request, and a template's clock stands still here, too. The network's sequence is forgotten before each prompt; its next token then
 * lies where the first one lay, which decides bits. One thread, one sequence and batches of one size, for the same reason.
 *
 * With its text an answer has what others need to check it: the ids of its tokens, and for each the logarithm of the probability that
 * the network alone gave it, whatever temperature and grammar made of that.
 */
import { assert } from '../../../base/assert.ts'
import type { GgufHeader } from '../../gguf/header.ts'
import { hasRunOut, RecordError } from '../../runtime.ts'
import {
  type ChatEngine,
  type ChatMessage,
  type Completion,
  EngineFault,
  Llama,
  type LlamaSettings,
  type Sampling,
} from '../llama.ts'
import {
  type AddonContext,
  type AddonModel,
  type AddonSampler,
  type GrammarState,
  type LlamaAddon,
  startAddon,
} from './addon.ts'
import { stubModel } from './stub-model.ts'

export interface MappedModel {
  readonly path: string
  readonly header: GgufHeader
  readonly settings: LlamaSettings
}

/** No stop is longer: so many tokens hold its bytes, one each, and the tokens around it. */
const stopTokensMax = 4 * 128 + 8

/** The logarithm of the smallest probability that 32 bits hold: what stands for that of a token to which the network gave none. */
const logProbMin = Math.log(2 ** -149)

export class NativeLlama implements ChatEngine {
  readonly #model: MappedModel
  readonly #folder: string
  #loaded: Loaded | null = null

  /** `folder`: of the addon. The model was checked. */
  constructor(model: MappedModel, folder: string) {
    this.#model = model
    this.#folder = folder
  }

  async open(): Promise<void> {
    const { path, header, settings } = this.#model
    const addon = await startAddon(this.#folder)
    const model = new addon.AddonModel(path, { addonExports: addon, gpuLayers: 0, useMmap: true })
    const context = new addon.AddonContext(model, {
      contextSize: settings.contextTokens,
      batchSize: settings.batchTokens,
      sequences: 1,
      flashAttention: false,
      threads: 1,
    })
    // The addon says no more of a model that it cannot run.
    if (!(await isDone(model.init())) || !(await isDone(context.init())))
      throw new RecordError('bad-weights', 'the model is none that the engine can run')
    const likeliest = new addon.AddonSampler(model)
    likeliest.applyConfig({ temperature: 0 })
    const stub = stubModel(header, model.shouldPrependBosToken())
    const clerk = new Llama(stub, { contextTokens: 32, batchTokens: 32 })
    await clerk.open()
    this.#loaded = { addon, model, context, likeliest, clerk }
  }

  promptOf(messages: readonly ChatMessage[]): Promise<string> {
    return this.#open.clerk.promptOf(messages)
  }

  grammarOf(schema: object): Promise<string> {
    return this.#open.clerk.grammarOf(schema)
  }

  async tokenize(text: string): Promise<readonly number[]> {
    return [...this.#open.model.tokenize(text, true)]
  }

  /** Throws EngineFault, and RecordError('not-a-number'). */
  async complete(prompt: string, sampling: Sampling): Promise<Completion> {
    const { model } = this.#open
    const begin = model.shouldPrependBosToken() ? [model.tokenBos()] : []
    const input = [...begin, ...model.tokenize(prompt, true)]
    const sampler = this.#samplerOf(sampling)
    try {
      return { promptTokens: input.length, ...(await this.#answer(input, sampling, sampler)) }
    } finally {
      sampler?.dispose()
    }
  }

  get #open(): Loaded {
    assert(this.#loaded !== null, 'it was opened')
    return this.#loaded
  }

  async #answer(
    input: readonly number[],
    { tokensMax, stop }: Sampling,
    sampler: AddonSampler | null,
  ): Promise<Omit<Completion, 'promptTokens'>> {
    const { model } = this.#open
    const ids: number[] = []
    const logProbs: number[] = []
    let isEnded = false
    let isStopped = false
    let scores = await this.#read(input, 0)
    for (;;) {
      const [token, logProb] = await this.#next(scores, sampler)
      ids.push(token)
      logProbs.push(logProb)
      isEnded = model.isEogToken(token)
      isStopped = !isEnded && this.#endsIn(ids, stop)
      if (isEnded || isStopped || ids.length >= tokensMax) break
      scores = await this.#read([token], input.length + ids.length - 1)
    }
    const text = model.detokenize(Uint32Array.from(isEnded ? ids.slice(0, -1) : ids))
    return {
      text: isStopped ? textBefore(text, stop) : text,
      tokens: ids.length,
      finish: isEnded || isStopped ? 'stop' : 'length',
      claim: { ids, logProbs },
    }
  }

  #endsIn(ids: readonly number[], stop: readonly string[]): boolean {
    if (stop.length === 0) return false
    const tail = this.#open.model.detokenize(Uint32Array.from(ids.slice(-stopTokensMax)))
    return stop.some((text) => tail.includes(text))
  }

  /** Reads tokens, of which the first stands at `place`, and returns the name of the scores of what follows. At 0 all before is forgotten. */
  async #read(tokens: readonly number[], place: number): Promise<number> {
    const { context } = this.#open
    const { batchTokens } = this.#model.settings
    if (place === 0) context.disposeSequence(0)
    let scores = 0
    for (let at = 0; at < tokens.length; at += batchTokens) {
      const part = Uint32Array.from(tokens.slice(at, at + batchTokens))
      const isLast = at + part.length === tokens.length
      context.initBatch(part.length)
      const [name] = context.addToBatch(
        0,
        place + at,
        part,
        Uint32Array.from(isLast ? [part.length - 1] : []),
      )
      await context.decodeBatch()
      scores = name ?? scores
    }
    return scores
  }

  /** The token that is drawn, and the logarithm of the probability that the network gives it. */
  async #next(scores: number, sampler: AddonSampler | null): Promise<readonly [number, number]> {
    const { context, likeliest } = this.#open
    const [first, , own] = await context.sampleToken(scores, likeliest, false, true)
    if (sampler === null) return [first, logProbOf(own)]
    const [token] = await drawn(context.sampleToken(scores, sampler, false, false))
    if (token === first) return [token, logProbOf(own)]
    const [, all = []] = await context.sampleToken(scores, likeliest, true, false)
    for (let i = 0; i < all.length; i += 2) if (all[i] === token) return [token, logProbOf(all[i + 1])]
    throw new Error('the engine drew a token that is none')
  }

  /** Null where the likeliest token is drawn, whatever it is. Throws EngineFault. */
  #samplerOf({ temperature, topP, seed, grammar }: Sampling): AddonSampler | null {
    if (temperature === 0 && grammar === undefined) return null
    const { addon, model } = this.#open
    const drawing = temperature === 0 ? { temperature } : { temperature, topK: 0, topP, minP: 0, seed }
    const sampler = new addon.AddonSampler(model)
    sampler.applyConfig(
      grammar === undefined ? drawing : { ...drawing, grammarEvaluationState: this.#stateOf(grammar) },
    )
    return sampler
  }

  #stateOf(gbnf: string): GrammarState {
    const { addon, model } = this.#open
    let grammar: object
    try {
      grammar = new addon.AddonGrammar(gbnf, { addonExports: addon })
    } catch {
      throw new EngineFault('failed to parse grammar')
    }
    return new addon.AddonGrammarEvaluationState(model, grammar)
  }
}

interface Loaded {
  readonly addon: LlamaAddon
  readonly model: AddonModel
  readonly context: AddonContext
  readonly likeliest: AddonSampler
  /** The exact engine, with the stub. */
  readonly clerk: Llama
}

async function isDone(work: Promise<boolean>): Promise<boolean> {
  try {
    return await work
  } catch (error) {
    if (hasRunOut(error)) throw error
    return false
  }
}

async function drawn<Token>(token: Promise<Token>): Promise<Token> {
  try {
    return await token
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Failed to accept token'))
      throw new EngineFault('the grammar allows no token that the model has')
    throw error
  }
}

/** Throws RecordError('not-a-number'): one score that is none makes all probabilities none. */
function logProbOf(probability: number | undefined): number {
  if (probability === undefined || Number.isNaN(probability))
    throw new RecordError('not-a-number', 'the model gives numbers that are none')
  return inShort(Math.max(logProbMin, Math.log(probability)))
}

/** The shortest decimal of the same 32 bits: the engine knows the probability no better. */
function inShort(value: number): number {
  const kept = Math.fround(value)
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(kept.toPrecision(digits))
    if (Math.fround(short) === kept) return short
  }
  return Number(kept.toPrecision(9))
}

function textBefore(text: string, stop: readonly string[]): string {
  const places = stop.map((one) => text.indexOf(one)).filter((place) => place >= 0)
  return text.slice(0, Math.min(...places, text.length))
}
