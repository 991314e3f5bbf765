/**
 * Trims a detected box to its ink, and splits it at gaps too wide for a space between words.
 *
 * The detector bridges gutters that are narrow for the size of print, and one bridged line hides the gutter
 * from reading-order.ts. A split too many does no harm: neighbours in one column are joined to one line again.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import type { Box } from './box.ts'

/** Times the box's height, which is about 1.5 times the size of type: four ordinary spaces or so. */
const wideGapMin = 0.8

/** Ink of less than this many times the squared height, with a gap on both sides, is a speck. A guess. */
const speckMax = 0.02
const speckDistanceMin = 0.25

/** Times the height, left white around each part. */
const margin = 0.15

/** `picture` is the box's cut with stretched levels, one pixel for each of the page's. No ink gives no parts. */
export function partsOf(box: Box, picture: GrayImage): Box[] {
  const height = picture.height
  const runs = withoutSpecks(inkRuns(picture), height)
  const parts: { start: number; end: number }[] = []
  for (const run of runs) {
    const part = parts.at(-1)
    if (part !== undefined && run.start - part.end < wideGapMin * height) part.end = run.end
    else parts.push({ start: run.start, end: run.end })
  }
  const left = Math.floor(box.left)
  return parts.map((part) => ({
    ...box,
    left: left + part.start - margin * height,
    right: left + part.end + margin * height,
  }))
}

interface Run {
  readonly start: number
  /** First column without ink. */
  readonly end: number
  readonly inkPixels: number
}

const inkBelow = 128

/** Neighbouring columns with ink. The outermost rows belong to the lines above and below. */
function inkRuns(picture: GrayImage): Run[] {
  const { width, height, pixels } = picture
  const top = Math.floor(height / 8)
  const runs: Run[] = []
  let start = -1
  let inkPixels = 0
  for (let x = 0; x <= width; x += 1) {
    let ink = 0
    for (let y = top; x < width && y < height - top; y += 1) {
      if (pixels[y * width + x]! < inkBelow) ink += 1
    }
    if (ink > 0) {
      if (start < 0) start = x
      inkPixels += ink
    } else if (start >= 0) {
      runs.push({ start, end: x, inkPixels })
      start = -1
      inkPixels = 0
    }
  }
  return runs
}

function withoutSpecks(runs: readonly Run[], height: number): Run[] {
  return runs.filter((run, index) => {
    const before = run.start - (runs[index - 1]?.end ?? Number.NEGATIVE_INFINITY)
    const after = (runs[index + 1]?.start ?? Number.POSITIVE_INFINITY) - run.end
    const standsAlone = before >= speckDistanceMin * height && after >= speckDistanceMin * height
    return !standsAlone || run.inkPixels >= speckMax * height * height
  })
}
