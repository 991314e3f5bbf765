/**
 * How grainy a page is: neighbouring pixels of paper differ by so many thousandths of the contrast between ink and paper.
 *
 * Tesseract decides for each pixel whether it is ink, and grain near the contrast makes letters of paper; PaddleOCR's networks were
 * trained on photographs. So `auto` chooses by this number, which is made of whole numbers and hence the same on every vehicle.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { grayAt, histogram, otsu } from '../imaging/light.ts'

/**
 * Grain that is taken off before anything is looked for. On receipts of 310 to 350, smoothing took wrong characters from 9 to 5 %; on some of
 * 140 and 230 it changed nothing, and twice did harm.
 */
export const smoothedMin = 200

/** The share of pairs that differ by no more than the difference that counts. */
const quantile = 0.75

export function grainPerMille({ width, height, pixels }: GrayImage): number {
  const counts = histogram(pixels)
  const threshold = otsu(counts)
  const ink = medianOf(counts.map((count, gray) => (gray <= threshold ? count : 0)))
  const paper = medianOf(counts.map((count, gray) => (gray > threshold ? count : 0)))
  const between = (ink + paper) >> 1
  const differences = new Uint32Array(256)
  let pairs = 0
  for (let y = 0; y < height; y += 2) {
    for (let at = y * width + 1; at < (y + 1) * width; at += 1) {
      if (pixels[at]! <= between || pixels[at - 1]! <= between) continue
      differences[Math.abs(pixels[at]! - pixels[at - 1]!)]! += 1
      pairs += 1
    }
  }
  return Math.floor((1000 * grayAt(differences, pairs, quantile)) / Math.max(1, paper - ink))
}

function medianOf(counts: Uint32Array): number {
  return grayAt(
    counts,
    counts.reduce((sum, count) => sum + count, 0),
    0.5,
  )
}
