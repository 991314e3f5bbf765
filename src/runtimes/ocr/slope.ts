/**
 * Finds out how a page's lines of text run: along its width or its height, and at which slope.
 *
 * The baseline of print is a row of lower edges of ink. Summed along the right slope these edges fall into few bins, and the sum of
 * squared differences of neighbouring bins is largest (Postl, US patent 4,723,297, 1988; as in Leptonica's skew detector). Lower
 * edges are used in place of ink, since they are fewer, and pictures and stains have few of them. Whether lines run down the page
 * is answered by the same sum over the page turned by a quarter. Slopes are fractions and sums are whole numbers: the same everywhere.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { histogram, otsu } from '../imaging/light.ts'
import { resize } from '../imaging/resize.ts'
import { quarterTurned } from '../imaging/turn.ts'
import { fixedOne } from './frame.ts'

/** The page is looked at with this longest side: print of 8 points on A4 still has baselines then. */
const sideMax = 1000

/** 21 degrees or so. */
const slopeMax = Math.floor(0.385 * fixedOne)
const coarseStep = fixedOne / 256
const fineStep = fixedOne / 4096

export interface LineDirection {
  /** The lines run down the page or up, not across. */
  readonly isQuarterTurned: boolean
  /** Rise of the lines per pixel along them, in 1/65536, once a quarter turn clockwise has brought them across. */
  readonly slope: number
  /** The lower edges of the lines are less sharp than the upper ones: in print that stands upright it is the other way round. */
  readonly mayBeUpsideDown: boolean
}

export function lineDirection(page: GrayImage): LineDirection {
  const scale = Math.min(1, sideMax / Math.max(page.width, page.height))
  const small = resize(
    page,
    Math.max(1, Math.round(page.width * scale)),
    Math.max(1, Math.round(page.height * scale)),
  )
  const threshold = otsu(histogram(small.pixels))
  const ink = { ...small, pixels: small.pixels.map((gray) => (gray <= threshold ? 1 : 0)) }
  const turned = quarterTurned(ink, 1)
  const across = bestSlope(edgesBelow(ink))
  const down = bestSlope(edgesBelow(turned))
  const isQuarterTurned = down.sharpness > quarterMin * across.sharpness
  const { slope, sharpness } = isQuarterTurned ? down : across
  const upper = sharpnessAt(edgesBelow(quarterTurned(isQuarterTurned ? turned : ink, 2)), slope)
  return { isQuarterTurned, slope, mayBeUpsideDown: sharpness < baselineMin * upper }
}

/** Lines must be this many times sharper down the page than across it, since most pages are upright. A guess. */
const quarterMin = 1.3

/** Measured on 50 pages: upright in Latin script 0.85 to 1.46, a tenth of them below this; upside down 0.74 to 0.92. */
const baselineMin = 1.03

interface Edges {
  readonly along: Int32Array
  readonly down: Int32Array
  readonly length: number
  readonly height: number
}

/** Pixels of ink above pixels of none. */
function edgesBelow({ width, height, pixels }: GrayImage): Edges {
  const along: number[] = []
  const down: number[] = []
  for (let y = 0; y + 1 < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x
      if (pixels[at] === 0 || pixels[at + width] === 1) continue
      along.push(x)
      down.push(y)
    }
  }
  return { along: Int32Array.from(along), down: Int32Array.from(down), length: width, height }
}

function bestSlope(edges: Edges): { slope: number; sharpness: number } {
  let best = { slope: 0, sharpness: sharpnessAt(edges, 0) }
  const tryAt = (slope: number): void => {
    const sharpness = sharpnessAt(edges, slope)
    if (sharpness > best.sharpness) best = { slope, sharpness }
  }
  for (let slope = -slopeMax; slope <= slopeMax; slope += coarseStep) tryAt(slope)
  const middle = best.slope
  for (let slope = middle - coarseStep; slope <= middle + coarseStep; slope += fineStep) tryAt(slope)
  return best
}

/** For each edge: how much the bins differ, where edges that fall together count together. */
function sharpnessAt({ along, down, length, height }: Edges, slope: number): number {
  if (along.length === 0) return 0
  const rise = Math.ceil((Math.abs(slope) * length) / fixedOne) + 1
  const bins = new Int32Array(height + 2 * rise)
  for (let edge = 0; edge < along.length; edge += 1) {
    bins[rise + down[edge]! - ((along[edge]! * slope) >> 16)]! += 1
  }
  let sum = 0
  for (let bin = 1; bin < bins.length; bin += 1) sum += (bins[bin]! - bins[bin - 1]!) ** 2
  return sum / along.length
}
