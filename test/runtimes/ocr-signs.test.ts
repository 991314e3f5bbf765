/** Signs that Tesseract takes for others, and lines that it takes for pictures. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { readByTesseract } from '../../src/runtimes/ocr/by-tesseract.ts'
import { withSignsAsMeant } from '../../src/runtimes/ocr/signs.ts'
import type { PageReader, Word } from '../../src/runtimes/ocr/tesseract.ts'

const word = (
  text: string,
  left: number,
  right: number,
  top = 100,
  bottom = 120,
  confidence = 0.4,
): Word => ({
  text,
  box: { left, right, top, bottom },
  confidence,
  startsLine: left < 20,
})
const asMeant = (words: readonly Word[]) => withSignsAsMeant(words).map(({ text }) => text)
const rest = [word('bread', 40, 90), word('and', 100, 130), word('salt', 140, 180)]

test('a small round sign that floats before a line is a bullet; what is wide, low, raised, large, a speck or alone is not', () => {
  for (const sign of ['*', '+', '«', '¢'])
    assert.equal(asMeant([word(sign, 10, 18, 107, 115), ...rest])[0], '•')
  const kept = [
    word('-', 10, 22, 109, 112),
    word('.', 10, 13, 117, 120),
    word('*', 10, 18, 100, 106),
    word('*', 10, 28, 100, 119),
    word('-', 10, 12, 109, 111),
    word('e', 10, 18, 107, 115),
  ]
  for (const sign of kept) assert.equal(asMeant([sign, ...rest])[0], sign.text)
  assert.equal(asMeant([...rest, word('*', 190, 198, 107, 115)])[3], '*')
  assert.deepEqual(asMeant([word('*', 10, 18, 107, 115)]), ['*'])
})

test('a bar as high as the letters is the letter I, and one that is higher a rule', () => {
  const bar = (text: string, top: number, bottom: number) => [...rest, word(text, 190, 193, top, bottom)]
  assert.equal(asMeant(bar('|', 100, 120))[3], 'I')
  assert.equal(asMeant(bar('|’m', 101, 120))[3], 'I’m')
  assert.equal(asMeant(bar('|', 92, 128))[3], '|')
  assert.equal(asMeant(bar('|x|', 100, 120))[3], '|x|')
  assert.deepEqual(asMeant([word('|', 10, 13)]), ['|'])
})

test('a place of a line’s size in which Tesseract sees a picture is looked at by itself, in rows', () => {
  const asked: number[] = []
  const reader = (again: readonly Word[]): PageReader => ({
    layout: () => [],
    read(_, mode) {
      asked.push(mode)
      if (mode === 7) return [...again]
      const boxes = [word('', 100, 180, 98, 122), word('', 0, 400, 130, 131), word('', 0, 400, 200, 500)]
      const line = [word('Item', 10, 50, 100, 120, 0.95), word('Sum', 300, 350, 100, 120, 0.95)]
      return [...boxes, ...line, word('below', 10, 50, 140, 160, 0.95)]
    },
  })
  const picture = { width: 500, height: 600, pixels: new Uint8Array(300_000).fill(255) }
  const texts = (again: readonly Word[]) => readByTesseract([reader(again)], picture).map((line) => line.text)
  assert.deepEqual(texts([word('Price', 8, 70, 8, 28, 0.9)]), ['Item Price Sum', 'below'])
  assert.deepEqual(asked.slice(1), [7], 'neither the rule nor the picture')
  assert.deepEqual(texts([word('Prsse', 8, 70, 8, 28, 0.6)]), ['Item Sum', 'below'])
})
