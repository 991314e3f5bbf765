/**
 * Takes grain off a picture: each pixel becomes the mean of its neighbourhood, weighted 1 2 1 along both axes (about
 * a Gaussian of 0.7 pixels), in whole numbers. At the edge the last pixels go on.
 */
import type { GrayImage } from './gray-image.ts'

export function smoothed({ width, height, pixels }: GrayImage): GrayImage {
  const across = new Uint16Array(pixels.length)
  for (let start = 0; start < pixels.length; start += width) {
    const last = start + width - 1
    for (let at = start; at <= last; at += 1)
      across[at] = pixels[at === start ? at : at - 1]! + 2 * pixels[at]! + pixels[at === last ? at : at + 1]!
  }
  const out = new Uint8Array(pixels.length)
  for (let at = 0; at < pixels.length; at += 1) {
    const above = at < width ? at : at - width
    const below = at + width < pixels.length ? at + width : at
    out[at] = (across[above]! + 2 * across[at]! + across[below]! + 8) >> 4
  }
  return { width, height, pixels: out }
}
