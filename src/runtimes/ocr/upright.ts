/**
 * Makes of a page what a reader of whole pages expects: dark on white, lines across and level, letters neither too small nor large.
 *
 * The page is evenly lit (light.ts), turned so that its lines run across (slope.ts) and level, and enlarged where its letters are
 * small (letter-height.ts). Upside down is not seen here: the lines of such a page run as well as any.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { evenlyLit } from '../imaging/light.ts'
import { resize } from '../imaging/resize.ts'
import { type Affine, mapped, quarterTurned } from '../imaging/turn.ts'
import { fixedOne, frameOfSlope } from './frame.ts'
import { letterHeight } from './letter-height.ts'
import { lineDirection } from './slope.ts'

export interface UprightPage {
  readonly picture: GrayImage
  readonly isQuarterTurned: boolean
  /** See LineDirection. */
  readonly slope: number
  readonly letterHeight: number | undefined
}

/** Less than 0.3 degrees: readers bear it, and turning blurs. */
const slopeMin = fixedOne / 200

/** Small letters lower than this, in pixels, are enlarged to this; the reader's own lines have 36 pixels, ascenders included. */
const letterHeightMin = 16
const enlargementMax = 3

/** Pixels that an enlarged page may have. */
const enlargedPixelsMax = 12_000_000

export function upright(original: GrayImage): UprightPage {
  const lit = evenlyLit(original)
  const { isQuarterTurned, slope } = lineDirection(lit)
  const turned = level(isQuarterTurned ? quarterTurned(lit, 1) : lit, slope)
  const letters = letterHeight(turned)
  const wanted = letters === undefined ? 1 : letterHeightMin / letters
  const room = Math.sqrt(enlargedPixelsMax / (turned.width * turned.height))
  const scale = Math.min(wanted, enlargementMax, room)
  const picture =
    scale > 1.1 ? resize(turned, Math.round(turned.width * scale), Math.round(turned.height * scale)) : turned
  return { picture, isQuarterTurned, slope, letterHeight: letters }
}

/** A page whose lines run level, large enough for its corners. */
function level(page: GrayImage, slope: number): GrayImage {
  if (Math.abs(slope) < slopeMin) return page
  const { cosine, sine } = frameOfSlope(slope)
  const width = Math.ceil((page.width * cosine + page.height * Math.abs(sine)) / fixedOne)
  const height = Math.ceil((page.height * cosine + page.width * Math.abs(sine)) / fixedOne)
  return mapped(page, width, height, levelling(page, width, height, cosine, sine))
}

/** About both pages' middles. */
function levelling(page: GrayImage, width: number, height: number, cosine: number, sine: number): Affine {
  return {
    xx: cosine,
    xy: -sine,
    x0: Math.floor((page.width * fixedOne - width * cosine + height * sine) / 2),
    yx: sine,
    yy: cosine,
    y0: Math.floor((page.height * fixedOne - width * sine - height * cosine) / 2),
  }
}
