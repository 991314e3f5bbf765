import assert from 'node:assert/strict'
import test from 'node:test'
import { cut } from '../../src/runtimes/ocr/cut.ts'
import { detectText } from '../../src/runtimes/ocr/detection.ts'
import { degreesOf, fixedOne, frameOfSlope, toAlong, toDown, toX, toY } from '../../src/runtimes/ocr/frame.ts'
import { withoutStrays } from '../../src/runtimes/ocr/strays.ts'
import { partsOf } from '../../src/runtimes/ocr/wide-gaps.ts'

const side = 640

/** A detector that sees bars of text at a given slope wherever it looks. */
function barsAt(slope: number) {
  return {
    run: async () => {
      const data = new Float32Array(side * side)
      for (const top of [200, 260, 320, 380]) {
        for (let x = 100; x < 500; x += 1) {
          for (let y = 0; y < 8; y += 1) data[Math.round(top + y + x * slope) * side + x] = 0.9
        }
      }
      return { data, dims: [1, 1, side, side] }
    },
  }
}

const blank = { width: side, height: side, pixels: new Uint8Array(side * side).fill(255) }

for (const degrees of [-3, -1, -0.3, 0, 0.3, 1, 3, 8]) {
  test(`a skew of ${degrees} degrees is measured to a tenth, and each line is one box`, async () => {
    const { frame, boxes } = await detectText(barsAt(Math.tan((degrees * Math.PI) / 180)), blank, side)
    assert.ok(Math.abs(degreesOf(frame.slope) - degrees) <= 0.1, `measured ${degreesOf(frame.slope)}`)
    assert.equal(boxes.length, 4)
    for (const box of boxes) assert.ok(box.bottom - box.top < 30)
  })
}

test('NaN from the detector is an error, not an empty page', async () => {
  const model = {
    run: async () => ({ data: new Float32Array(side * side).fill(Number.NaN), dims: [1, 1, side, side] }),
  }
  await assert.rejects(detectText(model, blank, side), { code: 'not-a-number' })
})

test('turning to the page and back returns to the same place', () => {
  const frame = frameOfSlope(Math.round(fixedOne * 0.05))
  for (const [x, y] of [
    [0, 0],
    [1000, 10],
    [3, 1400],
  ] as const) {
    const along = toAlong(frame, x, y)
    const down = toDown(frame, x, y)
    assert.ok(Math.abs(toX(frame, along, down) - x) < 0.1)
    assert.ok(Math.abs(toY(frame, along, down) - y) < 0.1)
  }
})

test('a cut without slope copies pixels, and goes on beyond the edge with the last ones', () => {
  const page = { width: 4, height: 3, pixels: Uint8Array.from({ length: 12 }, (_, i) => i * 10) }
  const upright = frameOfSlope(0)
  assert.deepEqual([...cut(page, upright, { left: 1, top: 1, right: 3, bottom: 2 }).pixels], [50, 60])
  assert.deepEqual([...cut(page, upright, { left: 3, top: 2, right: 6, bottom: 3 }).pixels], [110, 110, 110])
})

test('a cut along the slope finds a sloping line straight', () => {
  const slope = 0.04
  const page = { width: 400, height: 100, pixels: new Uint8Array(40_000).fill(255) }
  for (let x = 0; x < 400; x += 1) {
    for (let y = 0; y < 3; y += 1) page.pixels[Math.round(40 + y + x * slope) * 400 + x] = 0
  }
  const frame = frameOfSlope(Math.round(fixedOne * slope))
  const strip = cut(page, frame, { left: 10, top: 41, right: 390, bottom: 42 })
  assert.ok(strip.pixels.every((gray) => gray < 128))
})

const line = { left: 100, top: 50, right: 300, bottom: 80 }

function pictureWithInk(...spans: readonly (readonly [from: number, to: number])[]) {
  const pixels = new Uint8Array(200 * 30).fill(255)
  for (const [from, to] of spans) {
    for (let y = 8; y < 22; y += 1) pixels.fill(0, y * 200 + from, y * 200 + to)
  }
  return { width: 200, height: 30, pixels }
}

test('a gap as wide as a gutter splits a box, a word space does not', () => {
  assert.equal(partsOf(line, pictureWithInk([10, 60], [70, 120])).length, 1)
  const parts = partsOf(line, pictureWithInk([10, 60], [100, 190]))
  assert.deepEqual(
    parts.map((part) => [part.left, part.right]),
    [
      [105.5, 164.5],
      [195.5, 294.5],
    ],
  )
})

test('a speck in a gutter does not bridge it', () => {
  const picture = pictureWithInk([10, 60], [100, 190])
  picture.pixels.fill(0, 15 * 200 + 79, 15 * 200 + 82)
  assert.equal(partsOf(line, picture).length, 2)
})

test('a box without ink is no text', () => {
  assert.deepEqual(partsOf(line, pictureWithInk()), [])
})

test('specks and covered fragments are dropped, small print is not', () => {
  const text = [0, 1, 2].map((n) => ({ left: 0, top: 40 * n, right: 400, bottom: 40 * n + 30 }))
  const speck = { left: 500, top: 0, right: 510, bottom: 12 }
  const fragment = { left: 380, top: 2, right: 398, bottom: 28 }
  const smallPrint = { left: 0, top: 130, right: 300, bottom: 145 }
  assert.deepEqual(withoutStrays([speck, ...text, fragment, smallPrint]), [...text, smallPrint])
})
