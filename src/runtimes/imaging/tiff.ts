/**
 * TIFF to gray: multi-page, strips or tiles, 1 to 16 bits a sample, gray, RGB, palette and JPEG inside.
 *
 * Written here because a document's fate must be the same everywhere and a torn file must be an error: the
 * available decoder (utif2) fills what it cannot read with zeros and logs instead of throwing. Not read:
 * separate colour planes, CMYK, floating point and the camera formats that are TIFF in name only.
 */
import { unpackCcitt } from './ccitt.ts'
import { damaged, decoding } from './errors.ts'
import { type GrayImage, luma, oriented, overWhite } from './gray-image.ts'
import { decodeJpeg, jpegSize } from './jpeg.ts'
import type { PageSize } from './page-size.ts'
import { inflate, unpackBits, unpackLzw } from './tiff-codecs.ts'
import { type Directory, readDirectories, tag } from './tiff-directory.ts'

/** Throws RecordError('damaged-image') when the chain of directories is broken. */
export function tiffSizes(bytes: Uint8Array): PageSize[] {
  return readDirectories(bytes).map(sizeOf)
}

/** Throws RecordError('damaged-image'). The page must be one of `tiffSizes`. */
export function decodeTiff(bytes: Uint8Array, page: number): GrayImage {
  return decoding('TIFF', () => {
    const directory = readDirectories(bytes)[page]!
    const { width, height } = sizeOf(directory)
    const layout = layoutOf(directory)
    const pixels = new Uint8Array(width * height)
    const across = Math.ceil(width / layout.blockWidth)
    for (let index = 0; index < across * Math.ceil(height / layout.blockHeight); index += 1) {
      const left = (index % across) * layout.blockWidth
      const top = Math.floor(index / across) * layout.blockHeight
      const rows = layout.tiled ? layout.blockHeight : Math.min(layout.blockHeight, height - top)
      const block = decodeBlock(
        blockBytes(bytes, directory, layout, index),
        directory,
        layout.blockWidth,
        rows,
      )
      const visibleWidth = Math.min(layout.blockWidth, width - left)
      const visibleRows = Math.min(rows, height - top)
      for (let y = 0; y < visibleRows; y += 1) {
        const from = y * layout.blockWidth
        pixels.set(block.subarray(from, from + visibleWidth), (top + y) * width + left)
      }
    }
    return oriented({ width, height, pixels }, directory.first(tag.orientation, 1))
  })
}

function sizeOf(directory: Directory): PageSize {
  return { width: directory.first(tag.width, 0), height: directory.first(tag.height, 0) }
}

interface Layout {
  readonly tiled: boolean
  readonly blockWidth: number
  readonly blockHeight: number
  readonly offsets: readonly number[]
  readonly byteCounts: readonly number[]
}

/** Tiles reach beyond the page: this keeps them from being a bomb where the page is none. Usual are 128 to 512. */
const tileSideMax = 4096

/** Blocks are strips, or tiles where there are any. */
function layoutOf(directory: Directory): Layout {
  const { width, height } = sizeOf(directory)
  const tiled = directory.get(tag.tileOffsets) !== undefined
  const blockWidth = tiled ? directory.first(tag.tileWidth, 0) : width
  const blockHeight = tiled
    ? directory.first(tag.tileLength, 0)
    : Math.min(height, directory.first(tag.rowsPerStrip, height))
  const offsets = directory.get(tiled ? tag.tileOffsets : tag.stripOffsets)
  const byteCounts = directory.get(tiled ? tag.tileByteCounts : tag.stripByteCounts)
  if (offsets === undefined || byteCounts === undefined) throw damaged('TIFF')
  if (blockWidth === 0 || blockHeight === 0) throw damaged('TIFF')
  if (tiled && (blockWidth > tileSideMax || blockHeight > tileSideMax)) throw damaged('TIFF')
  return { tiled, blockWidth, blockHeight, offsets, byteCounts }
}

function blockBytes(bytes: Uint8Array, directory: Directory, layout: Layout, index: number): Uint8Array {
  const offset = layout.offsets[index]
  const count = layout.byteCounts[index]
  if (offset === undefined || count === undefined || offset + count > bytes.byteLength) throw damaged('TIFF')
  const block = bytes.subarray(offset, offset + count)
  return directory.first(tag.fillOrder, 1) === 2 && !isJpegInside(directory) ? bitsReversed(block) : block
}

function decodeBlock(data: Uint8Array, directory: Directory, width: number, rows: number): Uint8Array {
  if (isJpegInside(directory)) return decodeJpegBlock(data, directory, width, rows)
  if (directory.first(tag.planarConfiguration, 1) !== 1) throw damaged('TIFF')
  if (directory.first(tag.sampleFormat, 1) !== 1) throw damaged('TIFF')
  const bits = directory.first(tag.bitsPerSample, 1)
  const samples = directory.first(tag.samplesPerPixel, 1)
  if (![1, 2, 4, 8, 16].includes(bits) || samples < 1 || samples > 5) throw damaged('TIFF')
  const rowBytes = Math.ceil((width * samples * bits) / 8)
  const raw = decompress(data, directory, width, rows, rowBytes)
  const predictor = directory.first(tag.predictor, 1)
  if (predictor === 2) undoPrediction(raw, rowBytes, samples, bits, directory.littleEndian)
  else if (predictor !== 1) throw damaged('TIFF')
  return toGray(raw, directory, width, rows, rowBytes, bits, samples)
}

