/**
 * Every runtime that comes along, by the name that a job asks for, with what a submitter must know of it. A new runtime
 * is one entry here; submission, help texts and child processes take everything else from it. A program that embeds a node
 * may give it others (src/library/runtimes.ts), which go with it as an option.
 *
 * Each is imported when it is first asked for, so that a child that runs wasm never loads the OCR engines, and a node,
 * which reads the descriptions only, loads none.
 */
import {
  embedOptions,
  embedRequests,
  embedShapeOf,
  embedWeights,
  faultOfEmbedWeights,
} from './embed/description.ts'
import { embedEndpoints } from './embed/endpoints.ts'
import { modelWeights } from './gguf/model.ts'
import { refusalByKind } from './imaging/kind.ts'
import {
  faultOfChatModel,
  faultOfLargeChatModel,
  llmAgreements,
  llmOptions,
  llmRequests,
  llmShapeOf,
} from './llm/description.ts'
import { llmEndpoints } from './llm/endpoints.ts'
import {
  damagedPdfPage,
  faultOfOcrWeights,
  languagePattern,
  languagesAmong,
  ocrOptions,
  ocrWeights,
} from './ocr/description.ts'
import { ocrEndpoints } from './ocr/endpoints.ts'
import { cpuMsMaxOfUnits, limitOptions, optionOf, pageCpuMsOption, wrongOption } from './options.ts'
import type { DocumentShape, Runtime, RuntimeDescription, RuntimeOptions } from './runtime.ts'
import { document, page, token, type UnitCount, type UnitDescription } from './units.ts'
import { wasmOptions, wasmShapeOf, wasmWeights } from './wasm/description.ts'

export { languagePattern }

export interface RegisteredRuntime extends RuntimeDescription {
  readonly load: () => Promise<Runtime>
  /** The module that defines it, where it is somebody else's; left out: it comes along. */
  readonly module?: RuntimeModule
}

/** A module of the program that embeds this node: children import it, too. */
export interface RuntimeModule {
  /** Absolute. Its default export is the runtime, as `defineRuntime` makes it. */
  readonly path: string
  /** Absolute paths of other files and folders that it reads or imports. */
  readonly files: readonly string[]
}

/** The runtimes that a node knows, by name. */
export type Runtimes = Readonly<Record<string, RegisteredRuntime>>

/** Those that come along. */
export const runtimes: Runtimes = {
  ocr: {
    weights: ocrWeights,
    takesText: false,
    unit: page,
    options: { ...ocrOptions, ...limitOptions },
    faultOfWeights: faultOfOcrWeights,
    damagedPage: damagedPdfPage,
    hasPlaces: true,
    endpoints: ocrEndpoints,
    refusalOf: refusalByKind,
    load: async () => (await import('./ocr/ocr.ts')).ocr,
  },
  wasm: {
    weights: wasmWeights,
    takesText: true,
    unit: document,
    options: { ...wasmOptions, ...limitOptions },
    // Admission needs V8, and a module can name no file.
    faultOfWeights: () => null,
    trial: async (bytes, options) => (await import('./wasm/admission.ts')).faultOfModule(bytes, options),
    shapeOf: wasmShapeOf,
    refusalOf: () => null,
    load: async () => (await import('./wasm/wasm.ts')).wasm,
  },
  llm: {
    weights: modelWeights,
    takesText: true,
    unit: token,
    options: { ...llmOptions, ...limitOptions },
    faultOfWeights: faultOfChatModel,
    faultOfLargeWeights: faultOfLargeChatModel,
    agreements: llmAgreements,
    nativeNeedsAll: true,
    shapeOf: llmShapeOf,
    requests: llmRequests,
    endpoints: llmEndpoints,
    refusalOf: () => null,
    load: async () => (await import('./llm/llm.ts')).llm,
  },
  embed: {
    weights: embedWeights,
    takesText: true,
    unit: token,
    options: { ...embedOptions, ...limitOptions },
    faultOfWeights: faultOfEmbedWeights,
    shapeOf: embedShapeOf,
    requests: embedRequests,
    endpoints: embedEndpoints,
    refusalOf: () => null,
    load: async () => (await import('./embed/embed.ts')).embed,
  },
}

/** Undefined where none has this name. */
export function runtimeIn(known: Runtimes, name: string): RegisteredRuntime | undefined {
  return Object.hasOwn(known, name) ? known[name] : undefined
}

/** The one that draws pages of documents for people to look at. */
export const drawingRuntime = 'ocr'

/**
 * The first of a job's options that its runtime does not take, as a sentence; undefined: it takes them all. A runtime that
 * is not known here has no options that could be judged.
 */
export function wrongOptionOf(
  runtime: string,
  options: RuntimeOptions,
  known: Runtimes = runtimes,
): string | undefined {
  const found = runtimeIn(known, runtime)
  return found && wrongOption(found.options, options)
}

/** The unit in which a runtime's work is counted; a page of one that is not known here. */
export function unitOfRuntime(runtime: string, known: Runtimes = runtimes): UnitDescription {
  return runtimeIn(known, runtime)?.unit ?? page
}

/** The words for a unit by the name that stands in manifests: also one that is of no runtime here. */
export function unitNamed(one: string): Pick<UnitDescription, 'one' | 'many'> {
  const known = Object.values(runtimes).find(({ unit }) => unit.one === one)
  return known?.unit ?? { one, many: `${one}s` }
}

/**
 * The processor time that a page of a job may take, in milliseconds: always a number, also for options out of range. Where units are
 * counted and the job sets no limit, it follows the units that the page may take.
 */
export function pageCpuMsMaxOf(options: RuntimeOptions, units?: UnitCount): number {
  if (units !== undefined && options[pageCpuMsOption] === undefined) return cpuMsMaxOfUnits(units)
  const own = { [pageCpuMsOption]: options[pageCpuMsOption] ?? limitOptions[pageCpuMsOption]!.default }
  return optionOf(limitOptions, pageCpuMsOption, wrongOption(limitOptions, own) === undefined ? own : {})
}

/** The shape of a document of so many bytes; undefined where it must be read for that, or the runtime is not known. */
export function shapeByLength(
  runtime: string,
  bytes: number,
  known: Runtimes = runtimes,
): DocumentShape | undefined {
  return runtimeIn(known, runtime)?.shapeOf?.(bytes)
}

/** The options that the runtime itself hears of. */
export function ownOptionsOf({ [pageCpuMsOption]: _, ...options }: RuntimeOptions): RuntimeOptions {
  return options
}

/** The languages in which a job reads text, by the names of its weights; none where its runtime reads no text. */
export function languagesOf(runtime: string, weights: readonly string[]): string[] {
  const known = runtimeIn(runtimes, runtime)
  return known !== undefined && 'files' in known.weights ? languagesAmong(weights) : []
}
