/**
 * Every runtime this node knows, by the name a job asks for. A new runtime is one line here.
 * Each is imported when it is first asked for, so that a child that runs wasm never loads the OCR engines.
 */
import type { Runtime } from './runtime.ts'

export const runtimes: Readonly<Record<string, () => Promise<Runtime>>> = {
  ocr: async () => (await import('./ocr/ocr.ts')).ocr,
  wasm: async () => (await import('./wasm/wasm.ts')).wasm,
}
