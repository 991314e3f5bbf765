/**
 * TensorFlow.js with its WebAssembly, from an optional package, and held to hashes: these bytes give the same results on every
 * processor, and nobody has looked at others.
 *
 * The package is TensorFlow.js in one file of 1.8 MB, where the four packages of its makers are 90 MB. Of its binaries we take the one
 * with SIMD, which has neither relaxed SIMD nor threads (a test reads it by wabt).
 */
import { join, sep } from 'node:path'
import { areKnown, packageFolder } from '../known-files.ts'

/** The hashes of @energetic-ai/core 0.2.0. */
const hashes = {
  'index.js': '9822ba2b2ca79f8aaef1e94939135f8e6f325e58242b88f824f99cffbd40b64c',
  'tfjs-backend-wasm-simd.wasm': '5b7b37aca55ad709b8ffb969337497aa41e73043906e661f09fb3c567ce1b134',
} as const

/** For the machine's owner. */
export const tensorflowAbsence =
  'the optional package @energetic-ai/core 0.2.0 is not installed, or is another version; run npm install in the folder of Carpool'

/** For an engine's identity. */
export const tensorflowHashes: Readonly<Record<string, string>> = hashes

/** Undefined where the package is not installed. */
export function tensorflowWasmPath(): string | undefined {
  const folder = tensorflowFolder()
  return folder && join(folder, 'tfjs-backend-wasm-simd.wasm')
}

/** Tells whether the package is installed, in the version that we know. */
export function isTensorflowHere(): Promise<boolean> {
  return areKnown(tensorflowFolder(), hashes)
}

/** Takes 0.2 s of processor time. */
export async function startTensorflow() {
  const { default: tensorflow } = await import('@energetic-ai/core')
  tensorflow.env().set('WASM_HAS_SIMD_SUPPORT', true)
  tensorflow.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  tensorflow.setWasmPaths(`${tensorflowFolder()!}${sep}`)
  if (!(await tensorflow.setBackend('wasm'))) throw new Error('TensorFlow.js does not start its WebAssembly')
  return tensorflow
}

function tensorflowFolder(): string | undefined {
  return packageFolder('@energetic-ai/core')
}
