/** Text from strangers, made fit to be shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clean, cleanLines, isPrintable, printableJson } from '../../src/base/printable.ts'

/** What a terminal obeys: 7-bit and 8-bit escapes, line ends, signs that turn the direction of writing, and others. */
const drawing = [
  '\x1b[2J',
  '\x9b2J',
  '\x1b]0;title\x07',
  'a\nb',
  'a\rb',
  'a\u2028b',
  'a\u2029b',
  'a\u202eb',
  'a\u2066b',
  'a\u200fb',
  'a\u200bb',
  'a\ufeffb',
  'a\x7fb',
  'a\0b',
  '\u{e0041}',
  '\ud800',
]

test('nothing that a terminal obeys is left of a text, and what people write stays', () => {
  for (const text of drawing) {
    assert(!isPrintable(text), JSON.stringify(text))
    assert(isPrintable(clean(text)), JSON.stringify(text))
    assert.equal(clean(text).split('\n').length, 1)
    assert(isPrintable(cleanLines(text).replaceAll('\n', '')), JSON.stringify(text))
  }
  for (const text of ['Ärger 🚗', 'van 7', '東京 – “ok”', '', 'ة و'])
    assert.deepEqual([isPrintable(text), clean(text), cleanLines(text)], [true, text, text])
})

test('a long text is cut at a letter, whatever it consists of', () => {
  assert.equal(clean('abcdef', 6), 'abcdef')
  assert.equal(clean('abcdefg', 6), 'abcde…')
  assert.equal(clean('🚗'.repeat(6), 6), '🚗'.repeat(6))
  assert.equal(clean('🚗'.repeat(7), 6), `${'🚗'.repeat(5)}…`)
  assert.equal([...clean('\x1b'.repeat(2 ** 20), 100)].length, 100)
})

test('lines keep their ends, and a return alone is none', () => {
  assert.equal(cleanLines('a\r\nb\nc\rd\x1b\n'), 'a\r\nb\nc�d�\n')
})

test('JSON draws nothing and reads the same', () => {
  for (const text of drawing) {
    const json = printableJson({ [text]: [text, 'Ä🚗"\\'] })
    assert(isPrintable(json), json)
    assert.deepEqual(JSON.parse(json), { [text]: [text, 'Ä🚗"\\'] })
  }
})
