/**
 * The part of node-llama-cpp's addon that is used here: llama.cpp as machine code, by the names under which
 * its own JavaScript calls it (bindings/AddonTypes.d.ts of node-llama-cpp 3.21.1).
 *
 * The addon is loaded by itself, without node-llama-cpp. That would start a second process to see whether the addon loads, which a
 * child's filter of system calls refuses and which would go on where the child is frozen; and it brings 120 packages along, most of
 * them for downloading and compiling.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'

export interface LlamaAddon {
  readonly AddonModel: new (path: string, options: ModelOptions) => AddonModel
  readonly AddonContext: new (model: AddonModel, options: ContextOptions) => AddonContext
  readonly AddonSampler: AddonSamplerClass
  readonly AddonGrammar: new (gbnf: string, options: { readonly addonExports: LlamaAddon }) => object
  readonly AddonGrammarEvaluationState: new (model: AddonModel, grammar: object) => GrammarState
  /** 0: nothing is logged. It would go to stdout, where frames are. */
  setLoggerLogLevel(level: number): void
  /** Loads the libraries of a folder that fit this machine: of those for processors the fastest. */
  loadBackends(folder: string): void
  setEnv(name: string, value: string): void
  init(): Promise<void>
  getGpuType(): string | false | undefined
  getGpuDeviceInfo(): { readonly deviceNames: readonly string[] }
  /** In bytes, of all accelerators together. */
  getGpuVramInfo(): { readonly total: number; readonly used: number }
}

interface ModelOptions {
  readonly addonExports: LlamaAddon
  readonly gpuLayers: number
  readonly useMmap: boolean
}

interface ContextOptions {
  readonly contextSize: number
  readonly batchSize: number
  readonly sequences: 1
  readonly flashAttention: false
  readonly threads: 1
}

export interface AddonModel {
  /** False, or a rejection: it cannot be loaded. */
  init(): Promise<boolean>
  tokenize(text: string, readsMarks: boolean): Uint32Array
  detokenize(tokens: Uint32Array): string
  tokenBos(): number
  shouldPrependBosToken(): boolean
  isEogToken(token: number): boolean
}

export interface AddonContext {
  init(): Promise<boolean>
  initBatch(size: number): void
  /** Returns, for each index of `scored` into `tokens`, the name under which `sampleToken` finds its scores. */
  addToBatch(sequence: 0, firstPlace: number, tokens: Uint32Array, scored: Uint32Array): Uint32Array
  decodeBatch(): Promise<void>
  /** Forgets the sequence. */
  disposeSequence(sequence: 0): void
  /**
   * Draws a token, and has the sampler take it. `all`: also every token with its probability, the likeliest first, as a flat list;
   * `own`: also the probability of the one drawn. Both are of what the sampler's grammar allows, before anything else narrows it.
   */
  sampleToken(
    scores: number,
    sampler: AddonSampler,
    all: boolean,
    own: boolean,
  ): Promise<readonly [token: number, all: readonly number[] | undefined, own: number | undefined]>
}

export interface AddonSampler {
  applyConfig(config: {
    /** 0: the likeliest is taken. */
    readonly temperature: number
    readonly topK?: number
    readonly topP?: number
    readonly minP?: number
    readonly seed?: number
    readonly grammarEvaluationState?: GrammarState
  }): void
  dispose(): void
}

interface AddonSamplerClass {
  new (model: AddonModel): AddonSampler
  acceptGrammarEvaluationStateToken(state: GrammarState, token: number): void
  canBeNextTokenForGrammarEvaluationState(state: GrammarState, token: number): boolean
}

/** How far a grammar has come. */
export type GrammarState = object

const started = new Map<string, Promise<LlamaAddon>>()

/**
 * `folder`: of the addon and its libraries. `kernels`: of an older processor than this one, as in `libggml-cpu-sse42.so`, in place of the
 * fastest that fit; a process has the kernels with which it began. Throws where the machine cannot load it.
 */
export function startAddon(folder: string, kernels: string | null = null): Promise<LlamaAddon> {
  const known = started.get(folder) ?? start(folder, kernels)
  started.set(folder, known)
  return known
}

async function start(folder: string, kernels: string | null): Promise<LlamaAddon> {
  const addon = createRequire(import.meta.url)(join(folder, 'llama-addon.node')) as LlamaAddon
  addon.setLoggerLogLevel(0)
  if (kernels === null) addon.loadBackends(folder)
  else {
    // ggml loads the library that this names, and all that it finds in a folder, which has none here.
    addon.setEnv('GGML_BACKEND_PATH', join(folder, `libggml-cpu-${kernels}.so`))
    addon.loadBackends(import.meta.dirname)
  }
  await addon.init()
  return addon
}
