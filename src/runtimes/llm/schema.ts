/**
 * Judges the JSON schema of a request before the engine makes a grammar of it. A few letters of a schema can stand for more states
 * than there is memory (a list of 1,000 lists of 1,000 strings), so repetitions are multiplied and held against a bound; and what the
 * engine reads as nonsense is named here.
 */

/** As JSON. A guess. */
const schemaBytesMax = 32 * 2 ** 10
/** Copies of a part of the grammar. The engine takes 2,000 of one repetition. */
const copiesMax = 2000
/** Letters of a regular expression. A guess. */
const patternLettersMax = 200

/** Says what is wrong with a schema, as a sentence about "the schema"; null where nothing is. */
export function schemaFault(schema: unknown): string | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return 'the schema is no object'
  if (Object.keys(schema).length === 0) return 'the schema is empty'
  const bytes = Buffer.byteLength(JSON.stringify(schema))
  if (bytes > schemaBytesMax) return `the schema has ${bytes} bytes; at most ${schemaBytesMax} are taken`
  return faultIn(schema, 1)
}

function faultIn(node: unknown, copies: number): string | null {
  if (typeof node !== 'object' || node === null) return null
  if (Array.isArray(node)) return firstOf(node.map((part) => faultIn(part, copies)))
  const { $ref, pattern, ...others } = node as Record<string, unknown>
  if (typeof $ref === 'string' && !$ref.startsWith('#/'))
    return 'the schema refers to another document; write all of it in one'
  if (typeof pattern === 'string') {
    const fault = patternFault(pattern, copies)
    if (fault !== null) return fault
  }
  const own = Math.max(
    ...['minItems', 'maxItems', 'minLength', 'maxLength'].map((name) => {
      const value = others[name]
      return typeof value === 'number' ? value : 1
    }),
  )
  const total = copies * Math.max(1, own)
  if (!(total <= copiesMax))
    return `the schema repeats a part up to ${total} times, lists within lists multiplied; at most ${copiesMax} are taken`
  return firstOf(Object.values(others).map((part) => faultIn(part, total)))
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
