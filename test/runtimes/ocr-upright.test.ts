/** Pages that come turned, askew, inverted or badly lit stand upright, level and evenly lit before anything reads them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { GrayImage } from '../../src/runtimes/imaging/gray-image.ts'
import { evenlyLit } from '../../src/runtimes/imaging/light.ts'
import { isBlackAndWhite, withoutLonePixels } from '../../src/runtimes/imaging/specks.ts'
import { quarterTurned } from '../../src/runtimes/imaging/turn.ts'
import { degreesOf } from '../../src/runtimes/ocr/frame.ts'
import { grainPerMille } from '../../src/runtimes/ocr/grain.ts'
import { lettersOf } from '../../src/runtimes/ocr/letter-height.ts'
import { lineDirection } from '../../src/runtimes/ocr/slope.ts'
import { overturned, upright } from '../../src/runtimes/ocr/upright.ts'
import { openPdf } from '../../src/runtimes/pdf/pdfium.ts'
import { drawPage } from '../../src/runtimes/pdf/picture.ts'
import { pdfOf, textAt } from '../support/pdfs.ts'

/** Lines of letters as high as wide, every fifth with an ascender, on a page of this size; white around them. */
function print(
  options: { width?: number; height?: number; letter?: number; degrees?: number; paper?: number } = {},
): GrayImage {
  const { width = 600, height = 700, letter = 10, degrees = 0, paper = 255 } = options
  const slope = Math.tan((degrees * Math.PI) / 180)
  const cosine = Math.cos(Math.atan(slope))
  const pixels = new Uint8Array(width * height).fill(paper)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const along = (x - width / 2 + (y - height / 2) * slope) * cosine + width / 2
      const down = (y - height / 2 - (x - width / 2) * slope) * cosine + height / 2
      if (along < 80 || along > width - 80 || down < 80 || down > height - 80) continue
      const shifted = along + 0.37 * letter * Math.floor(down / (letter * 3))
      const place = Math.floor(shifted / (letter * 1.4))
      const inLetter = shifted % (letter * 1.4) < letter
      const inLine = down % (letter * 3)
      const top = place % 5 === 0 ? letter : letter * 1.5
      if (inLetter && inLine > top && inLine < letter * 2.5) pixels[y * width + x] = 20
    }
  }
  return { width, height, pixels }
}

for (const degrees of [-19, -7, -1, 0, 0.5, 3, 12, 20])
  test(`lines that sink by ${degrees} degrees are measured to a fifth of a degree, and level afterwards`, () => {
    const page = print({ degrees })
    const { isQuarterTurned, slope } = lineDirection(page)
    assert.equal(isQuarterTurned, false)
    assert.ok(Math.abs(degreesOf(slope) - degrees) <= 0.2, `measured ${degreesOf(slope)}`)
    assert.ok(Math.abs(degreesOf(lineDirection(upright(page).level().picture).slope)) <= 0.3)
  })

test('a page turned by a quarter is turned back, either way, and an upright one is left', () => {
  const page = print()
  const places = [0, 1, 3].map((turns) => upright(quarterTurned(page, turns)).level())
  assert.deepEqual(
    places.map(({ turnedDegrees }) => turnedDegrees),
    [0, 90, 90],
  )
  assert.deepEqual(
    places.map(({ picture }) => [picture.width, picture.height]),
    Array(3).fill([600, 700]),
  )
})

test('only a page on its head may stand on its head', () => {
  assert.equal(lineDirection(print()).mayBeUpsideDown, false)
  assert.equal(lineDirection(quarterTurned(print(), 2)).mayBeUpsideDown, true)
})

test('a place on the picture is told where it lies on the page as it came', () => {
  for (const turns of [0, 1, 2, 3])
    for (const degrees of [0, -9]) {
      const upside = print({ degrees, letter: 6 })
      for (let y = 220; y < 270; y += 1) upside.pixels.fill(0, y * upside.width + 350, y * upside.width + 400)
      const page = quarterTurned(upside, turns)
      const view = upright(page).level()
      for (const { picture, toPage } of [view, overturned(view)]) {
        const [x, y] = toPage(...darkest(picture))
        const [pageX, pageY] = darkest(page)
        assert.ok(
          Math.hypot(x - pageX, y - pageY) <= 4,
          `${turns} ${degrees}: ${x} ${y} for ${pageX} ${pageY}`,
        )
      }
    }
})

/** The middle of all places around which 40 pixels squared are dark. */
function darkest({ width, height, pixels }: GrayImage): [number, number] {
  const found = { count: 0, x: 0, y: 0 }
  for (let y = 20; y < height - 20; y += 2)
    for (let x = 20; x < width - 20; x += 2) {
      let gray = 0
      for (let row = -20; row <= 20; row += 5)
        for (let column = -20; column <= 20; column += 5) gray += pixels[(y + row) * width + x + column]!
      if (gray > 81 * 40) continue
      found.count += 1
      found.x += x
      found.y += y
    }
  return [found.x / found.count, found.y / found.count]
}

test('small letters are enlarged, others are not', () => {
  for (const [letter, enlarged] of [
    [6, true],
    [12, false],
  ] as const) {
    const page = print({ letter })
    assert.ok(Math.abs(lettersOf(page).height! - letter) <= 1)
    assert.equal(upright(page).level().picture.width > page.width, enlarged)
  }
})

