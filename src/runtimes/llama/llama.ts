/**
 * One model in one instance of the engine: text to tokens, a chat to a prompt, a prompt to what follows it.
 *
 * The engine keeps more between two calls than it should. A prompt that begins as the one before is taken from a cache, and its numbers
 * come out otherwise (a text that was embedded twice differed by 0.21 in unit vectors); so its caches are cleared before each call. The
 * list of probabilities grows with each call and is never emptied; so the model is loaded anew once it has grown. After an error the
 * engine's memory is as the error left it (one call later it reads where nothing is); so the next call gets a fresh instance.
 *
 * Its clock stands still: a template may ask for today's date, and all vehicles must give it the same one.
 */
import type { LlamaModule } from '@fugood/node-llama-wasm/wasm/llama-node.js'
import { type ClaimScore, hasRunOut, RecordError } from '../runtime.ts'
import { startLlama } from './binary.ts'

/** 1 January 2025, 00:00 UTC: what templates take for now. */
const standingMs = Date.UTC(2025, 0, 1)

/** So many probabilities weigh 250 KB in each answer, which is some milliseconds. A guess. */
const probabilitiesUsual = 4096

export interface LlamaSettings {
  readonly contextTokens: number
  /** Tokens of a prompt that are computed at once. It decides bits, so it is part of the engine's identity. */
  readonly batchTokens: number
  /** 'mean', 'cls' or 'last': it makes vectors of texts; left out: it answers prompts. */
  readonly pooling?: string
  /** It has no network: it tokenizes, and makes prompts. */
  readonly isVocabularyOnly?: boolean
  /** Probabilities in memory after which the model is loaded anew. */
  readonly probabilitiesMax?: number
}

export interface ChatMessage {
  readonly role: string
  readonly content: string
}

export interface Sampling {
  readonly tokensMax: number
  readonly temperature: number
  readonly topP: number
  readonly seed: number
  readonly stop: readonly string[]
  /** GBNF; undefined: any text. */
  readonly grammar: string | undefined
}

export interface Completion {
  readonly text: string
  readonly promptTokens: number
  /** All tokens that were drawn, the one that ends the text among them. */
  readonly tokens: number
  readonly finish: 'stop' | 'length'
  /** By an engine whose bytes depend on the processor. */
  readonly claim?: Claim
}

/** All that others need to check an answer by the network alone. */
export interface Claim {
  /** Those of all tokens that were drawn. */
  readonly ids: readonly number[]
  /** For each, the natural logarithm of the probability that the network gave it, before temperature and grammar. */
  readonly logProbs: readonly number[]
}

/** A model that answers chats, in one engine or another. */
export interface ChatEngine {
  /** Loads the model. Throws RecordError('bad-weights') where the engine refuses it. */
  open(): Promise<void>
  /** The tokens of a text; `<s>` and its like are taken for what they stand for. None is added at its beginning. */
  tokenize(text: string): Promise<readonly number[]>
  /** The prompt that the model's own template makes of a chat. Throws EngineFault with what the template says. */
  promptOf(messages: readonly ChatMessage[]): Promise<string>
  /** The grammar of the JSON that a schema allows, from its first letter to its last. Throws EngineFault. */
  grammarOf(schema: object): Promise<string>
  /** Throws EngineFault, and RecordError('not-a-number'). */
  complete(prompt: string, sampling: Sampling): Promise<Completion>
  /**
   * Holds a claimed answer against the network, in one pass over its prompt and its tokens: what they say, and their score. Null where
   * they are no answer: they go on behind an end, end before one, or are none that the model has, or the grammar allows. Throws as
   * `complete`. Left out by an engine whose bytes are the same everywhere.
   */
  score?(prompt: string, sampling: Sampling, claim: Claim): Promise<Scored | null>
}

/** A claimed answer, as the network sees it. */
export interface Scored extends Pick<Completion, 'text' | 'finish' | 'promptTokens'> {
  readonly score: ClaimScore
}

