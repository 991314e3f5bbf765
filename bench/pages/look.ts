/** Makes a drawn sheet look like what people have: turned, photographed, blurred, unevenly lit, faxed, inverted, compressed. */
import type { Gray } from '../../test/support/images.ts'
import type { Random } from './random.ts'

export interface Look {
  /** Degrees by which lines sink to the right; the page grows so that nothing is cut off. */
  readonly skewDegrees?: number
  /** Quarter turns clockwise, after all else but noise. */
  readonly quarterTurns?: number
  /** How far corners move, as a share of the page's sides: a phone held at an angle. */
  readonly perspective?: number
  /** Standard deviation in pixels. */
  readonly blur?: number
  readonly paper?: number
  readonly ink?: number
  /** How much darker the worst-lit corner is, in grays. */
  readonly shade?: number
  /** Standard deviation of grain, in grays. */
  readonly grain?: number
  readonly inverted?: boolean
  /** Black and white at this threshold, with so many flipped pixels in a thousand. */
  readonly fax?: { readonly threshold: number; readonly flipped: number }
  readonly jpegQuality?: number | undefined
}

export function seen(sheet: Gray, look: Look, random: Random): Gray {
  let page = sheet
  if (look.skewDegrees !== undefined) page = skewed(page, look.skewDegrees)
  if (look.perspective !== undefined) page = photographed(page, look.perspective, random)
  if (look.blur !== undefined && look.blur > 0) page = blurred(page, look.blur)
  page = printed(page, look, random)
  if (look.inverted === true) page = { ...page, pixels: page.pixels.map((gray) => 255 - gray) }
  if (look.fax !== undefined) page = faxed(page, look.fax, random)
  for (let turn = 0; turn < (look.quarterTurns ?? 0); turn += 1) page = quarterTurned(page)
  return page
}

type Place = readonly [number, number]

/** Fills a new page by asking for each of its pixels where it lies on the old one. */
function warped(page: Gray, width: number, height: number, source: (x: number, y: number) => Place): Gray {
  const pixels = new Uint8Array(width * height).fill(255)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [fromX, fromY] = source(x + 0.5, y + 0.5)
      const left = Math.floor(fromX - 0.5)
      const top = Math.floor(fromY - 0.5)
      if (left < 0 || top < 0 || left + 1 >= page.width || top + 1 >= page.height) continue
      const right = fromX - 0.5 - left
      const below = fromY - 0.5 - top
      const at = top * page.width + left
      const upper = page.pixels[at]! * (1 - right) + page.pixels[at + 1]! * right
      const lower = page.pixels[at + page.width]! * (1 - right) + page.pixels[at + page.width + 1]! * right
      pixels[y * width + x] = Math.round(upper * (1 - below) + lower * below)
    }
  }
  return { width, height, pixels }
}

function skewed(page: Gray, degrees: number): Gray {
  const radians = (degrees * Math.PI) / 180
  const cosine = Math.cos(radians)
  const sine = Math.sin(radians)
  const width = Math.ceil(page.width * cosine + page.height * Math.abs(sine))
  const height = Math.ceil(page.height * cosine + page.width * Math.abs(sine))
  return warped(page, width, height, (x, y) => [
    (x - width / 2) * cosine + (y - height / 2) * sine + page.width / 2,
    (y - height / 2) * cosine - (x - width / 2) * sine + page.height / 2,
  ])
}

/** A keystone: the upper edge narrower than the lower one, and the whole a little askew. */
function photographed(page: Gray, strength: number, random: Random): Gray {
  const { width, height } = page
  const narrow = strength * random.between(0.6, 1)
  const lean = strength * random.between(-0.4, 0.4)
  return warped(page, width, height, (x, y) => {
    const down = y / height
    const shrink = 1 - narrow * (1 - down)
    const middle = width * (0.5 + lean * (1 - down) * 0.5)
    const depth = (down * (1 - narrow * 0.5)) / (1 - narrow * 0.5 * down)
    return [(x - middle) / shrink + width / 2, depth * height + lean * 0.3 * (x - middle)]
  })
}

function blurred(page: Gray, deviation: number): Gray {
  const radius = Math.ceil(3 * deviation)
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, at) =>
    Math.exp(-((at - radius) ** 2) / (2 * deviation * deviation)),
  )
  const total = kernel.reduce((sum, weight) => sum + weight, 0)
  const pass = (
    pixels: ArrayLike<number>,
    step: number,
    length: number,
    stride: number,
    lines: number,
  ): Float32Array => {
    const out = new Float32Array(pixels.length)
    for (let line = 0; line < lines; line += 1) {
      for (let at = 0; at < length; at += 1) {
        let sum = 0
        for (let tap = -radius; tap <= radius; tap += 1) {
          const from = Math.max(0, Math.min(length - 1, at + tap))
          sum += kernel[tap + radius]! * pixels[line * stride + from * step]!
        }
        out[line * stride + at * step] = sum / total
      }
    }
    return out
  }
  const across = pass(page.pixels, 1, page.width, page.width, page.height)
  const down = pass(across, page.width, page.height, 1, page.width)
  return { ...page, pixels: Uint8Array.from(down, Math.round) }
}

function printed(page: Gray, look: Look, random: Random): Gray {
  const { paper = 255, ink = 0, shade = 0, grain = 0 } = look
  const slant = random.unit()
  const pixels = new Uint8Array(page.pixels.length)
  for (let y = 0; y < page.height; y += 1) {
    for (let x = 0; x < page.width; x += 1) {
      const at = y * page.width + x
      const across = (slant * x) / page.width + ((1 - slant) * y) / page.height
      const tone = ink + ((paper - ink) * page.pixels[at]!) / 255 - shade * across * across
      const noisy = grain === 0 ? tone : tone + grain * random.normal()
      pixels[at] = Math.max(0, Math.min(255, Math.round(noisy)))
    }
  }
  return { ...page, pixels }
}

function faxed(page: Gray, { threshold, flipped }: NonNullable<Look['fax']>, random: Random): Gray {
  return {
    ...page,
    pixels: page.pixels.map((gray) => {
      const black = gray < threshold !== random.unit() < flipped / 1000
      return black ? 0 : 255
    }),
  }
}

function quarterTurned(page: Gray): Gray {
  const { width, height, pixels } = page
  const turned = new Uint8Array(pixels.length)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) turned[x * height + (height - 1 - y)] = pixels[y * width + x]!
  }
  return { width: height, height: width, pixels: turned }
}
