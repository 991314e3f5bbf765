/**
 * Names traps in the words of the specification's own tests, because V8's change with its version.
 *
 * The message is part of a record and compared between vehicles, so causes that V8 words alike are one here.
 * Anything that is not a trap (out of stack or address space, a bug of ours) is thrown on: it is this vehicle's fault.
 */
const traps: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/unreachable/, 'unreachable'],
  [/memory access out of bounds|data segment/, 'out of bounds memory access'],
  [
    /table index is out of bounds|table access out of bounds|element segment|table initializer/,
    'out of bounds table access',
  ],
  [/divide by zero|remainder by zero/, 'integer divide by zero'],
  [/divide result unrepresentable/, 'integer overflow'],
  [/float unrepresentable/, 'invalid conversion to integer'],
  [/null function|signature mismatch|dereferencing a null/, 'indirect call type mismatch'],
]

/** Throws on what is no trap. */
export function trapMessage(error: unknown): string {
  if (!(error instanceof WebAssembly.RuntimeError)) throw error
  const { message } = error
  return traps.find(([pattern]) => pattern.test(message))?.[1] ?? 'trap'
}
