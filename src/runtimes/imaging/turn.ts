/** Turns a page: by quarters, and by the small angle of a skewed scan. All in integers, with white around what was turned. */
import type { GrayImage } from './gray-image.ts'
import { sampleGray } from './sample.ts'

/** Quarter turns clockwise. */
export function quarterTurned(image: GrayImage, turns: number): GrayImage {
  const { width, height, pixels } = image
  const quarter = ((turns % 4) + 4) % 4
  if (quarter === 0) return image
  const turned = new Uint8Array(pixels.length)
  if (quarter === 2) {
    for (let at = 0; at < pixels.length; at += 1) turned[pixels.length - 1 - at] = pixels[at]!
    return { width, height, pixels: turned }
  }
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const to = quarter === 1 ? x * height + (height - 1 - y) : (width - 1 - x) * height + y
      turned[to] = pixels[y * width + x]!
    }
  }
  return { width: height, height: width, pixels: turned }
}

/** Where a place of the new page lies on the old one: x = xx·x' + xy·y' + x0, in 1/65536 pixel; y likewise. */
export interface Affine {
  readonly xx: number
  readonly xy: number
  readonly x0: number
  readonly yx: number
  readonly yy: number
  readonly y0: number
}

/** A new page of this size; what lies outside of the old one is white. */
export function mapped(image: GrayImage, width: number, height: number, map: Affine): GrayImage {
  const pixels = new Uint8Array(width * height).fill(255)
  const beyondX = image.width * 256
  const beyondY = image.height * 256
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const fromX = Math.floor((map.xx * (x + 0.5) + map.xy * (y + 0.5) + map.x0) / 256) - 128
      const fromY = Math.floor((map.yx * (x + 0.5) + map.yy * (y + 0.5) + map.y0) / 256) - 128
      if (fromX < -128 || fromY < -128 || fromX >= beyondX - 128 || fromY >= beyondY - 128) continue
      pixels[y * width + x] = sampleGray(image, fromX, fromY)
    }
  }
  return { width, height, pixels }
}
