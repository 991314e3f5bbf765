/**
 * Takes dust out of pictures: pixels of a black and white page that stand alone, and in a line's picture ink too small to be
 * even a full stop.
 *
 * A full stop covers about one hundredth of the squared height of its box; ink that covers less than half of that and
 * touches nothing else turns white. Works on stretched levels (levels.ts). Larger specks pass for punctuation, to
 * this as to anyone.
 */
import type { GrayImage } from './gray-image.ts'

/** High, so that hairlines hold a letter together: a broken one is taken for specks. */
const inkBelow = 216

/**
 * A share of the squared height, in pixels. On the ten sample pages 0 gave 0.43 % wrong characters, this 0.28 %,
 * 0.008 0.34 %.
 */
const speckShare = 0.004

export function withoutSpecks(image: GrayImage): GrayImage {
  const { width, height, pixels } = image
  const areaMax = Math.floor(speckShare * height * height)
  if (areaMax < 1) return image
  const cleaned = Uint8Array.from(pixels)
  const seen = new Uint8Array(pixels.length)
  for (let start = 0; start < pixels.length; start += 1) {
    if (seen[start] === 1 || pixels[start]! >= inkBelow) continue
    const members = [start]
    seen[start] = 1
    for (let next = 0; next < members.length; next += 1) {
      forEachNeighbour(members[next]!, width, height, (other) => {
        if (seen[other] === 0 && pixels[other]! < inkBelow) {
          seen[other] = 1
          members.push(other)
        }
      })
    }
    if (members.length > areaMax) continue
    for (const member of members) {
      cleaned[member] = 255
      forEachNeighbour(member, width, height, (other) => {
        cleaned[other] = 255
      })
    }
  }
  return { width, height, pixels: cleaned }
}

function forEachNeighbour(at: number, width: number, height: number, visit: (other: number) => void): void {
  const x = at % width
  const y = (at - x) / width
  for (let otherY = Math.max(0, y - 1); otherY <= Math.min(height - 1, y + 1); otherY += 1) {
    for (let otherX = Math.max(0, x - 1); otherX <= Math.min(width - 1, x + 1); otherX += 1) {
      if (otherX !== x || otherY !== y) visit(otherY * width + otherX)
    }
  }
}

/** Grays between these are neither black nor white … */
const blackMax = 32
const whiteMin = 223
/** … and a page of black and white has no more of them than this share, as at the edges of a picture. A guess. */
const grayShareMax = 0.02

/** Tells whether a page is black and white, like a fax or a scan of one bit a pixel. */
export function isBlackAndWhite({ pixels }: GrayImage): boolean {
  let grays = 0
  for (let at = 0; at < pixels.length; at += 1)
    if (pixels[at]! > blackMax && pixels[at]! < whiteMin) grays += 1
  return grays <= grayShareMax * pixels.length
}

/**
 * Turns each black pixel without a black neighbour white, and each white one without a white neighbour black: the salt and
 * pepper of a telephone line. A full stop, and the end of a hairline, has a neighbour.
 */
export function withoutLonePixels({ width, height, pixels }: GrayImage): GrayImage {
  const around = [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1]
  const cleaned = Uint8Array.from(pixels)
  for (let y = 1; y + 1 < height; y += 1) {
    for (let at = y * width + 1; at < (y + 1) * width - 1; at += 1) {
      const isDark = pixels[at]! < 128
      let isAlone = true
      for (let next = 0; isAlone && next < 8; next += 1)
        isAlone = pixels[at + around[next]!]! < 128 !== isDark
      if (isAlone) cleaned[at] = pixels[at - 1]!
    }
  }
  return { width, height, pixels: cleaned }
}
