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
import {
  type ChatEngine,
  type ChatMessage,
  type Claim,
  type Completion,
  EngineFault,
  type Sampling,
  type Scored,
} from '../llama.ts'
import type { AddonSampler, GrammarState } from './addon.ts'
import { type Loaded, type LoadedFrom, loadModel, type MappedModel } from './loading.ts'
import { logProbOf, natsApart } from './probability.ts'

/** No stop is longer: so many tokens hold its bytes, one each, and the tokens around it. */
const stopTokensMax = 4 * 128 + 8

export class NativeLlama implements ChatEngine {
  readonly #model: MappedModel
  readonly #build: LoadedFrom
  #loaded: Loaded | null = null

  /** The model was checked. */
  constructor(model: MappedModel, build: LoadedFrom) {
    this.#model = model
    this.#build = build
  }

  async open(): Promise<void> {
    this.#loaded = await loadModel(this.#model, this.#build)
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
    const input = this.#inputOf(prompt)
    const { tokensMax, stop } = sampling
    const sampler = this.#samplerOf(sampling)
    const ids: number[] = []
    const logProbs: number[] = []
    let read: readonly number[] = input
    try {
      for (;;) {
        for await (const scores of this.#scoresBehind(read, input.length + ids.length - read.length)) {
          const [token, logProb] = await this.#next(scores, sampler)
          ids.push(token)
          logProbs.push(logProb)
        }
        const end = this.#endOf(ids, tokensMax, stop)
        if (end === null) read = ids.slice(-1)
        else
          return {
            ...this.#textOf(ids, end, stop),
            promptTokens: input.length,
            tokens: ids.length,
            claim: { ids, logProbs },
          }
      }
    } finally {
      sampler?.dispose()
    }
  }

