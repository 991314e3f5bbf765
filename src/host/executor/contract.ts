/** The requests of the node to the executor, and the answers that it gets back. */
import type {
  DocumentShape,
  EngineDescription,
  Inspecting,
  RecordErrorCode,
  Refusal,
  RuntimeOptions,
  ScoredClaim,
  UnitCount,
} from '../../runtimes/messages.ts'

/** The executor of a node's work: child processes (executor.ts), or a test's own function. */
export interface Executor {
  /** Lists the engines that this machine can run, and confine as they need it. */
  describeEngines(): Promise<readonly EngineDescription[]>
  /** Lists those that it could run and does not offer. An executor that confines nothing has no such list. */
  withheldEngines?(): Promise<readonly WithheldEngine[]>
  /** For as long as the executor lives: a vehicle has as many slots as its owner allows. */
  openSlot(): Slot
  /** Reads a document's shape. Rejects with SlotFailed where this machine cannot read any. */
  inspect(runtime: string, document: Uint8Array, how?: Inspecting): Promise<DocumentShape>
  /**
   * Makes a file for each group of pages, as the runtime's `cut` does; or says why none can be made. Left out where no document is cut.
   * Rejects with SlotFailed.
   */
  cut?(
    runtime: string,
    document: Uint8Array,
    passwords: readonly string[],
    groups: readonly (readonly number[])[],
  ): Promise<readonly Uint8Array[] | Refusal>
  /**
   * Opens what counts the units of documents in a session's weights. Left out where nothing is counted. Its answers reject with
   * SessionRefused and SlotFailed.
   */
  openCounter?(session: SessionSpec): UnitCounter
  /**
   * Why no vehicle would load a session whose only weight this is, in words that are the same everywhere; null: they would. Left
   * out where nothing is loaded. Rejects with SlotFailed where this machine cannot try any.
   */
  tryWeight?(runtime: string, weight: NamedBytes, options: RuntimeOptions): Promise<string | null>
  /** The most memory that a slot may take, in bytes; left out where nothing bounds it. */
  readonly slotBytesMax?: number
  /** How many processes the kernel has ended as memory ran out. */
  readonly killedByMemory?: number
  /** Has the observer told of the processes of slots, from now on. */
  observe(observer: ChildObserver): void
  /** Ends every slot's process, and starts none until `proceed`. */
  halt(): void
  proceed(): void
  /** Resolves when nothing runs any more. Pending requests reject with SlotKilled. */
  close(): Promise<void>
}

export interface UnitCounter {
  /** The document's shape, with the units of each page. */
  shapeOf(document: Uint8Array): Promise<DocumentShape>
  close(): Promise<void>
}

export interface NamedBytes {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface WithheldEngine {
  readonly runtime: string
  readonly engine: string
  /** A sentence, for the node's owner. */
  readonly why: string
}

/** Room for one session at a time. */
export interface Slot {
  /** Makes sure that the session is loaded. Rejects with SessionRefused, SlotFailed or SlotKilled. */
  prepare(session: SessionSpec): Promise<void>
  /** Runs one page, counted from 0, in the session that was prepared last. Rejects with SlotKilled or SlotFailed. */
  run(document: Uint8Array, page: number, limits?: Partial<PageLimits>): Promise<RecordResult>
  /**
   * Holds an output that is claimed for a page against the network, in the session that was prepared last. Null where it is none that the
   * engine could give, or where the slot ran out of something. An executor without such engines leaves it out. Rejects as `run`.
   */
  score?(
    document: Uint8Array,
    page: number,
    claimed: Uint8Array,
    limits?: Partial<PageLimits>,
  ): Promise<ScoredClaim | null>
  /**
   * Reads no further answers from the slot's process until it is told `false`: those that came are more than memory has room
   * for. The process waits with its next one. An executor whose answers are short may leave it out.
   */
  holdBack?(isHeld: boolean): void
  /** Has the slot compute nothing until `resume`. */
  freeze(): void
  resume(): void
  /** Rejects what is pending with SlotKilled; the slot may be prepared again. */
  kill(): Promise<void>
}

export interface SessionSpec {
  /**
   * Names what may share a process: equal keys reuse the warm child, another key gets a fresh one. For
   * untrusted modules the key therefore names the job, too.
   */
  readonly key: string
  readonly runtime: string
  readonly engine: string
  readonly options: RuntimeOptions
  /** It only counts the units of documents. */
  readonly isCounter?: true
  /** Called at each start of a child, so that nobody keeps 45 MB in memory for a restart that may not come. */
  readonly weights: () => Promise<ReadonlyMap<string, WeightFile>>
}

/** A file that a child gets as a file of its own to read, or part by part. */
export interface WeightFile {
  readonly bytes: number
  /** A file of this machine that has these bytes and that nobody changes; null, or left out: its parts are sent. */
  readonly path?: string | null
  /** Its parts in order, `bytes` in all. Throws where one is not here, or not what it should be. */
  readonly read: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface RecordResult {
  /** Empty where `error` is set. */
  readonly output: Uint8Array
  readonly text: string
  readonly error: { readonly code: RecordErrorCode; readonly message: string } | null
  /** The units that the page took, where the runtime counts them and it ended well. */
  readonly units?: UnitCount
  /** The CPU time of the child's process; where a limit ended it, as last sampled. */
  readonly cpuMs: number
  /** While this record was the slot's first, frozen time left out: over a slot's records it adds up to the time it was busy. */
  readonly wallMs: number
  /** The end of what a program wrote beside its output. No part of the record. */
  readonly log?: string
}

export interface RunLimits {
  readonly cpuMsMax: number
  readonly wallMsMax: number
}

export interface PageLimits extends RunLimits {
  /** The units that the page's job counts for it, where units are counted. */
  readonly unitsMax: number
}

/** The part of a pino logger that is used here. */
export interface ExecutorLog {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
}

/** Is told of the processes of slots: of each before it has been given anything to do, and after it is gone. */
export interface ChildObserver {
  /** `startedTicks` as in usage.ts; null where nothing tells. */
  began(pid: number, startedTicks: number | null): void
  ended(pid: number): void
}

/** The slot was killed by us: says nothing about the document. */
export class SlotKilled extends Error {
  constructor() {
    super('the slot was killed')
    this.name = 'SlotKilled'
  }
}

/** The runtime refuses this session's weights or options, as it would on every vehicle. */
export class SessionRefused extends Error {
  readonly code: RecordErrorCode
  constructor(code: RecordErrorCode, message: string) {
    super(message)
    this.name = 'SessionRefused'
    this.code = code
  }
}

/** This vehicle cannot do it: the child does not start, its session does not load, or the queue is full. */
export class SlotFailed extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'SlotFailed'
  }
}
