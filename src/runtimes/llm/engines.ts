/** The engines of llm: which this machine has, and a model in one of them. */
import { isLlamaHere, llamaAbsence, llamaEngineId } from '../llama/binary.ts'
import { type ChatEngine, Llama } from '../llama/llama.ts'
import { type Model, type ModelUse, modelInFile, modelOf } from '../llama/model.ts'
import { acceleratorFolder, findAccelerator } from '../llama/native/accelerator.ts'
import {
  gpuEngineId,
  nativeBuild,
  nativeEngineId,
  nativeLlamaFolder,
  scoredEngineId,
  startOldest,
} from '../llama/native/binary.ts'
import { NativeLlama } from '../llama/native/native-llama.ts'
import { nativeRoomFault } from '../llama/native/room.ts'
import { type AbsentEngine, type EngineDescription, RecordError, type Runtime } from '../runtime.ts'
import { llmAgreements } from './description.ts'

/** Raise it with any change to what is made of a request, or of the engine's answer. */
const pipelineVersion = 3

/** `batchTokens`: tokens of a prompt that are computed at once; it decides bits. `mayAccelerate`: the machine's owner allows its GPU. */
export async function llmEngines(batchTokens: number, mayAccelerate = false): Promise<EngineDescription[]> {
  const [isExactHere, native] = await Promise.all([isLlamaHere(), nativeBuild()])
  const use = { runtime: 'llm', pipelineVersion, batchTokens }
  const engines: EngineDescription[] = []
  if (isExactHere) engines.push({ ...exact, id: llamaEngineId(use), isa: null, agreement: 'bytes' })
  if (typeof native !== 'string') {
    const { isa } = native
    const [pinned, any, gpu] = [nativeEngineId(native, use), scoredEngineId(use), gpuEngineId(use)]
    const { native: bytes, scored, gpu: apart } = llmAgreements
    engines.push({ runtime: 'llm', engine: 'native', id: pinned, isa, agreement: bytes })
    engines.push({ runtime: 'llm', engine: 'scored', id: any, isa, agreement: scored, scores: [gpu] })
    const found = mayAccelerate ? await findAccelerator() : ''
    if (typeof found !== 'string')
      engines.push({ runtime: 'llm', engine: 'gpu', id: gpu, isa: found.isa, agreement: apart })
  }
  return engines
}

/** Those that it could run with another package. */
export async function absentLlmEngines(mayAccelerate = false): Promise<AbsentEngine[]> {
  const [isExactHere, native] = await Promise.all([isLlamaHere(), nativeBuild()])
  const absent: AbsentEngine[] = []
  if (!isExactHere) absent.push({ ...exact, why: llamaAbsence })
  if (typeof native === 'string') absent.push({ runtime: 'llm', engine: 'native', why: native })
  else if (mayAccelerate) {
    const found = await findAccelerator()
    if (typeof found === 'string') absent.push({ runtime: 'llm', engine: 'gpu', why: found })
  }
  return absent
}

const exact = { runtime: 'llm', engine: 'exact' }

/** A model with the engine that has it. */
export interface ChatModel extends Pick<Model, 'header' | 'settings' | 'tokenBytesMax'> {
  readonly engine: ChatEngine
  /** The first bytes of its file, all of its header among them. */
  readonly head: Uint8Array
}

/**
 * Takes a model into an engine, which is not opened yet. 'scored@oldest' is for submitters, which measure by how much the answers of other
 * machines differ. Throws RecordError('bad-weights').
 */
export async function chatModel(engine: string, weights: Weights, use: ModelUse): Promise<ChatModel> {
  switch (engine) {
    case 'exact':
      return exactModel(weights, use)
    case 'scored@oldest':
      await startOldest(folderOfAddon())
      return nativeModel(weights, use)
    case 'native':
    case 'scored':
      return nativeModel(weights, use)
    case 'gpu':
      return acceleratedModel(weights, use)
    default:
      throw new RecordError('bad-weights', 'the engines of llm are exact, native, scored and gpu')
  }
}

function exactModel(weights: Weights, use: ModelUse): ChatModel {
  const model = modelOf(weights, use)
  return { ...model, head: model.files[0]!, engine: new Llama(model.files, model.settings) }
}

function nativeModel(weights: Weights, use: ModelUse): ChatModel {
  const model = modelInFile(weights, use, nativeRoomFault)
  return { ...model, engine: new NativeLlama(model, { folder: folderOfAddon() }) }
}

function acceleratedModel(weights: Weights, use: ModelUse): ChatModel {
  const model = modelInFile(weights, use, nativeRoomFault)
  const folder = acceleratorFolder()
  if (folder === undefined) throw new Error('the package for accelerators is not here')
  return { ...model, engine: new NativeLlama(model, { folder, isAccelerated: true }) }
}

function folderOfAddon(): string {
  const folder = nativeLlamaFolder()
  if (folder === undefined) throw new Error('the native engine is not here')
  return folder
}

type Weights = Parameters<Runtime['load']>[1]
