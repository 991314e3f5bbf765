import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { stretchLevels } from '../../src/runtimes/imaging/levels.ts'
import { resize } from '../../src/runtimes/imaging/resize.ts'
import { smoothed } from '../../src/runtimes/imaging/smooth.ts'
import { withoutSpecks } from '../../src/runtimes/imaging/specks.ts'

const picture = {
  width: 61,
  height: 43,
  pixels: Uint8Array.from({ length: 61 * 43 }, (_, i) => (i * i * 7 + i * 13) & 255),
}

test('resizing gives these bytes on every machine', () => {
  const hash = createHash('sha256')
  for (const [width, height] of [
    [61, 43],
    [20, 48],
    [122, 17],
    [200, 100],
    [1, 1],
  ] as const) {
    hash.update(resize(picture, width, height).pixels)
  }
  assert.equal(hash.digest('hex').slice(0, 16), 'bac01cd3cecb89c3')
})

test('a flat area stays flat at any size', () => {
  const flat = { width: 50, height: 30, pixels: new Uint8Array(1500).fill(201) }
  for (const side of [1, 7, 49, 50, 51, 133]) {
    assert.ok(resize(flat, side, side).pixels.every((gray) => gray === 201))
  }
})

test('reducing averages: a fine checkerboard turns gray, not black or white', () => {
  const board = {
    width: 64,
    height: 64,
    pixels: Uint8Array.from({ length: 4096 }, (_, i) => ((i + (i >> 6)) & 1) * 255),
  }
  for (const gray of resize(board, 16, 16).pixels) assert.ok(gray > 110 && gray < 145)
})

test('a dim line is stretched to black on white and its grain is gone', () => {
  const pixels = new Uint8Array(1000).map((_, i) => (i % 10 === 0 ? 100 : 178 + (i % 4)))
  const stretched = stretchLevels({ width: 100, height: 10, pixels }).pixels
  assert.deepEqual(new Set(stretched), new Set([0, 255]))
})

test('an empty strip of paper is left alone', () => {
  const pixels = new Uint8Array(1000).map((_, i) => 200 + (i % 8))
  assert.deepEqual(stretchLevels({ width: 100, height: 10, pixels }).pixels, pixels)
})

test('a speck goes, a full stop stays', () => {
  const image = { width: 60, height: 40, pixels: new Uint8Array(2400).fill(255) }
  image.pixels[10 * 60 + 10] = 0
  for (const at of [0, 1, 2, 3].flatMap((y) => [0, 1, 2, 3].map((x) => (25 + y) * 60 + 40 + x)))
    image.pixels[at] = 0
  const cleaned = withoutSpecks(image).pixels
  assert.equal(cleaned[10 * 60 + 10], 255)
  assert.equal(cleaned.filter((gray) => gray === 0).length, 16)
})

test('smoothing keeps plain paper and the mean of its grain, and spreads a speck over its neighbours', () => {
  const plain = { width: 3, height: 2, pixels: new Uint8Array(6).fill(77) }
  assert.deepEqual(smoothed(plain), plain)
  const speck = { width: 5, height: 5, pixels: new Uint8Array(25) }
  speck.pixels[12] = 160
  const rows = Array.from({ length: 5 }, (_, y) => [...smoothed(speck).pixels.subarray(5 * y, 5 * y + 5)])
  assert.deepEqual(rows, [
    [0, 0, 0, 0, 0],
    [0, 10, 20, 10, 0],
    [0, 20, 40, 20, 0],
    [0, 10, 20, 10, 0],
    [0, 0, 0, 0, 0],
  ])
  assert.equal(speck.pixels[12], 160, 'the page itself is left alone')
})
