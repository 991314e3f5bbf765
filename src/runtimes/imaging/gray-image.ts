/**
 * One page as 8-bit gray: the only picture that the pipeline knows.
 *
 * Scanned text is dark on light, so colour would cost three times the memory and decoding time and tell the
 * models nothing; ink that differs from its paper in hue alone is lost, which is the price. Every conversion
 * is in integers, so that a page is the same bytes on every vehicle.
 */
export interface GrayImage {
  readonly width: number
  readonly height: number
  /** `width * height` bytes, row by row; 0 is black. */
  readonly pixels: Uint8Array
}

/**
 * A page above this is refused before anything of its size is allocated. A4 at 600 dpi is 35 megapixels; the
 * decoders hold up to 16 bytes a pixel on the way to gray, so this is 640 MB at worst, within the 1.5 GB that
 * the supervisor leaves a child. More would admit A3 at 600 dpi and need that limit raised.
 */
export const pixelsMax = 40_000_000

/** ITU-R BT.601 luma with 8-bit weights that sum to 256. */
export function luma(red: number, green: number, blue: number): number {
  return (77 * red + 150 * green + 29 * blue + 128) >> 8
}

/** Returns the gray that a half-transparent gray gives on white paper; exact at 0 and 255. */
export function overWhite(gray: number, alpha: number): number {
  return 255 - Math.floor(((255 - gray) * alpha + 127) / 255)
}

/** Gray of four bytes a pixel, red, green, blue and opacity, on white. */
export function grayOfRgba({
  width,
  height,
  data,
}: {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array | Uint8ClampedArray
}): GrayImage {
  const pixels = new Uint8Array(width * height)
  for (let pixel = 0, at = 0; pixel < pixels.length; pixel += 1, at += 4)
    pixels[pixel] = overWhite(luma(data[at]!, data[at + 1]!, data[at + 2]!), data[at + 3]!)
  return { width, height, pixels }
}

/** Turns a page by an EXIF / TIFF orientation (1 to 8); anything else leaves it as it is. */
export function oriented(image: GrayImage, orientation: number): GrayImage {
  if (!(orientation >= 2 && orientation <= 8)) return image
  const { width, height, pixels } = image
  const turned = new Uint8Array(pixels.length)
  const swapsAxes = orientation >= 5
  const turnedWidth = swapsAxes ? height : width
  const turnedHeight = swapsAxes ? width : height
  const flipsX = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8
  const flipsY = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7
  for (let y = 0; y < turnedHeight; y += 1) {
    for (let x = 0; x < turnedWidth; x += 1) {
      const alongX = swapsAxes ? y : x
      const alongY = swapsAxes ? x : y
      const sourceX = flipsX ? width - 1 - alongX : alongX
      const sourceY = flipsY ? height - 1 - alongY : alongY
      turned[y * turnedWidth + x] = pixels[sourceY * width + sourceX]!
    }
  }
  return { width: turnedWidth, height: turnedHeight, pixels: turned }
}