  /** An answer that was drawn with a temperature is looked at less: it shows only whether the claimed probabilities are the network's. */
  async score(prompt: string, sampling: Sampling, { ids, logProbs }: Claim): Promise<Scored | null> {
    const { tokensMax, stop, grammar } = sampling
    if (ids.some((id) => id >= this.#vocabulary)) return null
    const ends = ids.map((_, i) => this.#endOf(ids.slice(0, i + 1), tokensMax, stop))
    const end = ends.at(-1) ?? null
    if (end === null || ends.slice(0, -1).some((earlier) => earlier !== null)) return null
    const input = this.#inputOf(prompt)
    const state = grammar === undefined ? null : this.#stateOf(grammar)
    const score = { tokens: 0, gap: 0, difference: 0 }
    for await (const name of this.#scoresBehind([...input, ...ids.slice(0, -1)], 0, ids.length)) {
      const id = ids[score.tokens]!
      if (state !== null && !this.#isAllowed(state, id)) return null
      const { likeliest, own } = await this.#look(name, id, state)
      if (sampling.temperature === 0) score.gap += natsApart(likeliest, own)
      score.difference += natsApart(logProbs[score.tokens]!, own)
      score.tokens += 1
      if (state !== null) this.#accept(state, id)
    }
    return { ...this.#textOf(ids, end, stop), promptTokens: input.length, score }
  }

  get #open(): Loaded {
    assert(this.#loaded !== null, 'it was opened')
    return this.#loaded
  }

  get #vocabulary(): number {
    return (this.#model.header.facts.get('tokenizer.ggml.tokens') as readonly string[]).length
  }

  #inputOf(prompt: string): readonly number[] {
    const { model } = this.#open
    const begin = model.shouldPrependBosToken() ? [model.tokenBos()] : []
    return [...begin, ...model.tokenize(prompt, true)]
  }

  /** Why an answer ends with the last of its tokens: by itself, by a text that stops it, or by its length; null: it goes on. */
  #endOf(ids: readonly number[], tokensMax: number, stop: readonly string[]): End | null {
    const { model } = this.#open
    if (model.isEogToken(ids.at(-1)!)) return 'itself'
    if (stop.length > 0) {
      const tail = model.detokenize(Uint32Array.from(ids.slice(-stopTokensMax)))
      if (stop.some((text) => tail.includes(text))) return 'text'
    }
    return ids.length >= tokensMax ? 'length' : null
  }

  #textOf(ids: readonly number[], end: End, stop: readonly string[]): Pick<Completion, 'text' | 'finish'> {
    const text = this.#open.model.detokenize(Uint32Array.from(end === 'itself' ? ids.slice(0, -1) : ids))
    return {
      text: end === 'text' ? textBefore(text, stop) : text,
      finish: end === 'length' ? 'length' : 'stop',
    }
  }

  /**
   * Reads tokens, of which the first stands at `place`, and names the scores of what follows the last `count` of them, each before the
   * next batch is read. At 0 all that was read before is forgotten.
   */
  async *#scoresBehind(tokens: readonly number[], place: number, count = 1): AsyncGenerator<number> {
    const { context } = this.#open
    const { batchTokens } = this.#model.settings
    if (place === 0) context.disposeSequence(0)
    for (let at = 0; at < tokens.length; at += batchTokens) {
      const part = Uint32Array.from(tokens.slice(at, at + batchTokens))
      const first = Math.max(0, tokens.length - count - at)
      const scored = Array.from({ length: Math.max(0, part.length - first) }, (_, i) => first + i)
      context.initBatch(part.length)
      const names = context.addToBatch(0, place + at, part, Uint32Array.from(scored))
      await context.decodeBatch()
      yield* names
    }
  }

  /** The token that is drawn, and the logarithm of the probability that the network gives it. */
  async #next(scores: number, sampler: AddonSampler | null): Promise<readonly [number, number]> {
    const { context, likeliest } = this.#open
    if (sampler === null) {
      const [token, , own] = await context.sampleToken(scores, likeliest, false, true)
      return [token, logProbOf(own)]
    }
    const [token] = await drawn(context.sampleToken(scores, sampler, false, false))
    return [token, (await this.#look(scores, token, null)).own]
  }

  /** The logarithms of the probabilities that the network gives to a token, and to the likeliest that the grammar allows. */
  async #look(
    scores: number,
    token: number,
    state: GrammarState | null,
  ): Promise<{ readonly likeliest: number; readonly own: number }> {
    const { context, likeliest } = this.#open
    const [first, , probability] = await context.sampleToken(scores, likeliest, false, true)
    const most = logProbOf(probability)
    if (first === token) return { likeliest: most, own: most }
    const [, all = []] = await context.sampleToken(scores, likeliest, true, false)
    // Tokens and their probabilities by turns, the likeliest first.
    for (let i = 0, best: number | null = null; i < all.length; i += 2) {
      best ??= state === null || this.#isAllowed(state, all[i]!) ? logProbOf(all[i + 1]) : null
      if (all[i] === token) return { likeliest: best ?? most, own: logProbOf(all[i + 1]) }
    }
    throw new Error('the engine has no score for one of its tokens')
  }

  #isAllowed(state: GrammarState, token: number): boolean {
    return this.#open.addon.AddonSampler.canBeNextTokenForGrammarEvaluationState(state, token)
  }

  #accept(state: GrammarState, token: number): void {
    if (!this.#open.model.isEogToken(token))
      this.#open.addon.AddonSampler.acceptGrammarEvaluationStateToken(state, token)
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

type End = 'itself' | 'text' | 'length'

async function drawn<Token>(token: Promise<Token>): Promise<Token> {
  try {
    return await token
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Failed to accept token'))
      throw new EngineFault('the grammar allows no token that the model has')
    throw error
  }
}

function textBefore(text: string, stop: readonly string[]): string {
  const places = stop.map((one) => text.indexOf(one)).filter((place) => place >= 0)
  return text.slice(0, Math.min(...places, text.length))
}
