/** The model of a session: one weight called 'model', checked before the engine sees it, with a context that fits it and the slot. */
import { architectureFact, checkGguf, checkGgufHead } from '../gguf/check.ts'
import { GgufFault, type GgufHeader } from '../gguf/header.ts'
import { RecordError, type Weight } from '../runtime.ts'
import { bytesOf, headOf } from '../weight.ts'
import type { LlamaSettings } from './llama.ts'
import { modelBytesMax, roomFault } from './room.ts'

export interface Model {
  readonly bytes: Uint8Array
  readonly header: GgufHeader
  readonly settings: LlamaSettings
  /** No token stands for more bytes of a text. */
  readonly tokenBytesMax: number
}

/** A model that stays in its file. */
export interface ModelInFile extends Omit<Model, 'bytes'> {
  readonly path: string
  /** The first bytes of the file, all of its header among them. */
  readonly head: Uint8Array
}

export interface ModelUse {
  /** As somebody asked; 0: the model's own, and at most `contextTokensUsual`. */
  readonly contextTokens: number
  readonly contextTokensUsual: number
  readonly batchTokens: number | 'context'
  readonly pooling?: string
}

/** Throws RecordError('bad-weights'). */
export function modelOf(weights: ReadonlyMap<string, Weight>, use: ModelUse): Model {
  const bytes = bytesOf(weightOf(weights), modelBytesMax)
  const header = headerOf(() => checkGguf(bytes))
  const settings = settingsOf(header, use)
  const fault = roomFault(header, bytes.byteLength, settings)
  if (fault !== null) refuse(fault)
  return { bytes, header, settings, tokenBytesMax: longestToken(header) }
}

/** The same of a model that is mapped. `roomFault`: what keeps it from a slot, or null. Throws RecordError('bad-weights'). */
export function modelInFile(
  weights: ReadonlyMap<string, Weight>,
  use: ModelUse,
  roomFault: (header: GgufHeader, settings: LlamaSettings) => string | null,
): ModelInFile {
  const weight = weightOf(weights)
  // A vehicle keeps weights in files, but for those of a few KiB.
  if (weight instanceof Uint8Array)
    refuse(`the model has ${weight.byteLength} bytes, which is no model for this engine`)
  const head = headOf(weight)
  const header = headerOf(() => checkGgufHead(head, weight.bytes))
  const settings = settingsOf(header, use)
  const fault = roomFault(header, settings)
  if (fault !== null) refuse(fault)
  return { path: weight.path, head, header, settings, tokenBytesMax: longestToken(header) }
}

function weightOf(weights: ReadonlyMap<string, Weight>): Weight {
  const weight = weights.get('model')
  if (weight === undefined || weights.size !== 1) refuse('this runtime takes one weight, called model')
  return weight
}

function settingsOf(
  header: GgufHeader,
  { contextTokens, contextTokensUsual, batchTokens, pooling }: ModelUse,
): LlamaSettings {
  const own = architectureFact(header, 'context_length') ?? 0
  if (contextTokens > own)
    refuse(`contextTokens is ${contextTokens}, and the model was made for ${own} at most; ask for no more`)
  const context = contextTokens === 0 ? Math.min(own, contextTokensUsual) : contextTokens
  return {
    contextTokens: context,
    batchTokens: batchTokens === 'context' ? context : batchTokens,
    ...(pooling === undefined ? {} : { pooling }),
  }
}

function longestToken({ facts }: GgufHeader): number {
  const pieces = facts.get('tokenizer.ggml.tokens') as readonly string[]
  return pieces.reduce((most, piece) => Math.max(most, Buffer.byteLength(piece)), 1)
}

function headerOf(check: () => GgufHeader): GgufHeader {
  try {
    return check()
  } catch (error) {
    if (error instanceof GgufFault) refuse(`the model ${error.message}`)
    throw error
  }
}

function refuse(why: string): never {
  throw new RecordError('bad-weights', why)
}
