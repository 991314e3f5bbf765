/** One gray between the four nearest pixels, with 8-bit fractions; beyond the page's edge its last pixels go on. */
import type { GrayImage } from './gray-image.ts'

/** Position in 1/256 pixel from the middle of the first pixel. */
export function sampleGray(page: GrayImage, x256: number, y256: number): number {
  const { width, height, pixels } = page
  const x = Math.max(0, Math.min((width - 1) * 256, x256))
  const y = Math.max(0, Math.min((height - 1) * 256, y256))
  const x0 = x >> 8
  const y0 = y >> 8
  const row0 = y0 * width
  const row1 = Math.min(y0 + 1, height - 1) * width
  const x1 = Math.min(x0 + 1, width - 1)
  const right = x & 255
  const below = y & 255
  const upper = pixels[row0 + x0]! * (256 - right) + pixels[row0 + x1]! * right
  const lower = pixels[row1 + x0]! * (256 - right) + pixels[row1 + x1]! * right
  return (upper * (256 - below) + lower * below + 32_768) >> 16
}
