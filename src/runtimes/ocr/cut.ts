/**
 * Cuts one box out of a page along the page's slope, pixel for pixel, ready to be resized.
 *
 * Bilinear between the four nearest pixels with 8-bit fractions; beyond the page's edge its last pixels go on.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { sampleGray } from '../imaging/sample.ts'
import type { Box } from './box.ts'
import { type Frame, toX, toY } from './frame.ts'

export function cut(page: GrayImage, frame: Frame, box: Box): GrayImage {
  const left = Math.floor(box.left)
  const top = Math.floor(box.top)
  const width = Math.max(1, Math.ceil(box.right) - left)
  const height = Math.max(1, Math.ceil(box.bottom) - top)
  const pixels = new Uint8Array(width * height)
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const along = left + column + 0.5
      const down = top + row + 0.5
      pixels[row * width + column] = sampleGray(
        page,
        Math.floor((toX(frame, along, down) - 0.5) * 256 + 0.5),
        Math.floor((toY(frame, along, down) - 0.5) * 256 + 0.5),
      )
    }
  }
  return { width, height, pixels }
}
