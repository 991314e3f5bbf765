/** The model of a session: one weight called 'model', checked before the engine sees it, with a context that fits it and the slot. */
import { architectureFact, checkGguf } from '../gguf/check.ts'
import { GgufFault, type GgufHeader } from '../gguf/header.ts'
import { RecordError, type Weight } from '../runtime.ts'
import { bytesOf } from '../weight.ts'
import type { LlamaSettings } from './llama.ts'
import { modelBytesMax, roomFault } from './room.ts'

export interface Model {
  readonly bytes: Uint8Array
  readonly header: GgufHeader
  readonly settings: LlamaSettings
  /** No token stands for more bytes of a text. */
  readonly tokenBytesMax: number
}

export interface ModelUse {
  /** As somebody asked; 0: the model's own, and at most `contextTokensUsual`. */
  readonly contextTokens: number
  readonly contextTokensUsual: number
  readonly batchTokens: number | 'context'
  readonly pooling?: string
}

/** Throws RecordError('bad-weights'). */
export function modelOf(
  weights: ReadonlyMap<string, Weight>,
  { contextTokens, contextTokensUsual, batchTokens, pooling }: ModelUse,
): Model {
  const weight = weights.get('model')
  if (weight === undefined || weights.size !== 1) refuse('this runtime takes one weight, called model')
  const bytes = bytesOf(weight, modelBytesMax)
  const header = headerOf(bytes)
  const own = architectureFact(header, 'context_length') ?? 0
  if (contextTokens > own)
    refuse(`contextTokens is ${contextTokens}, and the model was made for ${own} at most; ask for no more`)
  const context = contextTokens === 0 ? Math.min(own, contextTokensUsual) : contextTokens
  const settings = {
    contextTokens: context,
    batchTokens: batchTokens === 'context' ? context : batchTokens,
    ...(pooling === undefined ? {} : { pooling }),
  }
  const fault = roomFault(header, bytes.byteLength, settings)
  if (fault !== null) refuse(fault)
  const pieces = header.facts.get('tokenizer.ggml.tokens') as readonly string[]
  const tokenBytesMax = pieces.reduce((most, piece) => Math.max(most, Buffer.byteLength(piece)), 1)
  return { bytes, header, settings, tokenBytesMax }
}

function headerOf(bytes: Uint8Array): GgufHeader {
  try {
    return checkGguf(bytes)
  } catch (error) {
    if (error instanceof GgufFault) refuse(`the model ${error.message}`)
    throw error
  }
}

function refuse(why: string): never {
  throw new RecordError('bad-weights', why)
}
