/**
 * Tells from a document's first bytes what kind of file it is, how many pages it has and how large they are.
 *
 * File names are never believed. Sizes are read from headers, so that a page that claims 20,000 x 20,000
 * pixels is refused before a byte of it is allocated: the decoders below only ever see pages that fit.
 */
import { RecordError } from '../runtime.ts'
import { damaged, tooLarge } from './errors.ts'
import { type GrayImage, pixelsMax } from './gray-image.ts'
import { decodeJpeg, isJpeg, jpegSize } from './jpeg.ts'
import type { PageSize } from './page-size.ts'
import { decodePng, isPng, pngSize } from './png.ts'
import { decodeTiff, isTiff, tiffSizes } from './tiff.ts'

/**
 * Sizes of all pages. Throws RecordError: 'empty-document', 'not-an-image' or 'damaged-image'; a page that is
 * too large is listed, and refused by `decodePage` alone, so that its neighbours can still be read.
 */
export function pageSizes(bytes: Uint8Array): readonly PageSize[] {
  return formatOf(bytes).sizes(bytes)
}

/** One page, counted from 0. Throws RecordError as above, or 'no-such-page' or 'image-too-large'. */
export function decodePage(bytes: Uint8Array, page: number): GrayImage {
  const format = formatOf(bytes)
  const sizes = format.sizes(bytes)
  const size = sizes[page]
  if (size === undefined) {
    throw new RecordError('no-such-page', `page ${page + 1} of a document of ${sizes.length}`)
  }
  if (size.width * size.height > pixelsMax) throw tooLarge(size.width, size.height, pixelsMax)
  if (size.width === 0 || size.height === 0) throw damaged(format.name)
  return format.decode(bytes, page)
}

interface Format {
  readonly name: string
  recognises(bytes: Uint8Array): boolean
  sizes(bytes: Uint8Array): readonly PageSize[]
  decode(bytes: Uint8Array, page: number): GrayImage
}

const formats: readonly Format[] = [
  { name: 'PNG', recognises: isPng, sizes: (bytes) => [pngSize(bytes)], decode: decodePng },
  { name: 'JPEG', recognises: isJpeg, sizes: (bytes) => [jpegSize(bytes)], decode: decodeJpeg },
  { name: 'TIFF', recognises: isTiff, sizes: tiffSizes, decode: decodeTiff },
]

function formatOf(bytes: Uint8Array): Format {
  if (bytes.byteLength === 0) throw new RecordError('empty-document', 'the document has no bytes')
  const format = formats.find((candidate) => candidate.recognises(bytes))
  if (format === undefined)
    throw new RecordError('not-an-image', 'the document is not a PNG, JPEG or TIFF file')
  return format
}
