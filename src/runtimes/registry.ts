/** Every runtime this node knows, by the name a job asks for. A new runtime is one import and one line here. */
import { ocr } from './ocr/ocr.ts'
import type { Runtime } from './runtime.ts'
import { wasm } from './wasm/wasm.ts'

export const runtimes: readonly Runtime[] = [ocr, wasm]
