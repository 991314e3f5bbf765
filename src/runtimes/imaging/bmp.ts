/**
 * BMP to gray: 1 to 32 bits a pixel, palettes, bit masks, and run lengths of 4 and 8 bits (Microsoft, "Bitmap Storage").
 *
 * Written here because the available decoders do not look where the file says that its pixels begin, and fill what is torn with
 * black. Not read: JPEG and PNG inside, and OS/2's own compressions.
 */
import { damaged } from './errors.ts'
import { type GrayImage, luma } from './gray-image.ts'
import type { PageSize } from './page-size.ts'

const fileHeaderBytes = 14
const compressions = { none: 0, runs8: 1, runs4: 2, masks: 3, alphaMasks: 6 } as const

interface Header extends PageSize {
  readonly isTopDown: boolean
  readonly bits: number
  readonly compression: number
  readonly pixelsAt: number
  readonly headerBytes: number
  readonly colours: number
}

/** Throws RecordError('damaged-image'). */
export function bmpSize(bytes: Uint8Array): PageSize {
  const { width, height } = readHeader(bytes)
  return { width, height }
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.byteLength < fileHeaderBytes + 12) throw damaged('BMP')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pixelsAt = view.getUint32(10, true)
  const headerBytes = view.getUint32(14, true)
  if (headerBytes === 12) {
    const [width, height, bits] = [18, 20, 24].map((at) => view.getUint16(at, true)) as [
      number,
      number,
      number,
    ]
    return { width, height, isTopDown: false, bits, compression: 0, pixelsAt, headerBytes, colours: 0 }
  }
  if (headerBytes < 40 || bytes.byteLength < fileHeaderBytes + headerBytes) throw damaged('BMP')
  const [width, height] = [view.getInt32(18, true), view.getInt32(22, true)]
  if (width < 0) throw damaged('BMP')
  return {
    width,
    height: Math.abs(height),
    isTopDown: height < 0,
    bits: view.getUint16(28, true),
    compression: view.getUint32(30, true),
    pixelsAt,
    headerBytes,
    colours: view.getUint32(46, true),
  }
}

/** Throws RecordError('damaged-image'). */
export function decodeBmp(bytes: Uint8Array): GrayImage {
  const header = readHeader(bytes)
  const { width, height, isTopDown, bits, compression } = header
  const pixels = new Uint8Array(width * height).fill(255)
  const rowAt = (row: number): number => (isTopDown ? row : height - 1 - row) * width
  if (compression === compressions.runs8 || compression === compressions.runs4) {
    if (bits !== (compression === compressions.runs8 ? 8 : 4) || isTopDown) throw damaged('BMP')
    unpackRuns(bytes, header, paletteOf(bytes, header), pixels, rowAt)
    return { width, height, pixels }
  }
  const grayAt = readerOf(bytes, header)
  const rowBytes = 4 * Math.ceil((width * bits) / 32)
  if (header.pixelsAt + rowBytes * height > bytes.byteLength) throw damaged('BMP')
  for (let row = 0; row < height; row += 1) {
    const from = header.pixelsAt + row * rowBytes
    const to = rowAt(row)
    for (let x = 0; x < width; x += 1) pixels[to + x] = grayAt(from, x)
  }
  return { width, height, pixels }
}

/** Reads the gray of pixel `x` of the row that begins at `from`. */
function readerOf(bytes: Uint8Array, header: Header): (from: number, x: number) => number {
  const { bits, compression } = header
  const hasMasks = compression === compressions.masks || compression === compressions.alphaMasks
  if (bits <= 8) {
    if (![1, 2, 4, 8].includes(bits) || compression !== compressions.none) throw damaged('BMP')
    const palette = paletteOf(bytes, header)
    const mask = (1 << bits) - 1
    return (from, x) => {
      const bit = x * bits
      const gray = palette[(bytes[from + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask]
      if (gray === undefined) throw damaged('BMP')
      return gray
    }
  }
  if (bits === 24 && compression === compressions.none)
    return (from, x) => luma(bytes[from + 3 * x + 2]!, bytes[from + 3 * x + 1]!, bytes[from + 3 * x]!)
  if ((bits !== 16 && bits !== 32) || (!hasMasks && compression !== compressions.none)) throw damaged('BMP')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const usual = bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0xff00, 0xff]
  // Masks stand at the same place whether they belong to the header or follow it.
  const masksAt = fileHeaderBytes + 40
  if (hasMasks && masksAt + 12 > bytes.byteLength) throw damaged('BMP')
  const [red, green, blue] = (
    hasMasks ? [0, 4, 8].map((at) => view.getUint32(masksAt + at, true)) : usual
  ).map(channelOf) as [Channel, Channel, Channel]
  return (from, x) => {
    const pixel = bits === 16 ? view.getUint16(from + 2 * x, true) : view.getUint32(from + 4 * x, true)
    return luma(red(pixel), green(pixel), blue(pixel))
  }
}

type Channel = (pixel: number) => number

/** A run of bits, stretched to 0 to 255. */
function channelOf(mask: number): Channel {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const full = mask >>> shift
  if ((full & (full + 1)) !== 0) throw damaged('BMP')
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255 + full / 2) / full)
}

/** Gray by index. */
function paletteOf(
  bytes: Uint8Array,
  { bits, headerBytes, colours, compression, pixelsAt }: Header,
): Uint8Array {
  const bytesEach = headerBytes === 12 ? 3 : 4
  const masks = headerBytes === 40 && compression === compressions.masks ? 12 : 0
  const from = fileHeaderBytes + headerBytes + masks
  const room = Math.floor((Math.min(pixelsAt, bytes.byteLength) - from) / bytesEach)
  const count = Math.min(colours === 0 ? 1 << bits : colours, 256, room)
  if (count < 1) throw damaged('BMP')
  return Uint8Array.from({ length: count }, (_, i) => {
    const at = from + i * bytesEach
    return luma(bytes[at + 2]!, bytes[at + 1]!, bytes[at]!)
  })
}

/** Pixels that the file leaves out are white. The end of the bitmap, or its last row's, must be there. */
function unpackRuns(
  bytes: Uint8Array,
  { width, height, bits, pixelsAt }: Header,
  palette: Uint8Array,
  pixels: Uint8Array,
  rowAt: (row: number) => number,
): void {
  let at = pixelsAt
  let [x, row] = [0, 0]
  const next = (): number => {
    const byte = bytes[at]
    if (byte === undefined) throw damaged('BMP')
    at += 1
    return byte
  }
  const put = (index: number): void => {
    const gray = palette[index]
    if (gray === undefined || x >= width || row >= height) throw damaged('BMP')
    pixels[rowAt(row) + x] = gray
    x += 1
  }
  for (;;) {
    const count = next()
    const value = next()
    if (count > 0) {
      for (let i = 0; i < count; i += 1) put(bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15)
    } else if (value === 0) {
      ;[x, row] = [0, row + 1]
    } else if (value === 1) {
      return
    } else if (value === 2) {
      x += next()
      row += next()
    } else {
      let packed = 0
      for (let i = 0; i < value; i += 1) {
        if (bits === 8 || i % 2 === 0) packed = next()
        put(bits === 8 ? packed : i % 2 === 0 ? packed >> 4 : packed & 15)
      }
      const read = bits === 8 ? value : Math.ceil(value / 2)
      if (read % 2 === 1) next()
    }
    if (row > height) throw damaged('BMP')
  }
}