function decompress(
  data: Uint8Array,
  directory: Directory,
  width: number,
  rows: number,
  rowBytes: number,
): Uint8Array {
  const length = rowBytes * rows
  switch (directory.first(tag.compression, 1)) {
    case 1:
      if (data.byteLength < length) throw damaged('TIFF')
      return data.slice(0, length)
    case 2:
      return unpackCcitt(data, width, rows, 'modified-huffman')
    case 3:
      return unpackCcitt(
        data,
        width,
        rows,
        (directory.first(tag.t4Options, 0) & 1) === 1 ? 'group-3-2d' : 'group-3-1d',
      )
    case 4:
      return unpackCcitt(data, width, rows, 'group-4')
    case 5:
      return unpackLzw(data, length)
    case 8:
    case 32946:
      return inflate(data, length)
    case 32773:
      return unpackBits(data, length)
    default:
      throw damaged('TIFF')
  }
}

/** Horizontal differencing (TIFF 6.0, section 14). */
function undoPrediction(
  raw: Uint8Array,
  rowBytes: number,
  samples: number,
  bits: number,
  littleEndian: boolean,
): void {
  if (bits !== 8 && bits !== 16) throw damaged('TIFF')
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  for (let row = 0; row < raw.byteLength; row += rowBytes) {
    if (bits === 8) {
      for (let at = samples; at < rowBytes; at += 1) raw[row + at]! += raw[row + at - samples]!
    } else {
      for (let at = 2 * samples; at < rowBytes; at += 2) {
        const before = view.getUint16(row + at - 2 * samples, littleEndian)
        view.setUint16(row + at, (view.getUint16(row + at, littleEndian) + before) & 0xffff, littleEndian)
      }
    }
  }
}

const photometric = { whiteIsZero: 0, blackIsZero: 1, rgb: 2, palette: 3, yCbCr: 6 } as const

function toGray(
  raw: Uint8Array,
  directory: Directory,
  width: number,
  rows: number,
  rowBytes: number,
  bits: number,
  samples: number,
): Uint8Array {
  const meaning = directory.first(tag.photometric, photometric.whiteIsZero)
  const colorSamples = meaning === photometric.rgb ? 3 : 1
  if (meaning > photometric.palette || samples < colorSamples) throw damaged('TIFF')
  const palette = meaning === photometric.palette ? paletteOf(directory, bits) : undefined
  const extra = directory.first(tag.extraSamples, 0)
  const hasAlpha = samples > colorSamples && (extra === 1 || extra === 2)
  const full = bits === 16 ? 255 : (1 << bits) - 1
  const out = new Uint8Array(width * rows)
  /** Returns a sample; a 16-bit one by its high byte. */
  const sampleAt = (row: number, index: number): number => {
    if (bits === 8) return raw[row + index]!
    if (bits === 16) return raw[row + 2 * index + (directory.littleEndian ? 1 : 0)]!
    const bit = index * bits
    return (raw[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & full
  }
  const levelAt = (row: number, index: number): number => (sampleAt(row, index) * 255) / full
  for (let y = 0; y < rows; y += 1) {
    const row = y * rowBytes
    for (let x = 0; x < width; x += 1) {
      const index = x * samples
      let gray: number
      if (palette !== undefined) gray = palette[sampleAt(row, index)]!
      else if (meaning === photometric.rgb) {
        gray = luma(levelAt(row, index), levelAt(row, index + 1), levelAt(row, index + 2))
      } else gray = meaning === photometric.whiteIsZero ? 255 - levelAt(row, index) : levelAt(row, index)
      out[y * width + x] = hasAlpha ? overWhite(gray, levelAt(row, index + colorSamples)) : gray
    }
  }
  return out
}

/** 16-bit red, then green, then blue entries; gray by the high bytes. */
function paletteOf(directory: Directory, bits: number): Uint8Array {
  const map = directory.get(tag.colorMap)
  const size = 1 << bits
  if (map === undefined || bits > 8 || map.length < 3 * size) throw damaged('TIFF')
  return Uint8Array.from({ length: size }, (_, index) =>
    luma(map[index]! >> 8, map[size + index]! >> 8, map[2 * size + index]! >> 8),
  )
}

function isJpegInside(directory: Directory): boolean {
  return directory.first(tag.compression, 1) === 7
}

/** Tables shared by all blocks stand in their own tag: they go back in front of each block's scan. */
function decodeJpegBlock(data: Uint8Array, directory: Directory, width: number, rows: number): Uint8Array {
  const tables = directory.get(tag.jpegTables)
  const file = tables === undefined ? data : Uint8Array.from([...tables.slice(0, -2), ...data.subarray(2)])
  const size = jpegSize(file)
  if (size.width !== width || size.height < rows || size.height > rows + tileSideMax) throw damaged('TIFF')
  const meaning = directory.first(tag.photometric, photometric.yCbCr)
  const image = decodeJpeg(file)
  const pixels = image.pixels.subarray(0, width * rows)
  if (meaning === photometric.whiteIsZero) return pixels.map((gray) => 255 - gray)
  if (meaning === photometric.blackIsZero || meaning === photometric.yCbCr) return pixels
  throw damaged('TIFF')
}

function bitsReversed(data: Uint8Array): Uint8Array {
  return data.map((byte) => {
    let reversed = 0
    for (let bit = 0; bit < 8; bit += 1) reversed |= ((byte >> bit) & 1) << (7 - bit)
    return reversed
  })
}
