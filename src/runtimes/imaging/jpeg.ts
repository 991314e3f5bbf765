/**
 * JPEG to gray, decoded by jpeg-js: baseline and progressive, gray, YCbCr and Adobe CMYK. Those that would take too much memory so, as their header
 * tells, are decoded by large-jpeg.ts.
 *
 * jpeg-js computes its transform in integers, so it gives the same bytes everywhere, which libjpeg (SIMD, by
 * CPU) does not promise. A file that ends within its picture is damaged; one that lacks no more than its end marker is read.
 */
import { decode, type RawImageData } from 'jpeg-js'
import { RecordError } from '../runtime.ts'
import { damaged, decoding, decodingLater } from './errors.ts'
import { hasExifHead, orientationIn } from './exif.ts'
import { type GrayImage, luma, oriented, pixelsMax } from './gray-image.ts'
import { decodeLargeJpeg, type JpegFrame } from './large-jpeg.ts'
import type { PageSize } from './page-size.ts'

/**
 * The memory that jpeg-js may count as its own use. It holds 2.4 times that (measured: 792 MB where it counts 326), so that this is 480 MB,
 * which fits the supervisor's limit beside the exact engine. Gray ends at 22 megapixels, usual colour (4:2:0) at 16, full
 * colour at 9.5: A4 at 470, 400 and 310 dpi.
 */
const decoderMemoryMbMax = 192

/** Throws RecordError('damaged-image') when no frame header is found. */
export function jpegSize(bytes: Uint8Array): PageSize {
  for (const { marker, body } of segments(bytes)) {
    if (isFrameHeader(marker) && body.byteLength >= 6) {
      return { height: (body[1]! << 8) | body[2]!, width: (body[3]! << 8) | body[4]! }
    }
  }
  throw damaged('JPEG')
}

/** Throws RecordError('damaged-image'); turns the page upright if EXIF says that the scanner or camera lay. */
export async function decodeAnyJpeg(bytes: Uint8Array): Promise<GrayImage> {
  const frame = frameOf(bytes)
  if (frame === undefined || memoryMbOf(frame) <= decoderMemoryMbMax) return decodeJpeg(bytes)
  return decodingLater('JPEG', async () =>
    oriented(await decodeLargeJpeg(bytes, frame), exifOrientation(bytes)),
  )
}

/** Undefined without a frame header that says all. */
function frameOf(bytes: Uint8Array): JpegFrame | undefined {
  let isAdobe = false
  let frame: Omit<JpegFrame, 'isAdobe'> | undefined
  for (const { marker, body } of segments(bytes)) {
    if (marker === 0xee && adobeHead.every((byte, index) => body[index] === byte)) isAdobe = true
    if (frame !== undefined || !isFrameHeader(marker) || body.byteLength < 6) continue
    const [width, height, components] = [(body[3]! << 8) | body[4]!, (body[1]! << 8) | body[2]!, body[5]!]
    if (body.byteLength < 6 + 3 * components) return undefined
    frame = { width, height, components, blocks: blocksOf(width, height, body.subarray(6)) }
  }
  return frame === undefined ? undefined : { ...frame, isAdobe }
}

const adobeHead = [0x41, 0x64, 0x6f, 0x62, 0x65]

/** `components`: three bytes each, of which the second says how many samples it has across and down in each unit. */
function blocksOf(width: number, height: number, components: Uint8Array): number {
  const sampling = Array.from(
    { length: Math.floor(components.byteLength / 3) },
    (_, i) => components[3 * i + 1]!,
  )
  const across = Math.max(1, ...sampling.map((both) => both >> 4))
  const down = Math.max(1, ...sampling.map((both) => both & 15))
  const units = Math.ceil(width / 8 / across) * Math.ceil(height / 8 / down)
  return sampling.reduce((sum, both) => sum + units * (both >> 4) * (both & 15), 0)
}

/** As jpeg-js counts: 5 bytes a sample of whole blocks, and for each pixel its components and 3 bytes of colour. */
function memoryMbOf({ width, height, components, blocks }: JpegFrame): number {
  return (5 * 64 * blocks + (components + 3) * width * height) / 2 ** 20
}

/** The same for one that is part of a TIFF. Throws RecordError('image-too-large') as well. */
export function decodeJpeg(bytes: Uint8Array): GrayImage {
  return decoding('JPEG', () => {
    const { width, height, data } = decodeBounded(withEnd(bytes))
    const pixels = new Uint8Array(width * height)
    for (let pixel = 0, at = 0; pixel < pixels.length; pixel += 1, at += 3) {
      pixels[pixel] = luma(data[at]!, data[at + 1]!, data[at + 2]!)
    }
    return oriented({ width, height, pixels }, exifOrientation(bytes))
  })
}

/** Some scanners and downloads leave the end marker out. */
function withEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9) return bytes
  const ended = new Uint8Array(bytes.byteLength + 2)
  ended.set(bytes)
  ended.set([0xff, 0xd9], bytes.byteLength)
  return ended
}

function decodeBounded(bytes: Uint8Array): RawImageData<Uint8Array> {
  try {
    return decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: pixelsMax / 1e6,
      maxMemoryUsageInMB: decoderMemoryMbMax,
    })
  } catch (error) {
    const isTooLarge = error instanceof Error && error.message.includes('limit exceeded')
    if (!isTooLarge) throw error
    throw new RecordError('image-too-large', `decoding this JPEG takes more than ${decoderMemoryMbMax} MB`)
  }
}

/** Header segments up to the first scan; stops quietly where the file does. */
export function* segments(bytes: Uint8Array): Generator<{ marker: number; body: Uint8Array }> {
  let at = 2
  while (at + 4 <= bytes.byteLength) {
    if (bytes[at] !== 0xff) return
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at += 1
      continue
    }
    const isScan = marker === 0xda || marker === 0xd9
    if (isScan) return
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (length < 2) return
    yield { marker, body: bytes.subarray(at + 4, at + 2 + length) }
    at += 2 + length
  }
}

/** SOF0 to SOF15 without the three codes in between that mean tables: DHT, JPG and DAC. */
export function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** 1 (upright) unless the first EXIF directory says otherwise. */
export function exifOrientation(bytes: Uint8Array): number {
  for (const { marker, body } of segments(bytes))
    if (marker === 0xe1 && hasExifHead(body)) return orientationIn(body)
  return 1
}
