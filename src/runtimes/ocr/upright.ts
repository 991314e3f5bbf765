/**
 * Makes of a page what both recognisers expect: dark on white, lines across and level, letters not too small.
 *
 * The page is evenly lit (light.ts), turned so that its lines run across (slope.ts) and level, and enlarged where its letters are
 * small (letter-height.ts). Whether it then stands on its head is the recognisers' to say: `overturned` gives the other way up.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { evenlyLit } from '../imaging/light.ts'
import { resize } from '../imaging/resize.ts'
import { smoothed } from '../imaging/smooth.ts'
import { isBlackAndWhite, withoutLonePixels } from '../imaging/specks.ts'
import { mapped, quarterTurned } from '../imaging/turn.ts'
import { fixedOne, frameOfSlope } from './frame.ts'
import { grainPerMille, smoothedMin } from './grain.ts'
import { lettersOf } from './letter-height.ts'
import { lineDirection } from './slope.ts'

export interface UprightPage {
  readonly picture: GrayImage
  /** Degrees clockwise by which the page was turned to stand upright. */
  readonly turnedDegrees: 0 | 90 | 180 | 270
  /** The usual height of small letters in the picture, in pixels; undefined: too little ink to tell. */
  readonly letterHeight: number | undefined
  /** Where a place of the picture lies on the page as it came, in pixels. */
  toPage(x: number, y: number): [number, number]
}

export interface UprightViews {
  /** Rise of the page's lines, in 1/65536. */
  readonly slope: number
  readonly mayBeUpsideDown: boolean
  readonly grainPerMille: number
  /** So many specks that they would be taken for letters: its letters are not measured, and it is not enlarged. */
  readonly isRough: boolean
  /** With level lines, whatever the slope. */
  level(): UprightPage
  /** With lines as they were where their slope is small, for a reader that follows slopes and would lose by interpolation. */
  sloping(): UprightPage
}

/** Less than 0.3 degrees: readers bear it, and turning blurs. */
const slopeMin = fixedOne / 200

/**
 * Letters lower than the first, in pixels, are enlarged to the second. Measured on Tesseract at 72 to 100 dpi: enlarging letters of 8
 * pixels by 1.4 takes wrong characters from 0.6 to 0.4 % for 1.4 times the time; larger ones gain nothing, nor does more.
 */
const letterHeightMin = 8.5
const letterHeightWanted = 11.5
const enlargementMax = 3

/** Letters higher than the first, as of 600 dpi, are reduced to the second: they gain nothing and cost memory. A guess. */
const letterHeightMax = 40
const letterHeightReduced = 30

/** Pixels that a picture may have: Tesseract holds some 16 bytes of each within its 1 GiB. */
const picturePixelsMax = 12_000_000

/**
 * Measured: clean pages have at most 0.24 specks for each letter, faxes and thermal paper 3.5 to 12. On faxes whose lone pixels
 * were taken away Tesseract reads better than PaddleOCR does with or without them: 1.3 against 1.9 and 2.0 % of characters wrong.
 */
const roughMin = 1

/** Five degrees. */
const followedMax = Math.floor(0.0875 * fixedOne)

export function upright(original: GrayImage): UprightViews {
  const [lit, isRough] = cleaned(evenlyLit(original))
  const grain = grainPerMille(lit)
  // Grain that is smoothed leaves baselines as sharp as they were; to reduce the page for its specks would not.
  const { isQuarterTurned, slope, mayBeUpsideDown } =
    grain < smoothedMin ? lineDirection(lit, isRough) : lineDirection(smoothed(lit))
  const turned = isQuarterTurned ? quarterTurned(lit, 1) : lit
  const view = (levelledSlope: number): UprightPage => {
    const levelled = levelledSlope === 0 ? turned : level(turned, levelledSlope)
    const letters = isRough ? undefined : lettersOf(levelled).height
    const scale = scaleFor(levelled, letters)
    const picture =
      scale === 1
        ? levelled
        : resize(levelled, Math.round(levelled.width * scale), Math.round(levelled.height * scale))
    const { cosine, sine } = frameOfSlope(levelledSlope)
    return {
      picture,
      turnedDegrees: isQuarterTurned ? 90 : 0,
      letterHeight: letters === undefined ? undefined : letters * scale,
      toPage(x, y) {
        const fromMiddleX = (x * levelled.width) / picture.width - levelled.width / 2
        const fromMiddleY = (y * levelled.height) / picture.height - levelled.height / 2
        const along = (fromMiddleX * cosine - fromMiddleY * sine) / fixedOne + turned.width / 2
        const down = (fromMiddleX * sine + fromMiddleY * cosine) / fixedOne + turned.height / 2
        return isQuarterTurned ? [down, lit.height - along] : [along, down]
      },
    }
  }
  return {
    slope,
    mayBeUpsideDown,
    grainPerMille: grain,
    isRough,
    level: () => view(Math.abs(slope) < slopeMin ? 0 : slope),
    sloping: () => view(Math.abs(slope) < followedMax ? 0 : slope),
  }
}

/** The page, without a fax's flipped pixels; and whether it is rough all the same. */
function cleaned(page: GrayImage): [GrayImage, boolean] {
  const isRough = lettersOf(page).specksEach >= roughMin
  if (!isRough || !isBlackAndWhite(page)) return [page, isRough]
  const clean = withoutLonePixels(page)
  return [clean, lettersOf(clean).specksEach >= roughMin]
}

export function overturned(page: UprightPage): UprightPage {
  const { width, height } = page.picture
  return {
    ...page,
    picture: quarterTurned(page.picture, 2),
    turnedDegrees: page.turnedDegrees === 90 ? 270 : 180,
    toPage: (x, y) => page.toPage(width - x, height - y),
  }
}

function scaleFor(page: GrayImage, letters: number | undefined): number {
  const room = Math.sqrt(picturePixelsMax / (page.width * page.height))
  if (letters !== undefined && letters < letterHeightMin)
    return Math.min(Math.max(1, room), letterHeightWanted / letters, enlargementMax)
  const reduced = letters !== undefined && letters > letterHeightMax ? letterHeightReduced / letters : 1
  return Math.min(reduced, room)
}

/** About the middles of both pages; the new one is large enough for the old one's corners. */
function level(page: GrayImage, slope: number): GrayImage {
  const { cosine, sine } = frameOfSlope(slope)
  const width = Math.ceil((page.width * cosine + page.height * Math.abs(sine)) / fixedOne)
  const height = Math.ceil((page.height * cosine + page.width * Math.abs(sine)) / fixedOne)
  return mapped(page, width, height, {
    xx: cosine,
    xy: -sine,
    x0: Math.floor((page.width * fixedOne - width * cosine + height * sine) / 2),
    yx: sine,
    yy: cosine,
    y0: Math.floor((page.height * fixedOne - width * sine - height * cosine) / 2),
  })
}
