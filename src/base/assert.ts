/** Throws when our own code is wrong. Never for what comes from outside: that is refused with a reason. */
export function assert(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new Error(`broken promise: ${promise}`)
}
