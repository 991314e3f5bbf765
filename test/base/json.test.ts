/** JSON of strangers: as deep as it may be, and no deeper. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ExcessiveJson, parseJson } from '../../src/base/json.ts'

function depthOf(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

test('a text is read up to its own depth, and refused by name below that', () => {
  // Strings full of what could be taken for structure.
  const text = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\\\', ',', 'a', '\u2028') })
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'large' },
      text,
      fc.integer(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    ),
  }))
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (given, indent) => {
      const json = JSON.stringify(given, null, indent)
      const depth = depthOf(given)
      assert.deepEqual(parseJson(json, depth), JSON.parse(json))
      if (depth > 0) assert.throws(() => parseJson(json, depth - 1), ExcessiveJson)
    }),
  )
})

test('what nests without end is refused before anything is made of it, and what is no JSON is a SyntaxError', () => {
  for (const deep of ['['.repeat(200_000), '{"a":'.repeat(200_000), `"x",${'[{"a":'.repeat(100_000)}`])
    assert.throws(() => parseJson(deep, 64), ExcessiveJson)
  for (const broken of ['', '"', '"[[[[', '"\\\\"x', ']]]]', '[}', `${']'.repeat(99)}${'['.repeat(99)}`])
    assert.throws(() => parseJson(broken, 100), SyntaxError)
})

test('more values than anybody sends are refused before they take memory', () => {
  for (const one of ['{}', '1', '""'])
    assert.throws(() => parseJson(`[${`${one},`.repeat(2 ** 22)}1]`, 8), /has more than \d+ values/)
  assert.equal((parseJson(`["${','.repeat(2 ** 23)}"]`, 8) as string[])[0]!.length, 2 ** 23)
})
