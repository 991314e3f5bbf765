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
}

/** The most that a context has unless somebody asks for more. */
const contextTokensUsual = 4096

/**
 * `contextTokens`: 0 for the model's own. `batchTokens`: of a context of so many. Throws RecordError('bad-weights').
 */
export function modelOf(
  weights: ReadonlyMap<string, Weight>,
  contextTokens: number,
  use: Pick<LlamaSettings, 'isEmbedding'> & { readonly batchTokensOf: (contextTokens: number) => number },
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
    batchTokens: use.batchTokensOf(context),
    isEmbedding: use.isEmbedding,
  }
  const fault = roomFault(header, bytes.byteLength, settings)
  if (fault !== null) refuse(fault)
  return { bytes, header, settings }
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
