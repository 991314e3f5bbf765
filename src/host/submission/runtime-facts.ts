/** The facts that a submitter must know of a runtime, by its name: its options, its unit, and what it makes of documents. */
import type {
  NamedWeight,
  Refusal,
  RequestsDescription,
  RuntimeDescription,
  UnitDescription,
} from '../../runtimes/messages.ts'
import type { OptionDescriptions } from '../../runtimes/options.ts'
import { type Runtimes, runtimeIn, runtimes } from '../../runtimes/registry.ts'
import { RequestError } from '../errors.ts'

/** In the order in which help texts show them. */
export const runtimeNames = Object.keys(runtimes)

/** Throws RequestError. */
export function optionsOf(runtime: string): OptionDescriptions {
  return described(runtime).options
}

/** Throws RequestError. */
export function takesText(runtime: string, known?: Runtimes): boolean {
  return described(runtime, known).takesText
}

/** Throws RequestError. */
export function unitOf(runtime: string, known?: Runtimes): UnitDescription {
  return described(runtime, known).unit
}

/** The flag by which a submitter names the file that runs, so that nobody knows what it costs; null: none. Throws RequestError. */
export function namedWeightOf(runtime: string, known?: Runtimes): NamedWeight['named'] | null {
  const { weights } = described(runtime, known)
  return 'named' in weights ? weights.named : null
}

/** True where the file at this path is one of several that a runtime takes together. Looks at no disk. */
export function isInParts(runtime: string, path: string): boolean {
  const { weights } = described(runtime)
  return 'named' in weights && weights.partsOf?.(path) !== undefined
}

/** True where --model names a file, and not one of the runtime's options. */
export function takesModel(runtime: string): boolean {
  const known = runtimeIn(runtimes, runtime)
  return known !== undefined && !Object.hasOwn(known.options, 'model')
}

/** The files that --model takes, and the models that come along; null where a runtime takes none. Throws RequestError. */
export function modelsOf(
  runtime: string,
): { readonly ending: string; readonly packaged: readonly string[] } | null {
  const { weights } = described(runtime)
  if (!('named' in weights) || weights.named !== 'model') return null
  return { ending: weights.ending, packaged: Object.keys(weights.packaged ?? {}) }
}

/** True for the name of a model that comes in a package: then --model names that, and no file. */
export function isPackaged(runtime: string, model: string): boolean {
  return Object.hasOwn(runtimes, runtime) && modelsOf(runtime)?.packaged.includes(model) === true
}

/** How the runtime makes requests of documents; undefined: they go as they are. Throws RequestError. */
export function requestsOf(runtime: string, known?: Runtimes): RequestsDescription | undefined {
  return described(runtime, known).requests
}

/** True where its records say where words stand. Throws RequestError. */
export function hasPlaces(runtime: string): boolean {
  return described(runtime).hasPlaces === true
}

/** Judges a document by its first bytes; null where the runtime may be able to read it. Throws RequestError. */
export function refusalOfHead(runtime: string, head: Uint8Array, known?: Runtimes): Refusal | null {
  return described(runtime, known).refusalOf(head)
}

/** The words for a page that cannot be cut out of its document. Throws RequestError. */
export function damagedPageOf(runtime: string, known?: Runtimes): Refusal {
  return described(runtime, known).damagedPage ?? { what: 'damaged page', wayOut: '' }
}

/** `known`: those of the node; left out: those that come along. Throws RequestError. */
export function described(runtime: string, known: Runtimes = runtimes): RuntimeDescription {
  const found = runtimeIn(known, runtime)
  if (found === undefined)
    throw new RequestError(`there is no runtime '${runtime}'; there are ${Object.keys(known).join(', ')}`)
  return found
}
