/**
 * The errors that say something of this vehicle and nothing of the document: it ran out of memory, or of stack. Whoever takes
 * a library's errors for a document's fault lets these pass, so that the child ends instead of answering.
 *
 * How deep a stack goes is never the document's: V8 gives a function another frame before and after it has optimised it.
 */

/** Tells whether this vehicle ran out of something. */
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
