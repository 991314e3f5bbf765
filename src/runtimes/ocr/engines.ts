/**
 * The two ways to run PaddleOCR's models: ONNX Runtime compiled to WebAssembly, and its native build. Tesseract runs as
 * WebAssembly in both (tesseract.ts).
 *
 * WebAssembly fixes the meaning of every instruction that this build uses (no threads, no relaxed SIMD; the
 * binary has none), so 'exact' gives the same bytes on every CPU: measured on AVX-512, emulated Haswell,
 * Nehalem and ARM64. It costs 2.8 times the CPU of 'native', which agrees within one instruction-set class.
 * Native code runs one thread at full optimisation: with those, repeats and processes agreed bit for bit,
 * with more threads at lower optimisation they did not.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { decoderPaths } from '../imaging/document.ts'
import { sha256OfFile } from '../known-files.ts'
import { onnxFault } from '../onnx/check.ts'
import { pdfiumDecoder } from '../pdf/pdfium.ts'
import { type AbsentEngine, type EngineDescription, hasRunOut, RecordError } from '../runtime.ts'
import { instructionSet } from './instruction-set.ts'
import { tesseractPath } from './tesseract.ts'

/** Raise it with any change to the pixels, geometry or decoding between a page and its text. */
const pipelineVersion = 7

interface FloatTensor {
  readonly data: Float32Array
  readonly dims: readonly number[]
}

/** A model with one input and one output. */
export interface Model {
  run(input: FloatTensor): Promise<FloatTensor>
}

/** Native is left out where its package, its addon or the permission to load addons is missing. */
export async function availableEngines(): Promise<EngineDescription[]> {
  const shared = [tesseractPath(), ...decoderPaths(), pdfiumDecoder.path]
  const described = [await describe('exact', null, [wasmPath(), ...shared], exactOptions)]
  if ((await importNative()) !== undefined) {
    described.push(
      await describe('native', instructionSet(), [...(await nativeBinaryPaths()), ...shared], nativeOptions),
    )
  }
  return described
}

/** Native, where its package cannot be loaded. */
export async function absentEngines(): Promise<readonly AbsentEngine[]> {
  if ((await importNative()) !== undefined) return []
  const why =
    'the optional package onnxruntime-node is not installed, or has no build for this machine; pages are read by the exact engine alone, 2 to 3 times slower'
  return [{ runtime: 'ocr', engine: 'native', why }]
}

/** Throws RecordError('bad-weights') when the bytes are not a model that this engine can run, or may. */
export async function loadModel(engine: string, weights: Uint8Array): Promise<Model> {
  const fault = onnxFault(weights)
  if (fault !== null) throw new RecordError('bad-weights', `the model ${fault}`)
  if (engine === 'exact') return exactModel(weights)
  if (engine === 'native') return nativeModel(weights)
  throw new Error(`unknown engine ${engine}`)
}

const exactOptions = { executionProviders: ['wasm'], graphOptimizationLevel: 'all', threads: 1 } as const
const nativeOptions = {
  executionProviders: ['cpu'],
  graphOptimizationLevel: 'all',
  executionMode: 'sequential',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
} as const

/** 3: errors only. The models' exporter left initialisers behind, which the runtime warns of at each load. */
const logSeverityLevel = 3

async function exactModel(weights: Uint8Array): Promise<Model> {
  const runtime = await import('onnxruntime-web/wasm')
  runtime.env.wasm.numThreads = 1
  runtime.env.wasm.wasmBinary ??= await readFile(wasmPath())
  const { executionProviders, graphOptimizationLevel } = exactOptions
  return createModel(runtime, weights, { executionProviders, graphOptimizationLevel, logSeverityLevel })
}

async function nativeModel(weights: Uint8Array): Promise<Model> {
  const runtime = await importNative()
  if (runtime === undefined) throw new Error('onnxruntime-node cannot be loaded here')
  return createModel(runtime, weights, { ...nativeOptions, logSeverityLevel })
}

type OnnxRuntime = Pick<typeof import('onnxruntime-web/wasm'), 'InferenceSession' | 'Tensor'>

async function createModel(
  runtime: OnnxRuntime,
  weights: Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<Model> {
  const session = await createSession(runtime, weights, options)
  const inputName = session.inputNames[0]
  const outputName = session.outputNames[0]
  if (inputName === undefined || outputName === undefined) {
    throw new RecordError('bad-weights', 'a model needs an input and an output')
  }
  return {
    async run({ data, dims }) {
      const outputs = await session.run({ [inputName]: new runtime.Tensor('float32', data, dims) })
      const output = outputs[outputName] as Tensor
      if (!(output.data instanceof Float32Array)) {
        throw new RecordError('bad-weights', 'a model must put out 32-bit floats')
      }
      return { data: output.data, dims: output.dims }
    },
  }
}

async function createSession(
  runtime: OnnxRuntime,
  weights: Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(weights, options)
  } catch (error) {
    if (hasRunOut(error)) throw error
    throw new RecordError('bad-weights', 'not an ONNX model that this engine can run')
  }
}

const { resolve } = createRequire(import.meta.url)

function wasmPath(): string {
  return join(dirname(resolve('onnxruntime-web/wasm')), 'ort-wasm-simd-threaded.wasm')
}

async function importNative(): Promise<OnnxRuntime | undefined> {
  try {
    return await import('onnxruntime-node')
  } catch {
    return undefined
  }
}

/** The addon and the library beside it, by name, so that the id does not depend on the folder's order. */
async function nativeBinaryPaths(): Promise<string[]> {
  const root = dirname(dirname(resolve('onnxruntime-node')))
  const folder = join(root, 'bin', 'napi-v6', process.platform, process.arch)
  const names = await readdir(folder)
  return names.sort().map((name) => join(folder, name))
}

async function describe(
  engine: string,
  isa: string | null,
  binaries: readonly string[],
  options: object,
): Promise<EngineDescription> {
  const hash = createHash('sha256')
  for (const binary of binaries) hash.update(sha256OfFile(binary))
  hash.update(JSON.stringify({ runtime: 'ocr', engine, options, pipelineVersion }))
  return {
    runtime: 'ocr',
    engine,
    id: hash.digest('hex').slice(0, 32),
    isa,
    agreement: isa === null ? 'bytes' : 'class-text',
  }
}
