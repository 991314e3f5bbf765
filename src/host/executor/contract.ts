/** What the node says to the executor, and what it gets back. */
import type { RecordErrorCode, RuntimeOptions } from '../../runtimes/messages.ts'

export interface SessionSpec {
  /**
   * Names what may share a process: equal keys reuse the warm child, another key gets a fresh one. For
   * untrusted modules the key therefore names the job, too.
   */
  readonly key: string
  readonly runtime: string
  readonly engine: string
  readonly options: RuntimeOptions
  /** Called at each start of a child, so that nobody keeps 45 MB in memory for a restart that may not come. */
  readonly weights: () => Promise<ReadonlyMap<string, Uint8Array>>
}

export interface RecordResult {
  /** Empty where `error` is set. */
  readonly output: Uint8Array
  readonly text: string
  readonly error: { readonly code: RecordErrorCode; readonly message: string } | null
  /** Of the child's process; where a limit ended it, as last sampled. */
  readonly cpuMs: number
  /** While this record was the slot's first, frozen time left out: over a slot's records it adds up to the time it was busy. */
  readonly wallMs: number
}

export interface RunLimits {
  readonly cpuMsMax: number
  readonly wallMsMax: number
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
