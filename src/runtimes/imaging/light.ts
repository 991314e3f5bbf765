/**
 * Makes a page dark on light, evenly lit: white paper everywhere, whatever the lamp or the camera did.
 *
 * Paper is estimated tile by tile, as a high quantile of the tile's grays, smoothed over neighbours so that a tile full of ink or
 * picture takes its surroundings' paper; each pixel is then divided by the paper interpolated at its place. A page whose paper is
 * even already is left alone, to the byte. All in integers.
 */
import type { GrayImage } from './gray-image.ts'

/** A page is inverted where more of it than this is nearer to black than to white, and its tiles agree. */
const darkShareMin = 0.6

/** Tiles along the longer side. More follow a shadow's edge better, and mistake headlines for shadows. A guess. */
const tilesAlong = 40

/** Grays by which paper may vary before it counts as unevenly lit. */
const unevenMin = 24

/** Paper below this share of the page's lightest counts as a picture, and is filled in from around it. A guess. */
const pictureBelow = 0.35

export function evenlyLit(image: GrayImage): GrayImage {
  const page = isInverted(image) ? negative(image) : image
  const tiles = paperTiles(page)
  const sorted = Uint8Array.from(tiles.paper).sort()
  const lightest = sorted[Math.floor(sorted.length * 0.9)]!
  const darkest = sorted[Math.floor(sorted.length * 0.05)]!
  if (lightest - darkest < unevenMin) return page
  return divided(page, smoothed(tiles, lightest))
}

/** `at`: a share of all pixels; the answer has that share at or below it. */
export function grayAt(counts: Uint32Array, total: number, at: number): number {
  let passed = 0
  for (let gray = 0; gray < 256; gray += 1) {
    passed += counts[gray]!
    if (passed >= at * total) return gray
  }
  return 255
}

export function histogram(pixels: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256)
  for (let at = 0; at < pixels.length; at += 1) counts[pixels[at]!]! += 1
  return counts
}

/** The threshold between the two classes of gray that lie farthest apart (Otsu, IEEE Trans. SMC 9(1), 1979). */
export function otsu(counts: Uint32Array): number {
  let total = 0
  let sum = 0
  for (let gray = 0; gray < 256; gray += 1) {
    total += counts[gray]!
    sum += gray * counts[gray]!
  }
  let below = 0
  let belowSum = 0
  let best = 128
  let bestSpread = -1
  for (let gray = 0; gray < 255; gray += 1) {
    below += counts[gray]!
    belowSum += gray * counts[gray]!
    if (below === 0 || below === total) continue
    const apart = belowSum / below - (sum - belowSum) / (total - below)
    const spread = below * (total - below) * apart * apart
    if (spread > bestSpread) {
      bestSpread = spread
      best = gray
    }
  }
  return best
}

function isInverted({ pixels }: GrayImage): boolean {
  const counts = histogram(pixels)
  const threshold = otsu(counts)
  let dark = 0
  for (let gray = 0; gray <= threshold; gray += 1) dark += counts[gray]!
  return dark > darkShareMin * pixels.length && threshold < 200 && grayAt(counts, pixels.length, 0.5) < 110
}

function negative(image: GrayImage): GrayImage {
  return { ...image, pixels: image.pixels.map((gray) => 255 - gray) }
}

interface Tiles {
  readonly across: number
  readonly down: number
  readonly side: number
  readonly paper: Uint8Array
}

function paperTiles({ width, height, pixels }: GrayImage): Tiles {
  const side = Math.max(16, Math.ceil(Math.max(width, height) / tilesAlong))
  const across = Math.ceil(width / side)
  const down = Math.ceil(height / side)
  const paper = new Uint8Array(across * down)
  const counts = new Uint32Array(256)
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      counts.fill(0)
      let total = 0
      for (let y = row * side; y < Math.min(height, (row + 1) * side); y += 1) {
        const end = y * width + Math.min(width, (column + 1) * side)
        for (let at = y * width + column * side; at < end; at += 1) counts[pixels[at]!]! += 1
        total += Math.min(width, (column + 1) * side) - column * side
      }
      paper[row * across + column] = grayAt(counts, total, 0.75)
    }
  }
  return { across, down, side, paper }
}

/** The median of nine neighbours, of which dark ones count as paper's usual gray. */
function smoothed(tiles: Tiles, lightest: number): Tiles {
  const { across, down } = tiles
  const paper = new Uint8Array(tiles.paper.length)
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      const around: number[] = []
      for (let y = Math.max(0, row - 1); y <= Math.min(down - 1, row + 1); y += 1) {
        for (let x = Math.max(0, column - 1); x <= Math.min(across - 1, column + 1); x += 1) {
          const gray = tiles.paper[y * across + x]!
          if (gray >= pictureBelow * lightest) around.push(gray)
        }
      }
      around.sort((a, b) => a - b)
      paper[row * across + column] = around.length === 0 ? lightest : around[around.length >> 1]!
    }
  }
  return { ...tiles, paper }
}

/** Gray times 255 over the paper between the four nearest tiles' middles, with 8-bit fractions. */
function divided(page: GrayImage, { across, down, side, paper }: Tiles): GrayImage {
  const { width, height, pixels } = page
  const out = new Uint8Array(pixels.length)
  const place = (at: number, count: number) => {
    const at256 = Math.max(0, Math.min((count - 1) * 256, Math.floor(((2 * at + 1 - side) * 128) / side)))
    const first = at256 >> 8
    return { first, second: Math.min(first + 1, count - 1), share: at256 & 255 }
  }
  const columns = Array.from({ length: width }, (_, x) => place(x, across))
  for (let y = 0; y < height; y += 1) {
    const { first, second, share } = place(y, down)
    const between = Int32Array.from(
      { length: across },
      (_, x) => paper[first * across + x]! * (256 - share) + paper[second * across + x]! * share,
    )
    for (let x = 0; x < width; x += 1) {
      const column = columns[x]!
      const here =
        (between[column.first]! * (256 - column.share) + between[column.second]! * column.share) >> 16
      out[y * width + x] = Math.min(255, Math.floor((pixels[y * width + x]! * 255) / Math.max(1, here)))
    }
  }
  return { width, height, pixels: out }
}
