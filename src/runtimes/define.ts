/**
 * The door for runtimes of programs that embed a node: `import { defineRuntime } from 'carpool/runtime'`.
 *
 * A module of its own whose default export is what `defineRuntime` returns is given to `CarpoolNode.start({ runtimes: […] })`. Two processes
 * import it: the program's own, for the description, and each child that runs it, behind the same walls as any runtime: without network,
 * clock or other files (docs/library.md). So the module itself imports little, and its `load` imports the engine.
 *
 * The one promise is about repetition: the same engine id, options and document give the same bytes on every vehicle.
 */
import { createHash } from 'node:crypto'
import type { EngineDescription, Runtime, RuntimeDescription } from './runtime.ts'
import { document } from './units.ts'

export type {
  DocumentShape,
  EngineDescription,
  RecordErrorCode,
  RecordOutput,
  Refusal,
  Runtime,
  RuntimeDescription,
  RuntimeOptions,
  Session,
  UnitCount,
  UnitDescription,
  Weight,
} from './runtime.ts'
export { RecordError } from './runtime.ts'

/** A runtime as its author describes it. What is left out is as for texts that go as they are and need no weights. */
export interface RuntimeDefinition extends Partial<RuntimeDescription> {
  /** The name that jobs ask for: small letters, digits and hyphens, 32 at most, and none of a runtime that comes along. */
  readonly name: string
  /** Called in a child, when the runtime is first asked for. */
  readonly load: () => Promise<Runtime>
}

/** A runtime with nothing left out. */
export interface DefinedRuntime extends RuntimeDescription {
  readonly name: string
  readonly load: () => Promise<Runtime>
}

/** Fills in what a definition leaves out: texts, paid by the document, without weights and options, of which any may be read. */
export function defineRuntime(definition: RuntimeDefinition): DefinedRuntime {
  return {
    weights: { files: {} },
    takesText: true,
    unit: document,
    options: {},
    faultOfWeights: () => null,
    refusalOf: () => null,
    ...definition,
  }
}

/**
 * Describes an engine that gives the same bytes on every processor. `identity`: all that its results depend on, above all a version, which
 * changes with any change to what it makes of a document: engines of different identity are never compared.
 */
export function exactEngine(runtime: string, identity: string): EngineDescription {
  const hash = createHash('sha256').update(`${runtime} exact ${identity}`).digest('hex')
  return { runtime, engine: 'exact', id: hash.slice(0, 32), isa: null, agreement: 'bytes' }
}
