/**
 * A document's pages: how many it has, how large they are, and each in gray.
 *
 * Its kind is known by its first bytes (kind.ts). Sizes are read from headers, so that a page that claims 20,000 x 20,000
 * pixels is refused before a byte of it is allocated: the decoders below only ever see pages that fit.
 */
import { RecordError, type Refusal } from '../runtime.ts'
import { bmpSize, decodeBmp } from './bmp.ts'
import { damaged, tooLarge } from './errors.ts'
import { decodeGif, gifSize } from './gif.ts'
import { type GrayImage, pixelsMax } from './gray-image.ts'
import { decodeAnyJpeg, jpegSize } from './jpeg.ts'
import { decodeJpeg2000, jpeg2000Decoder, jpeg2000PixelsMax, jpeg2000Size } from './jpeg2000.ts'
import { kindOf, type ReadableKind, refusalByKind } from './kind.ts'
import type { PageSize } from './page-size.ts'
import { decodePng, pngSize } from './png.ts'
import { decodeTiff, tiffSizes } from './tiff.ts'
import { decodeWebp, webpDecoder, webpSize } from './webp.ts'

/**
 * Sizes of all pages. Throws RecordError: 'empty-document', 'not-an-image' or 'damaged-image'; a page that is
 * too large is listed, and refused by `decodePage` alone, so that its neighbours can still be read.
 */
export function pageSizes(bytes: Uint8Array): readonly PageSize[] {
  return formatOf(bytes).sizes(bytes)
}

/** One page, counted from 0. Throws RecordError as above, or 'no-such-page' or 'image-too-large'. */
export async function decodePage(bytes: Uint8Array, page: number): Promise<GrayImage> {
  const format = formatOf(bytes)
  const sizes = format.sizes(bytes)
  const size = sizes[page]
  if (size === undefined) {
    throw new RecordError('no-such-page', `page ${page + 1} of a document of ${sizes.length}`)
  }
  const most = pixelsMaxOf(format, bytes)
  if (size.width * size.height > most) throw tooLarge(size.width, size.height, most)
  if (size.width === 0 || size.height === 0) throw damaged(format.name)
  return format.decode(bytes, page)
}

function pixelsMaxOf({ pixelsMax: own }: Format, bytes: Uint8Array): number {
  return own === undefined ? pixelsMax : Math.min(pixelsMax, own(bytes))
}

/** A sentence's end for each document that no vehicle can read a page of; null where one may. */
export function refusalOf(bytes: Uint8Array): Refusal | null {
  const byKind = refusalByKind(bytes)
  if (byKind !== null) return byKind
  try {
    const format = formatOf(bytes)
    const sizes = format.sizes(bytes)
    const most = pixelsMaxOf(format, bytes)
    if (sizes.some(({ width, height }) => width * height <= most && width * height > 0)) return null
    if (sizes.every(({ width, height }) => width * height === 0)) throw damaged(kindOf(bytes).name)
    return {
      what: `more than ${most / 1e6} megapixels`,
      wayOut: 'reduce it, or scan it at fewer dots per inch',
    }
  } catch (error) {
    if (error instanceof RecordError)
      return { what: `damaged ${kindOf(bytes).name}`, wayOut: 'save or scan it again' }
    throw error
  }
}

/** The files of the decoders that are WebAssembly: what a page looks like depends on them. */
export function decoderPaths(): readonly string[] {
  return [webpDecoder.path, jpeg2000Decoder.path]
}

interface Format {
  readonly name: string
  sizes(bytes: Uint8Array): readonly PageSize[]
  /** Where a decoder takes fewer than others. */
  pixelsMax?(bytes: Uint8Array): number
  decode(bytes: Uint8Array, page: number): GrayImage | Promise<GrayImage>
}

const formats: Readonly<Record<Exclude<ReadableKind, 'PDF'>, Format>> = {
  PNG: { name: 'PNG', sizes: (bytes) => [pngSize(bytes)], decode: decodePng },
  JPEG: { name: 'JPEG', sizes: (bytes) => [jpegSize(bytes)], decode: decodeAnyJpeg },
  TIFF: { name: 'TIFF', sizes: tiffSizes, decode: decodeTiff },
  GIF: { name: 'GIF', sizes: (bytes) => [gifSize(bytes)], decode: decodeGif },
  BMP: { name: 'BMP', sizes: (bytes) => [bmpSize(bytes)], decode: decodeBmp },
  WebP: { name: 'WebP', sizes: (bytes) => [webpSize(bytes)], decode: decodeWebp },
  'JPEG 2000': {
    name: 'JPEG 2000',
    sizes: (bytes) => [jpeg2000Size(bytes)],
    pixelsMax: jpeg2000PixelsMax,
    decode: decodeJpeg2000,
  },
}

function formatOf(bytes: Uint8Array): Format {
  const { name, readable, wayOut } = kindOf(bytes)
  if (readable !== null && readable !== 'PDF') return formats[readable]
  if (bytes.byteLength === 0) throw new RecordError('empty-document', 'the document has no bytes')
  throw new RecordError(
    'not-an-image',
    `no page can be made of this document: ${name}${wayOut && ` (${wayOut})`}`,
  )
}
