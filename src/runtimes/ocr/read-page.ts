/**
 * One page to its text: makes it upright, chooses the recogniser, turns the page over if it stands on its head, and says its doubts.
 *
 * `auto` reads by Tesseract, which is the better one on clean print and costs half as much, and by PaddleOCR where the page is grainy
 * or Tesseract itself is in doubt. Grain and Tesseract's confidence are the same numbers on every vehicle, so that all choose
 * alike, also those whose PaddleOCR runs natively.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { heightOf } from './box.ts'
import { type PaddleModels, readByPaddle } from './by-paddle.ts'
import { readByTesseract } from './by-tesseract.ts'
import { grainPerMille } from './grain.ts'
import { meanConfidence, type TextLine } from './page-text.ts'
import type { PageReader } from './tesseract.ts'
import { overturned, type UprightPage, upright } from './upright.ts'
import { type Warning, warningsOf } from './warnings.ts'

export interface Recognisers {
  /** In the order of the job's languages; may be empty. */
  readonly tesseract: readonly PageReader[]
  readonly paddle: PaddleModels | undefined
  /** See description.ts. */
  readonly detectionSideMax: number
}

export interface ReadPage {
  readonly upright: UprightPage
  readonly lines: readonly TextLine[]
  readonly recogniser: 'tesseract' | 'paddle'
  readonly warnings: readonly Warning[]
}

/** Measured: clean pages have at most 76, receipts and our grainy sample pages 90 to 350. */
const grainMin = 85

/** Pages that Tesseract reads with less confidence are read by PaddleOCR, if it is there. */
const sureMin = 0.85

/** Upside down, Tesseract's confidence is 0.3 to 0.6. */
const headDownMax = 0.65

export async function readPage(original: GrayImage, recognisers: Recognisers): Promise<ReadPage> {
  const { tesseract, paddle } = recognisers
  let page = upright(original)
  const isGrainy = paddle !== undefined && grainPerMille(page.picture) >= grainMin
  const first = tesseract.length > 0 && !isGrainy ? 'tesseract' : 'paddle'
  let read = reader(first)
  const isSuspect = page.mayBeUpsideDown || page.turnedDegrees !== 0
  if (isSuspect) page = await rightWayUp(page, read)
  let lines = await read(page)
  if (!isSuspect && meanConfidence(lines) < headDownMax && lines.length > 0) {
    const other = await rightWayUp(page, read)
    if (other !== page) {
      page = other
      lines = await read(page)
    }
  }
  let recogniser: ReadPage['recogniser'] = first
  if (first === 'tesseract' && paddle !== undefined && meanConfidence(lines) < sureMin) {
    read = reader('paddle')
    const others = await read(page)
    if (others.length > 0) {
      lines = others
      recogniser = 'paddle'
    }
  }
  return { upright: page, lines, recogniser, warnings: warningsOf(page, lines) }

  function reader(name: ReadPage['recogniser']): (page: UprightPage) => Promise<TextLine[]> {
    if (name === 'tesseract') return async ({ picture }) => readByTesseract(tesseract, picture)
    return ({ picture, letterHeight }) =>
      readByPaddle(paddle!, picture, letterHeight, recognisers.detectionSideMax)
  }
}

/** Lines that are tried both ways up, about. */
const triedLines = 5

/** Reads the part of the page with the most ink both ways up. */
async function rightWayUp(
  page: UprightPage,
  read: (page: UprightPage) => Promise<TextLine[]>,
): Promise<UprightPage> {
  const band = denseBand(page.picture, Math.round((page.letterHeight ?? 16) * 2.6 * triedLines))
  const turned = overturned({ ...page, picture: band })
  const upwards = meanConfidence((await read({ ...page, picture: band })).filter(isLine))
  const downwards = meanConfidence((await read(turned)).filter(isLine))
  return downwards > upwards ? overturned(page) : page
}

function isLine({ box, text }: TextLine): boolean {
  return heightOf(box) > 0 && text.length >= 3
}

/** So many rows of the picture, where most of its dark-to-light steps are. */
function denseBand({ width, height, pixels }: GrayImage, rows: number): GrayImage {
  if (rows >= height) return { width, height, pixels }
  const steps = new Uint32Array(height + 1)
  for (let y = 0; y < height; y += 1) {
    let count = 0
    for (let at = y * width + 1; at < (y + 1) * width; at += 1)
      if (Math.abs(pixels[at]! - pixels[at - 1]!) > 64) count += 1
    steps[y + 1] = steps[y]! + count
  }
  let top = 0
  for (let y = 0; y + rows <= height; y += 1)
    if (steps[y + rows]! - steps[y]! > steps[top + rows]! - steps[top]!) top = y
  return { width, height: rows, pixels: pixels.subarray(top * width, (top + rows) * width) }
}
