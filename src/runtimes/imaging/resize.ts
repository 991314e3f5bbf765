/**
 * Resizing by a triangle filter: bilinear when it enlarges, an average over the shrunken area when it reduces.
 *
 * The filter widens with the reduction, as in Pillow's and TensorFlow's antialiased bilinear; plain bilinear
 * reads two neighbours whatever the scale, and at half size drops every other hairline of small print. Weights
 * are 11-bit integers that sum to 2048 exactly, rows pass through 8 bits in between, so a flat area stays flat
 * and the bytes are the same on every machine. Declined: libvips, Skia and OpenCV, whose SIMD paths differ.
 */
import type { GrayImage } from './gray-image.ts'

const one = 2048
const half = one / 2
const shift = 11

export function resize(image: GrayImage, width: number, height: number): GrayImage {
  if (image.width === width && image.height === height) return image
  const across = weigh(image.width, width)
  const down = weigh(image.height, height)
  const narrowed = new Uint8Array(width * image.height)
  for (let y = 0; y < image.height; y += 1) {
    const row = y * image.width
    for (let x = 0; x < width; x += 1) {
      let sum = half
      const from = across.starts[x]!
      for (let tap = across.offsets[x]!; tap < across.offsets[x + 1]!; tap += 1) {
        sum += across.weights[tap]! * image.pixels[row + from + tap - across.offsets[x]!]!
      }
      narrowed[y * width + x] = sum >> shift
    }
  }
  const pixels = new Uint8Array(width * height)
  const sums = new Int32Array(width)
  for (let y = 0; y < height; y += 1) {
    sums.fill(half)
    for (let tap = down.offsets[y]!; tap < down.offsets[y + 1]!; tap += 1) {
      const row = (down.starts[y]! + tap - down.offsets[y]!) * width
      const weight = down.weights[tap]!
      for (let x = 0; x < width; x += 1) sums[x]! += weight * narrowed[row + x]!
    }
    for (let x = 0; x < width; x += 1) pixels[y * width + x] = sums[x]! >> shift
  }
  return { width, height, pixels }
}

interface Filter {
  /** First source sample of each target sample. */
  readonly starts: Int32Array
  /** The index at which each target sample's weights begin; one more entry than there are targets. */
  readonly offsets: Int32Array
  readonly weights: Int32Array
}

function weigh(sourceLength: number, targetLength: number): Filter {
  const scale = sourceLength / targetLength
  const radius = Math.max(1, scale)
  const starts = new Int32Array(targetLength)
  const offsets = new Int32Array(targetLength + 1)
  const weights: number[] = []
  for (let target = 0; target < targetLength; target += 1) {
    const center = (target + 0.5) * scale - 0.5
    const from = Math.max(0, Math.ceil(center - radius))
    const to = Math.min(sourceLength - 1, Math.floor(center + radius))
    const taps: number[] = []
    let total = 0
    for (let source = from; source <= to; source += 1) {
      const tap = Math.max(0, 1 - Math.abs(source - center) / radius)
      taps.push(tap)
      total += tap
    }
    starts[target] = from
    offsets[target] = weights.length
    weights.push(...toIntegers(taps, total))
  }
  offsets[targetLength] = weights.length
  return { starts, offsets, weights: Int32Array.from(weights) }
}

/** Rounds to weights that sum to `one`; the remainder of rounding goes to the heaviest tap. */
function toIntegers(taps: readonly number[], total: number): number[] {
  const weights = taps.map((tap) => Math.floor((tap * one) / total + 0.5))
  let heaviest = 0
  let sum = 0
  for (const [index, weight] of weights.entries()) {
    sum += weight
    if (weight > weights[heaviest]!) heaviest = index
  }
  weights[heaviest]! += one - sum
  return weights
}
