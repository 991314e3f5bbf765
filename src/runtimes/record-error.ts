/** The errors of runtimes: what is wrong with a document, by a code, and what says something of this machine alone. */

/** The faults that a document can have on any vehicle. Codes are part of the record, so they are stable. */
export type RecordErrorCode =
  | 'empty-document'
  | 'not-an-image'
  | 'damaged-image'
  | 'image-too-large'
  | 'no-such-page'
  | 'bad-weights'
  | 'not-a-number'
  | 'not-a-wasi-command'
  | 'bad-request'
  | 'context-length'
  | 'beyond-units'
  | 'trap'
  | 'exit-code'
  | 'output-limit'
  /** The five below are this vehicle's word about itself. All but the first are found by the supervisor. */
  | 'stack-limit'
  | 'memory-limit'
  | 'cpu-limit'
  | 'time-limit'
  | 'crash'

/** The message is compared between vehicles: it must not carry addresses, times or paths. */
export class RecordError extends Error {
  readonly code: RecordErrorCode
  /** As RecordOutput's (runtime.ts). */
  readonly log: string
  constructor(code: RecordErrorCode, message: string, log = '') {
    super(message)
    this.name = 'RecordError'
    this.code = code
    this.log = log
  }
}

/**
 * Tells whether an error says something of this vehicle and nothing of the document: it ran out of memory, or of stack. Code that
 * takes a library's errors for a document's fault throws these on, so that the child ends and does not answer. How deep a
 * stack goes is never the document's: V8 gives a function another frame before and after it has optimised it.
 */
export function hasRunOut(error: unknown): boolean {
  return isOutOfStack(error) || isOutOfMemory(error)
}

export function isOutOfStack(error: unknown): boolean {
  return error instanceof RangeError && /call stack/.test(error.message)
}

function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? error.code : undefined
  return (
    code === 'Z_MEM_ERROR' ||
    /allocation failed|out of memory|bad_alloc|\bOOM\b|enlarge memory/i.test(error.message)
  )
}
