/**
 * One page to its text: makes it upright, chooses the recogniser, turns the page over if it stands on its head, and says its doubts.
 *
 * `auto` reads by Tesseract, which is the better one on clean print and costs half as much, and by PaddleOCR where the page is grainy
 * or full of specks, or Tesseract itself is in doubt; single lines of doubt get a second opinion. Grain, specks and Tesseract's confidence are the same numbers on every vehicle, so that all choose
 * alike, also those whose PaddleOCR runs natively.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { heightOf } from './box.ts'
import { type PaddleModels, readByPaddle, secondOpinion } from './by-paddle.ts'
import { readByTesseract } from './by-tesseract.ts'
import { meanConfidence, type TextLine } from './page-text.ts'
import type { PageReader } from './tesseract.ts'
import { overturned, type UprightPage, type UprightViews, upright } from './upright.ts'
import { isOfAnotherScript, type Warning, warningsOf } from './warnings.ts'

export interface Recognisers {
  /** In the order of the job's languages; may be empty. */
  readonly tesseract: readonly PageReader[]
  readonly paddle: PaddleModels | undefined
  /** See description.ts. */
  readonly detectionSideMax: number
}

export interface ReadPage {
  /** Where the lines' boxes are. */
  readonly upright: UprightPage
  /** The lines' slope on the page, in 1/65536. */
  readonly slope: number
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

/** Lines that Tesseract reads with this confidence stand upright. PaddleOCR may be as sure of letters that stand on their heads. */
const surelyUpright = 0.85

export async function readPage(original: GrayImage, recognisers: Recognisers): Promise<ReadPage> {
  const views = upright(original)
  const isRough = views.isRough || views.grainPerMille >= grainMin
  const { tesseract, paddle } = recognisers
  const prefersPaddle = paddle !== undefined && (isRough || tesseract.length === 0)
  const first = prefersPaddle ? byPaddle(views, paddle, recognisers) : byTesseract(views, tesseract)
  const isSuspect = views.mayBeUpsideDown || first.page.turnedDegrees !== 0
  const byOne = prefersPaddle ? first : byTesseract(views, tesseract.slice(0, 1))
  const isTurned = isSuspect && (await standsOnItsHead(byOne))
  let read = await attempt(first, isTurned)
  const isDoubtful =
    read.lines.length === 0 ? views.mayBeUpsideDown : meanConfidence(read.lines) < headDownMax
  if (!isSuspect && isDoubtful && (await standsOnItsHead(byOne))) read = await attempt(first, true)
  const byFirst = read.lines
  if (!prefersPaddle && paddle !== undefined && meanConfidence(read.lines) < sureMin) {
    const other = await attempt(byPaddle(views, paddle, recognisers), read.upright.turnedDegrees >= 180)
    if (other.lines.length > 0) read = other
  }
  if (read.recogniser === 'tesseract' && paddle !== undefined)
    read = { ...read, lines: await secondOpinion(paddle, read.upright.picture, read.lines) }
  const warnings = warningsOf(read.upright, read.lines)
  if (!isRough && isOfAnotherScript(read.upright, byFirst, read.lines)) warnings.push('script-not-covered')
  return { ...read, slope: views.slope, warnings }
}

interface Reader {
  readonly recogniser: ReadPage['recogniser']
  readonly page: UprightPage
  readonly read: (page: UprightPage) => Promise<TextLine[]>
}

function byTesseract(views: UprightViews, readers: readonly PageReader[]): Reader {
  return {
    recogniser: 'tesseract',
    page: views.level(),
    read: async ({ picture }) => readByTesseract(readers, picture),
  }
}

function byPaddle(views: UprightViews, models: PaddleModels, { detectionSideMax }: Recognisers): Reader {
  return {
    recogniser: 'paddle',
    page: views.sloping(),
    read: ({ picture, letterHeight }) =>
      readByPaddle(models, picture, {
        letterHeight,
        grainPerMille: views.grainPerMille,
        sideMax: detectionSideMax,
      }),
  }
}

async function attempt(
  { recogniser, page, read }: Reader,
  isTurned: boolean,
): Promise<Pick<ReadPage, 'upright' | 'lines' | 'recogniser'>> {
  const standing = isTurned ? overturned(page) : page
  return { upright: standing, lines: await read(standing), recogniser }
}

/** Lines that are tried both ways up, about. */
const triedLines = 3

/** Reads the part of the page with the most ink, and the other way up where that leaves doubt. */
async function standsOnItsHead({ page, read, recogniser }: Reader): Promise<boolean> {
  const band = {
    ...page,
    picture: denseBand(page.picture, Math.round((page.letterHeight ?? 16) * 2.6 * triedLines)),
  }
  const upwards = (await read(band)).filter(isLine)
  if (recogniser === 'tesseract' && meanConfidence(upwards) >= surelyUpright) return false
  const downwards = (await read(overturned(band))).filter(isLine)
  return surelyRead(downwards) > surelyRead(upwards)
}

/**
 * The characters that were read, by how sure their reader is. Confidence alone would not do: upside down, a recogniser may find one number
 * of a whole page, and be as sure of it as of all lines the right way up.
 */
export function surelyRead(lines: readonly TextLine[]): number {
  return lines.reduce((sum, { text, confidence }) => sum + text.length * confidence * confidence, 0)
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
