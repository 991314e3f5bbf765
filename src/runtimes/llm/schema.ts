/**
 * Judges the JSON schema of a request before the engine makes a grammar of it. A few letters of a schema can stand for more states
 * than there is memory (a list of 1,000 lists of 1,000 strings), so repetitions are multiplied and held against a bound. The engine also
 * follows all alternatives of a value at once, and 40 definitions of which each is two of the next are 2^40; so these are added up. What the
 * engine reads as nonsense is named here.
 */

/** As JSON. A guess. */
const schemaBytesMax = 32 * 2 ** 10
/** Copies of a part of the grammar. The engine takes 2,000 of one repetition. */
const copiesMax = 2000
/** Alternatives of one value. With 4,000 a token took a second. A guess. */
const waysMax = 1000
/** Letters of a regular expression. A guess. */
const patternLettersMax = 200

/** Says what is wrong with a schema, as a sentence about "the schema"; null where nothing is. */
export function schemaFault(schema: unknown): string | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return 'the schema is no object'
  if (Object.keys(schema).length === 0) return 'the schema is empty'
  const bytes = Buffer.byteLength(JSON.stringify(schema))
  if (bytes > schemaBytesMax) return `the schema has ${bytes} bytes; at most ${schemaBytesMax} are taken`
  return faultIn(schema, 1) ?? waysFault(schema)
}

/** Alternatives of alternatives, by whatever references they are reached. */
function waysFault(schema: object): string | null {
  const known = new Map<object, number>()
  const waysOf = (node: unknown): number => {
    if (typeof node !== 'object' || node === null) return 1
    const before = known.get(node)
    if (before !== undefined) return before
    // One that is an alternative of itself is the engine's to refuse.
    known.set(node, 1)
    const { $ref, anyOf = [], oneOf = [], allOf = [], ...others } = node as Record<string, unknown>
    const parts = [anyOf, oneOf, allOf].flat()
    if (typeof $ref === 'string') parts.push(named(schema, $ref))
    const ways = parts.reduce((sum: number, part) => sum + waysOf(part), 0)
    for (const other of Object.values(others)) most = Math.max(most, waysOf(other))
    most = Math.max(most, ways)
    known.set(node, Math.max(1, ways))
    return Math.max(1, ways)
  }
  let most = 0
  waysOf(schema)
  return most <= waysMax
    ? null
    : `the schema has a value with ${most} alternatives, those within alternatives counted; at most ${waysMax} are taken`
}

/** The part of a schema that a reference of this document names ("#/$defs/a"); undefined where there is none. */
function named(schema: object, reference: string): unknown {
  const steps = reference.split('/').slice(1)
  return steps.reduce<unknown>((part, step) => {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    return typeof part === 'object' && part !== null && Object.hasOwn(part, name)
      ? (part as Record<string, unknown>)[name]
      : undefined
  }, schema)
}

function faultIn(node: unknown, copies: number): string | null {
  if (typeof node !== 'object' || node === null) return null
  if (Array.isArray(node)) return firstOf(node.map((part) => faultIn(part, copies)))
  // A property may be called like a word of the language: then it is a schema.
  const { $ref, pattern } = node as Record<string, unknown>
  const parts = Object.values(node)
  if (typeof $ref === 'string' && !$ref.startsWith('#/'))
    return 'the schema refers to another document, or to all of itself; refer to a part of it, such as "#/$defs/name"'
  if (typeof pattern === 'string') {
    const fault = patternFault(pattern, copies)
    if (fault !== null) return fault
  }
  const own = Math.max(
    ...['minItems', 'maxItems', 'minLength', 'maxLength'].map((name) => {
      const value = (node as Record<string, unknown>)[name]
      return typeof value === 'number' ? value : 1
    }),
  )
  const total = copies * Math.max(1, own)
  if (!(total <= copiesMax))
    return `the schema repeats a part up to ${total} times, lists within lists multiplied; at most ${copiesMax} are taken`
  return firstOf(parts.map((part) => faultIn(part, total)))
}

function patternFault(pattern: string, copies: number): string | null {
  if (pattern.length > patternLettersMax)
    return `the schema has a pattern of ${pattern.length} letters; at most ${patternLettersMax} are taken`
  const repetitions = [...pattern.matchAll(/\{(\d*),?(\d*)\}/g)]
  const total = repetitions.reduce(
    (product, [, least, most]) => product * Math.max(1, Number(least), Number(most)),
    copies,
  )
  if (total > copiesMax)
    return `the schema has a pattern that repeats a part up to ${total} times, repetitions multiplied; at most ${copiesMax} are taken`
  return null
}

function firstOf(faults: readonly (string | null)[]): string | null {
  return faults.find((fault) => fault !== null) ?? null
}
