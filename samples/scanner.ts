/**
 * Makes a clean page look scanned: turned a little, blurred, unevenly lit, on toned paper with specks and grain.
 *
 * In the order in which light meets them: the sheet lies askew, ink bleeds, the lamp fades towards one edge, dust
 * sits on the glass, the sensor adds noise. Levels are then reduced to 24 grays, as office scanners do, which
 * also keeps the files small: grain in all 256 levels does not compress.
 */
export interface Page {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

export interface ScanOptions {
  /** Degrees by which lines sink to the right. */
  readonly skewDegrees: number
  /** 0: sharp; 1: each pixel spread over its eight neighbours. */
  readonly blur: number
  /** Grays of paper and ink. */
  readonly paper: number
  readonly ink: number
  /** How much darker the worst-lit edge is, in grays. */
  readonly shade: number
  /** Standard deviation of the grain, in grays. */
  readonly grain: number
  readonly specks: number
  readonly seed: number
}

export function scan(page: Page, options: ScanOptions): Page {
  const random = randomNumbers(options.seed)
  const turned = turn(page, options.skewDegrees)
  const blurred = soften(turned, page.width, options.blur)
  const specks = dust(page, options.specks, random)
  const pixels = new Uint8Array(page.width * page.height)
  const slant = random()
  for (let y = 0; y < page.height; y += 1) {
    for (let x = 0; x < page.width; x += 1) {
      const at = y * page.width + x
      const tone = options.ink + ((options.paper - options.ink) * blurred[at]!) / 255
      const across = (slant * x) / page.width + ((1 - slant) * y) / page.height
      const lit = tone - options.shade * across * across - specks[at]!
      const noisy = lit + options.grain * (random() + random() + random() + random() - 2) * Math.sqrt(3)
      pixels[at] = reduced(noisy)
    }
  }
  return { width: page.width, height: page.height, pixels }
}

/** Uniform in [0, 1): Marsaglia's xorshift32 on a scrambled seed. */
function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const grays = 24

function reduced(gray: number): number {
  const level = Math.round((Math.max(0, Math.min(255, gray)) * (grays - 1)) / 255)
  return Math.round((level * 255) / (grays - 1))
}

function turn(page: Page, degrees: number): Float32Array {
  const { width, height, pixels } = page
  const radians = (degrees * Math.PI) / 180
  const cosine = Math.cos(radians)
  const sine = Math.sin(radians)
  const turned = new Float32Array(width * height).fill(255)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const fromX = (x - width / 2) * cosine + (y - height / 2) * sine + width / 2
      const fromY = (y - height / 2) * cosine - (x - width / 2) * sine + height / 2
      const left = Math.floor(fromX)
      const top = Math.floor(fromY)
      if (left < 0 || top < 0 || left + 1 >= width || top + 1 >= height) continue
      const right = fromX - left
      const below = fromY - top
      const at = top * width + left
      const upper = pixels[at]! * (1 - right) + pixels[at + 1]! * right
      const lower = pixels[at + width]! * (1 - right) + pixels[at + width + 1]! * right
      turned[y * width + x] = upper * (1 - below) + lower * below
    }
  }
  return turned
}

/** Separable 1 2 1 kernel, mixed in by `blur`; the outermost pixels stay. */
function soften(values: Float32Array, width: number, blur: number): Float32Array {
  const softened = Float32Array.from(values)
  for (let at = width + 1; at < values.length - width - 1; at += 1) {
    let sum = 0
    for (const row of [-width, 0, width]) {
      const weight = row === 0 ? 2 : 1
      sum += weight * (values[at + row - 1]! + 2 * values[at + row]! + values[at + row + 1]!)
    }
    softened[at] = values[at]! * (1 - blur) + (blur * sum) / 16
  }
  return softened
}

function dust(page: Page, count: number, random: () => number): Float32Array {
  const specks = new Float32Array(page.width * page.height)
  for (let speck = 0; speck < count; speck += 1) {
    const centerX = random() * page.width
    const centerY = random() * page.height
    const radius = 0.6 + 1.6 * random() * random()
    const darkness = 60 + 110 * random()
    for (let y = Math.floor(centerY - radius); y <= centerY + radius; y += 1) {
      for (let x = Math.floor(centerX - radius); x <= centerX + radius; x += 1) {
        const inside = (x - centerX) ** 2 + (y - centerY) ** 2 <= radius * radius
        if (inside && x >= 0 && y >= 0 && x < page.width && y < page.height)
          specks[y * page.width + x] = darkness
      }
    }
  }
  return specks
}
