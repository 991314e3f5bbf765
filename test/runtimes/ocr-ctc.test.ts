import assert from 'node:assert/strict'
import test from 'node:test'
import { type DecodedLine, decodeColumns, readDictionary } from '../../src/runtimes/ocr/ctc.ts'
import { inSingleWidth, withoutLookAlikes } from '../../src/runtimes/ocr/look-alikes.ts'

const characters = ['a', 'b', ' ']

/** One letter a column: '-' is blank, '~' is a blank that hides a space. */
function decode(columns: string): DecodedLine {
  const rows: Readonly<Record<string, readonly number[]>> = {
    '-': [0.9, 0, 0, 0],
    '~': [0.9, 0, 0, 0.05],
    a: [0.1, 0.8, 0, 0],
    b: [0, 0, 0.6, 0],
    ' ': [0.1, 0, 0, 0.8],
  }
  return decodeColumns(
    Float32Array.from([...columns].flatMap((name) => rows[name]!)),
    columns.length,
    characters,
  )
}

test('repeats are one character unless a blank is between them', () => {
  assert.equal(decode('aa-ab').text, 'aab')
})

test('a blank that leaves room for a space is a space', () => {
  assert.equal(decode('a~b').text, 'a b')
  assert.equal(decode('a-b').text, 'ab')
})

test('spaces are one at a time and never at the ends', () => {
  assert.equal(decode('~ a ~-~b ').text, 'a b')
})

test('confidence is the mean over characters, and 0 for none', () => {
  assert.ok(Math.abs(decode('a-b').confidence - 0.7) < 1e-6)
  assert.equal(decode('---').confidence, 0)
})

test('a word stands where its letters were seen, with its own confidence, and touches no other', () => {
  const { words } = decode('-a-a-~-bb-')
  assert.deepEqual(
    words.map(({ text, from, to }) => [text, from, to].join()),
    // Letters are two columns apart, so that a word reaches one further: "aa" from 1.5 - 1 to 3.5 + 1, "b" from 7.5 - 1 …
    ['aa,0.05,0.45', 'b,0.65,0.85'],
  )
  assert.ok(Math.abs(words[0]!.confidence - 0.8) < 1e-6 && Math.abs(words[1]!.confidence - 0.6) < 1e-6)
  const [first, second] = decode('a~b').words
  assert.ok(first!.from === 0 && first!.to <= second!.from && second!.to === 1)
  assert.deepEqual(decode('~ -').words, [])
})

test('NaN is an error, wherever it stands', () => {
  for (const place of [0, 3, 7]) {
    const probabilities = new Float32Array(8)
    probabilities[place] = Number.NaN
    assert.throws(() => decodeColumns(probabilities, 2, characters), { code: 'not-a-number' })
  }
})

test('a dictionary is one character a line with a space added', () => {
  assert.deepEqual(readDictionary(new TextEncoder().encode('x\r\ny\n')), ['x', 'y', ' '])
})

test('a zero among capitals is a letter, an O in a number a zero, and codes are left alone', () => {
  const meant = { '0IL': 'OIL', GR0UND: 'GROUND', '5OO': '500', '1O.5o': '10.50', '(0UR)': '(OUR)' }
  for (const [read, word] of Object.entries(meant)) assert.equal(withoutLookAlikes(read), word)
  for (const code of ['A0', 'O2', 'H2O', 'B07', 'Oil', '100', 'O', '0', 'SOO'])
    assert.equal(withoutLookAlikes(code), code)
})

test('signs of double width are single among letters that are not of eastern Asia, in every line that is read', () => {
  const read = (line: string) => inSingleWidth([...line]).join('')
  assert.equal(read('Total：13，27（net）'), 'Total:13,27(net)')
  for (const line of ['价格：13，27', 'かな！', 'plain: text', '']) assert.equal(read(line), line)
  const columns = Float32Array.of(0, 0.9, 0, 0, 0, 0, 0.9, 0)
  assert.equal(decodeColumns(columns, 2, ['a', '：', ' ']).text, 'a:')
})
