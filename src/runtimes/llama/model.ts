/** The model of a session: one weight called 'model', checked before the engine sees it, with a context that fits it and the slot. */
import { architectureFact, checkGguf, checkGgufHead, joinedHeader } from '../gguf/check.ts'
import { GgufFault, type GgufHeader } from '../gguf/header.ts'
import { partOfWeight } from '../gguf/parts.ts'
import { RecordError, type Weight } from '../runtime.ts'
import { bytesOf, headOf } from '../weight.ts'
import type { LlamaSettings } from './llama.ts'
import { modelBytesMax, roomFault } from './room.ts'

export interface Model {
  /** The file, or all files of a model that is in parts. */
  readonly files: readonly Uint8Array[]
  readonly header: GgufHeader
  readonly settings: LlamaSettings
  /** No token stands for more bytes of a text. */
  readonly tokenBytesMax: number
}

/** A model by the beginning of its file, which has so many bytes. */
export interface ModelHead extends Omit<Model, 'files'> {
  readonly bytes: number
  /** The first bytes of the file, or of its first part: all of its header is among them. */
  readonly head: Uint8Array
}

/** A model that stays in its file. */
export interface ModelInFile extends Omit<ModelHead, 'bytes'> {
  /** … or in several, of which this is the first: the others lie beside it. */
  readonly path: string
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
  const parts = partsIn(weights)
  const bytes = lengthOf(parts)
  if (parts.length > 1 && bytes > modelBytesMax)
    refuse(`the parts of the model have ${bytes} bytes, and this engine takes at most ${modelBytesMax}`)
  const files = parts.map((part) => bytesOf(part, modelBytesMax))
  const header = headerOf(() =>
    joinedHeader(
      files.map((file, i) => checkGguf(file, { place: i + 1, count: files.length })),
      files[0]!,
    ),
  )
  const settings = settingsOf(header, use)
  const fault = roomFault(header, bytes, settings)
  if (fault !== null) refuse(fault)
  return { files, header, settings, tokenBytesMax: longestToken(header) }
}

/** The facts at the beginning of a model's file, which has so many bytes. Throws RecordError('bad-weights'). */
export function modelHead(weights: ReadonlyMap<string, Weight>, use: ModelUse): ModelHead {
  const parts = partsIn(weights)
  const head = headOf(parts[0]!)
  const header = headerOf(() =>
    joinedHeader(
      parts.map((part, i) => {
        const own = i === 0 ? head : headOf(part)
        return checkGgufHead(own, lengthOf([part]), { place: i + 1, count: parts.length })
      }),
      head,
    ),
  )
  const [settings, tokenBytesMax] = [settingsOf(header, use), longestToken(header)]
  return { bytes: lengthOf(parts), head, header, settings, tokenBytesMax }
}

/** Refuses a model that no slot has room for in memory, by its head alone. Throws RecordError('bad-weights'). */
export function refuseWithoutRoom(weights: ReadonlyMap<string, Weight>, use: ModelUse): void {
  const { bytes, header, settings } = modelHead(weights, use)
  const fault = roomFault(header, bytes, settings)
  if (fault !== null) refuse(fault)
}

/** The same of a model that is mapped. `roomFault`: what keeps it from a slot, or null. Throws RecordError('bad-weights'). */
export function modelInFile(
  weights: ReadonlyMap<string, Weight>,
  use: ModelUse,
  roomFault: (header: GgufHeader, settings: LlamaSettings) => string | null,
): ModelInFile {
  // A vehicle keeps weights in files, but for those of a few KiB.
  const [weight] = partsIn(weights).map((part) => {
    if (part instanceof Uint8Array)
      refuse(`the model has a file of ${part.byteLength} bytes, which is none for this engine`)
    return part
  })
  const { bytes: _, ...model } = modelHead(weights, use)
  const fault = roomFault(model.header, model.settings)
  if (fault !== null) refuse(fault)
  return { path: weight!.path, ...model }
}

/** The one weight of a model, or those of its parts in their order. */
function partsIn(weights: ReadonlyMap<string, Weight>): readonly Weight[] {
  const parts: Weight[] = []
  for (const [name, weight] of weights) {
    const part = partOfWeight(name)
    if (part?.count === weights.size) parts[part.place - 1] = weight
  }
  // No two have one name, so that all places are taken.
  if (weights.size === 0 || Object.keys(parts).length !== weights.size)
    refuse('this runtime takes one weight, called model, or all parts of one')
  return parts
}

function lengthOf(weights: readonly Weight[]): number {
  return weights.reduce(
    (sum, weight) => sum + (weight instanceof Uint8Array ? weight.byteLength : weight.bytes),
    0,
  )
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
