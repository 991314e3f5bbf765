/**
 * Every runtime that this node knows, by the name that a job asks for, with what a submitter must know of it. A new runtime
 * is one entry here; submission, help texts and child processes take everything else from it.
 *
 * Each is imported when it is first asked for, so that a child that runs wasm never loads the OCR engines, and a node,
 * which reads the descriptions only, loads none.
 */
import { faultOfOcrWeights, ocrWeights } from './ocr/weights.ts'
import type { Runtime, RuntimeDescription } from './runtime.ts'

export interface RegisteredRuntime extends RuntimeDescription {
  readonly load: () => Promise<Runtime>
}

export const runtimes: Readonly<Record<string, RegisteredRuntime>> = {
  ocr: {
    weights: ocrWeights,
    unit: 'page',
    faultOfWeights: faultOfOcrWeights,
    load: async () => (await import('./ocr/ocr.ts')).ocr,
  },
  wasm: {
    weights: 'module',
    unit: 'page',
    // Admission needs V8, and a module can name no file.
    faultOfWeights: () => null,
    load: async () => (await import('./wasm/wasm.ts')).wasm,
  },
}
