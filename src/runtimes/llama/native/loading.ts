/** Loads a model into llama.cpp as machine code: its file is mapped, and an accelerator takes the network where its memory holds it. */
import type { GgufHeader } from '../../gguf/header.ts'
import { hasRunOut, RecordError } from '../../runtime.ts'
import { Llama, type LlamaSettings } from '../llama.ts'
import {
  type AddonContext,
  type AddonModel,
  type AddonSampler,
  type LlamaAddon,
  startAddon,
} from './addon.ts'
import { fitsAccelerator } from './room.ts'
import { stubModel } from './stub-model.ts'

export interface MappedModel {
  readonly path: string
  readonly header: GgufHeader
  readonly settings: LlamaSettings
}

/** The addon that a model is loaded into. */
export interface LoadedFrom {
  /** Its folder. */
  readonly folder: string
  /** The accelerator computes the network, where its memory holds all of it. */
  readonly isAccelerated?: boolean
}

export interface Loaded {
  readonly addon: LlamaAddon
  readonly model: AddonModel
  readonly context: AddonContext
  readonly likeliest: AddonSampler
  /** The exact engine, with the stub. */
  readonly clerk: Llama
}

const everyLayer = 9999

/** The model was checked. Throws RecordError('bad-weights') where the engine cannot run it. */
export async function loadModel(
  { path, header, settings }: MappedModel,
  { folder, isAccelerated = false }: LoadedFrom,
): Promise<Loaded> {
  const addon = await startAddon(folder)
  // In part it would be slower than the processor alone, with bytes to and fro for each token.
  const gpuLayers =
    isAccelerated && fitsAccelerator(addon.getGpuVramInfo(), header, settings) ? everyLayer : 0
  const model = new addon.AddonModel(path, { addonExports: addon, gpuLayers, useMmap: true })
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
  const clerk = new Llama([stub], { contextTokens: 32, batchTokens: 32 })
  await clerk.open()
  return { addon, model, context, likeliest, clerk }
}

async function isDone(work: Promise<boolean>): Promise<boolean> {
  try {
    return await work
  } catch (error) {
    if (hasRunOut(error)) throw error
    return false
  }
}
