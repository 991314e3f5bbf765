/** Throws when our own code is wrong. Never for values from outside: those are refused with a reason. */
export function assert(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new Error(`broken promise: ${promise}`)
}

/** Stands where a switch has no case left: the compiler refuses it while one is missing. */
export function impossible(value: never): never {
  throw new Error(`broken promise: nobody can make ${JSON.stringify(value)}`)
}