test('a page of more pixels than a recogniser has room for is reduced', () => {
  const { picture } = upright(print({ width: 3600, height: 4000, letter: 30 })).level()
  assert.ok(picture.width * picture.height <= 12_010_000)
  const { picture: large } = upright(print({ width: 1600, height: 1600, letter: 60 })).level()
  assert.ok(large.width < 900, `${large.width}`)
})

test('an inverted page becomes dark on light, and a page with even paper is left alone', () => {
  const page = print()
  assert.equal(evenlyLit(page), page)
  const inverted = { ...page, pixels: page.pixels.map((gray) => 255 - gray) }
  assert.deepEqual(evenlyLit(inverted), page)
})

test('paper is white everywhere after a shadow is taken away, and ink is dark', () => {
  const page = print()
  const shaded = {
    ...page,
    pixels: page.pixels.map((gray, at) => Math.round(gray * (1 - (0.6 * (at % page.width)) / page.width))),
  }
  const lit = evenlyLit(shaded)
  for (let at = 0; at < lit.pixels.length; at += 1) {
    if (page.pixels[at] === 255) assert.ok(lit.pixels[at]! >= 235, `paper is ${lit.pixels[at]} at ${at}`)
    else assert.ok(lit.pixels[at]! <= 40, `ink is ${lit.pixels[at]} at ${at}`)
  }
})

test('grain and specks are measured against contrast and letters', () => {
  const page = print({ paper: 220 })
  assert.equal(grainPerMille(page), 0)
  const grainy = { ...page, pixels: page.pixels.map((gray, at) => gray + (((at % 10_007) ** 2 * 31) % 41)) }
  assert.ok(grainPerMille(grainy) > 85)
  assert.ok(lettersOf(page).specksEach < 0.1)
  const fax = { ...page, pixels: page.pixels.map((gray, at) => ((at * 7919) % 211 === 0 ? 0 : gray)) }
  assert.ok(lettersOf(fax).specksEach > 1)
})

test('a fax loses its flipped pixels, and no dot of two', () => {
  const page = print({ letter: 12 })
  const isFlipped = (at: number) => (at * 7919) % 211 === 0
  const fax = { ...page, pixels: page.pixels.map((gray, at) => (isFlipped(at) ? 255 - gray : gray)) }
  const count = ({ pixels }: GrayImage) =>
    pixels.reduce((sum, gray, at) => sum + Number(gray !== page.pixels[at]), 0)
  assert.ok(count(withoutLonePixels(fax)) < 0.1 * count(fax))
  assert.equal(upright(fax).isRough, false)
  assert.equal(isBlackAndWhite(print({ paper: 220 })), false)
  const dot = { width: 6, height: 6, pixels: new Uint8Array(36).fill(255).fill(0, 14, 16) }
  assert.deepEqual(withoutLonePixels(dot), dot)
})

test('many specks make a page rough: its direction is still found, and specks are not enlarged as letters', () => {
  const page = print({ letter: 12, degrees: 3, paper: 220 })
  const noisy = { ...page, pixels: Uint8Array.from(page.pixels) }
  let state = 1
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  // Single pixels by far the most, and some as high as the lowest letters that are counted.
  for (let speck = 0; speck < 9000; speck += 1) {
    const side = random() < 0.25 ? 3 : 1
    const at = Math.floor(random() * (page.height - 3)) * page.width + Math.floor(random() * (page.width - 3))
    for (let row = 0; row < side; row += 1)
      noisy.pixels.fill(0, at + row * page.width, at + row * page.width + side)
  }
  const views = upright(noisy)
  assert.equal(views.isRough, true)
  assert.ok(Math.abs(degreesOf(views.slope) - 3) <= 0.3, `measured ${degreesOf(views.slope)}`)
  assert.equal(views.sloping().picture.width, page.width)
  assert.equal(upright(page).isRough, false)
})

test('the few faint lines of a receipt on grainy paper are followed', async () => {
  const rows = ['CORNER SHOP LTD', 'ORANGE JUICE', 'PAPER TOWELS', 'TOMATOES', 'WHOLE MILK', 'TOTAL', 'CASH']
  const [cosine, sine] = [Math.cos, Math.sin].map((of) => of((3.7 * Math.PI) / 180))
  const lines = rows.map(
    (text, i) => textAt(40, 400 - 26 * i, 18, text) + textAt(300, 400 - 26 * i, 18, '8.78'),
  )
  const content = `q ${cosine} ${-sine!} ${sine} ${cosine} 0 20 cm ${lines.join('')}Q`
  const clean = drawPage(await openPdf(pdfOf([{ content, box: [0, 0, 430, 480] }])), 0, 90)
  let state = 7
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647 - 0.5
  }
  const grain = () => 28 * (random() + random() + random())
  const page = { ...clean, pixels: clean.pixels.map((gray) => Math.round(125 + (55 * gray) / 255 + grain())) }
  const views = upright(page)
  assert.ok(views.grainPerMille >= 200 && views.isRough)
  assert.equal(views.level().turnedDegrees, 0)
  assert.ok(Math.abs(degreesOf(views.slope) - 3.7) <= 0.3, `measured ${degreesOf(views.slope)}`)
})