export class Llama implements ChatEngine {
  readonly #files: readonly Uint8Array[]
  readonly #settings: LlamaSettings
  #module: LlamaModule | null = null
  #probabilities = 0

  /** `files`: the bytes of a GGUF that was checked, or of all its parts. They must not change. */
  constructor(files: readonly Uint8Array[], settings: LlamaSettings) {
    this.#files = files
    this.#settings = settings
  }

  async open(): Promise<void> {
    this.#module = null
    const module = await startLlama()
    for (const [i, file] of this.#files.entries())
      module.FS.writeFile(this.#pathOf(i), file, { canOwn: true })
    call(() => module.ccall('llama_node_wasm_start', 'string', [], []))
    this.#load(module)
    this.#module = module
  }

  async tokenize(text: string): Promise<readonly number[]> {
    return (await this.#ask<{ tokens: number[] }>('tokenize', { text })).tokens
  }

  async promptOf(messages: readonly ChatMessage[]): Promise<string> {
    const params = { jinja: true, force_pure_content: true, add_generation_prompt: true }
    return (await this.#ask<{ prompt: string }>('formatted_chat', { messages, params })).prompt
  }

  async grammarOf(schema: object): Promise<string> {
    const params = { jinja: true, response_format: { type: 'json_schema', json_schema: { schema } } }
    const request = { messages: [{ role: 'user', content: '-' }], template: plainTemplate, params }
    const { grammar } = await this.#ask<{ grammar: string }>('formatted_chat', request)
    // The engine would also take the JSON within a fence of Markdown, with blanks behind it.
    const rooted = grammar.replace(/^root ::= .*$/m, 'root ::= space response-format')
    if (rooted === grammar) throw new EngineFault('the schema allows nothing')
    return rooted
  }

  async complete(prompt: string, sampling: Sampling): Promise<Completion> {
    if (this.#probabilities > (this.#settings.probabilitiesMax ?? probabilitiesUsual)) await this.#reload()
    const { tokensMax, temperature, topP, seed, stop, grammar } = sampling
    const drawing = temperature === 0 ? greedy : { temperature, top_k: 0, top_p: topP, min_p: 0 }
    const request = {
      prompt,
      n_predict: tokensMax,
      ...plain,
      ...drawing,
      seed,
      stop,
      n_probs: 1,
      ...(grammar === undefined ? {} : { grammar }),
    }
    const answer = await this.#ask<EngineCompletion>('completion', request)
    const probabilities = (answer.completion_probabilities ?? []).slice(this.#probabilities)
    this.#probabilities += probabilities.length
    // NaN has no name in JSON.
    if (probabilities.some(({ probs }) => probs.some(({ prob }) => prob === null)))
      throw new RecordError('not-a-number', 'the model gives numbers that are none')
    return {
      text: answer.text,
      promptTokens: answer.timings.prompt_n,
      tokens: probabilities.length,
      finish: answer.stopped_eos || answer.stopped_words ? 'stop' : 'length',
    }
  }

  /** As 64-bit floats, which hold the engine's 32-bit ones. Throws as `complete`. */
  async embed(text: string): Promise<readonly number[]> {
    const { embedding } = await this.#ask<{ embedding: (number | null)[] }>('embedding', { text })
    if (embedding.some((value) => value === null))
      throw new RecordError('not-a-number', 'the model gives numbers that are none')
    return embedding as number[]
  }

  /** The engine finds the parts of a model by their names. */
  #pathOf(place: number): string {
    const [at, count] = [place + 1, this.#files.length].map((value) => `${value}`.padStart(5, '0'))
    return this.#files.length === 1 ? '/model.gguf' : `/model-${at}-of-${count}.gguf`
  }

  async #ask<Answer>(action: string, request: object): Promise<Answer> {
    if (this.#module === null) await this.open()
    const module = this.#module!
    try {
      // Without a network there is none.
      if (!this.#settings.isVocabularyOnly) act(module, 'clear_cache', { clear_data: true })
      return act<Answer>(module, action, request)
    } catch (error) {
      this.#module = null
      throw error
    }
  }

  #load(module: LlamaModule): void {
    const { contextTokens, batchTokens, pooling, isVocabularyOnly } = this.#settings
    const request = {
      model: this.#pathOf(0),
      n_ctx: contextTokens,
      n_batch: batchTokens,
      n_ubatch: batchTokens,
      n_threads: 1,
      n_gpu_layers: 0,
      flash_attn_type: 'off',
      cache_type_k: 'f16',
      cache_type_v: 'f16',
      use_mmap: false,
      ...(isVocabularyOnly ? { vocab_only: true } : {}),
      ...(pooling === undefined ? {} : { embedding: true, pooling_type: pooling, embd_normalize: 2 }),
    }
    this.#probabilities = 0
    try {
      act(module, 'load', request)
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error
      throw new RecordError('bad-weights', 'the model is none that the engine can run')
    }
  }

  async #reload(): Promise<void> {
    const module = this.#module
    if (module === null) return this.open()
    this.#module = null
    try {
      act(module, 'release', {})
      this.#load(module)
      this.#module = module
    } catch {
      await this.open() // it had been loaded: its memory is in pieces by now, and the weights are not to blame
    }
  }
}

/** The engine says that it cannot do it; its words, which depend on nothing but what it was given. */
export class EngineFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EngineFault'
  }
}

interface EngineCompletion {
  readonly text: string
  readonly stopped_eos: boolean
  readonly stopped_words: boolean
  readonly timings: { readonly prompt_n: number }
  readonly completion_probabilities?: readonly {
    readonly probs: readonly { readonly prob: number | null }[]
  }[]
}

/**
 * The likelier of the two likeliest. A temperature of 0 is not greedy in this engine: the seed still decides. The usual way, the
 * likeliest of one, gives it the probability 1 also where its score is NaN.
 */
const greedy = { temperature: 1, top_k: 2, top_p: 1e-9, min_p: 0 }

/**
 * Nothing but temperature and top_p decides what is drawn. Said one by one, since this engine has habits of its own: unasked, in some of
 * the draws it leaves out all likely tokens but the last (XTC), at any temperature.
 */
const plain = {
  xtc_probability: 0,
  xtc_threshold: 1,
  typical_p: 1,
  top_n_sigma: -1,
  mirostat: 0,
  dry_multiplier: 0,
  penalty_repeat: 1,
  penalty_freq: 0,
  penalty_present: 0,
}

const plainTemplate = '{% for message in messages %}{{ message.content }}{% endfor %}'

function act<Answer>(module: LlamaModule, action: string, request: object): Answer {
  const run = () =>
    module.ccall('llama_node_wasm_action', 'string', ['string', 'string'], [action, JSON.stringify(request)])
  return call<Answer>(run)
}

/** Throws EngineFault, and what says that this machine ran out of something. */
function call<Answer>(run: () => string): Answer {
  const { now } = Date
  Date.now = () => standingMs
  let said: string
  try {
    said = run()
  } catch (error) {
    if (hasRunOut(error)) throw error
    // A trap or an abort of the engine: V8's words change with its version.
    throw new EngineFault(error instanceof Error ? 'the engine breaks on it' : 'the engine refuses it')
  } finally {
    Date.now = now
  }
  const { success, error, ...answer } = JSON.parse(said)
  // The engine catches what its allocator throws. No verdict follows from that: how much memory there is depends on what came before.
  if (success !== true && hasRunOut(new Error(String(error)))) throw new Error('the engine is out of memory')
  if (success !== true) throw new EngineFault(String(error).replaceAll(/\s+/g, ' ').slice(0, 300))
  return answer as Answer
}
