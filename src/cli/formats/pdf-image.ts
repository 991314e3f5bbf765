/**
 * A page's picture as a PDF holds it (ISO 32000-1, 8.9): JPEG data as it came, the compressed rows of a PNG as they came, and of
 * everything else the gray picture that was read. A page of a PDF is drawn as it was for being read.
 *
 * Files of others are decoded and drawn in the sandboxed child (`Draw`), as on a vehicle; here no more than headers are read.
 */
import { deflateSync } from 'node:zlib'
import { exifOrientation, isFrameHeader, jpegSize, segments } from '../../runtimes/imaging/jpeg.ts'
import { kindOf } from '../../runtimes/imaging/kind.ts'
import { pngSize } from '../../runtimes/imaging/png.ts'
import type { DrawnPage } from '../../runtimes/messages.ts'

export interface PdfImage {
  /** Entries of the image's dictionary, but for its type and its length. */
  readonly dictionary: string
  readonly data: Uint8Array
  /** EXIF's: 1 is upright (Exif 2.3, 4.6.4). */
  readonly orientation: number
  /** Null where the file says nothing that can be so. */
  readonly dotsPerInch: number | null
}

/** Draws a page, counted from 0, at so many dots per inch where it is one of a PDF; null where nobody can. */
export type Draw = (document: Uint8Array, page: number, dpi: number | null) => Promise<DrawnPage | null>

/** `page`: counted from 0; `dpi`: at which a page of a PDF is drawn. Null where no picture can be made. Throws what `draw` throws, and RecordError. */
export async function pdfImageOf(
  draw: Draw,
  document: Uint8Array,
  page: number,
  dpi: number | null = null,
): Promise<PdfImage | null> {
  if (kindOf(document).readable === 'PDF') return drawnImage(draw, document, page, dpi)
  if (document[0] === 0xff && document[1] === 0xd8) return jpegImage(document)
  return (isPng(document) ? pngImage(document) : undefined) ?? drawnImage(draw, document, page, null)
}

function jpegImage(document: Uint8Array): PdfImage {
  const { width, height } = jpegSize(document)
  let [components, density]: [number, number | null] = [3, null]
  let isAdobe = false
  for (const { marker, body } of segments(document)) {
    if (isFrameHeader(marker)) components = body[5] ?? 3
    if (marker === 0xee && latin1(body, 0, 5) === 'Adobe') isAdobe = true
    if (marker === 0xe0 && latin1(body, 0, 4) === 'JFIF') density = jfifDensity(body)
  }
  const space = { 1: '/DeviceGray', 4: '/DeviceCMYK' }[components] ?? '/DeviceRGB'
  // Adobe's programs store CMYK the other way round.
  const decode = components === 4 && isAdobe ? ' /Decode [1 0 1 0 1 0 1 0]' : ''
  return {
    dictionary: `/Width ${width} /Height ${height} /ColorSpace ${space} /BitsPerComponent 8${decode} /Filter /DCTDecode`,
    data: document,
    orientation: exifOrientation(document),
    dotsPerInch: density,
  }
}

function jfifDensity(body: Uint8Array): number | null {
  const perUnit = ((body[8] ?? 0) << 8) | (body[9] ?? 0)
  if (body[7] === 1) return plausible(perUnit)
  return body[7] === 2 ? plausible(perUnit * 2.54) : null
}

/** Undefined for one whose rows a PDF cannot hold as they are: interlaced, or with transparency. */
function pngImage(document: Uint8Array): PdfImage | undefined {
  const { width, height } = pngSize(document)
  const [depth, colour, , , interlaced] = document.subarray(24, 29)
  const colours = { 0: 1, 2: 3, 3: 1 }[colour!]
  if (colours === undefined || interlaced !== 0) return undefined
  const rows: Uint8Array[] = []
  let [palette, density]: [string | undefined, number | null] = [undefined, null]
  for (const { name, body } of chunks(document)) {
    if (name === 'IDAT') rows.push(body)
    if (name === 'tRNS') return undefined
    if (name === 'PLTE') palette = Buffer.from(body).toString('hex')
    if (name === 'pHYs' && body[8] === 1) density = plausible(Buffer.from(body).readUInt32BE(0) * 0.0254)
  }
  if (rows.length === 0 || (colour === 3 && palette === undefined)) return undefined
  const space =
    colour === 3
      ? `[/Indexed /DeviceRGB ${palette!.length / 6 - 1} <${palette}>]`
      : colour === 2
        ? '/DeviceRGB'
        : '/DeviceGray'
  return {
    dictionary: `/Width ${width} /Height ${height} /ColorSpace ${space} /BitsPerComponent ${depth} /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors ${colours} /BitsPerComponent ${depth} /Columns ${width} >>`,
    data: Buffer.concat(rows),
    orientation: 1,
    dotsPerInch: density,
  }
}

async function drawnImage(
  draw: Draw,
  document: Uint8Array,
  page: number,
  dpi: number | null,
): Promise<PdfImage | null> {
  const drawn = await draw(document, page, dpi)
  return drawn === null ? null : deflated(drawn)
}

function deflated({ width, height, pixels, dpi }: DrawnPage): PdfImage {
  return {
    dictionary: `/Width ${width} /Height ${height} /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode`,
    data: deflateSync(pixels),
    orientation: 1,
    dotsPerInch: dpi,
  }
}

function isPng(document: Uint8Array): boolean {
  return document.byteLength >= 33 && latin1(document, 1, 4) === 'PNG' && latin1(document, 12, 16) === 'IHDR'
}

function* chunks(document: Uint8Array): Generator<{ readonly name: string; readonly body: Uint8Array }> {
  const view = new DataView(document.buffer, document.byteOffset, document.byteLength)
  for (let at = 8; at + 12 <= document.byteLength; ) {
    const length = view.getUint32(at)
    yield { name: latin1(document, at + 4, at + 8), body: document.subarray(at + 8, at + 8 + length) }
    at += 12 + length
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end))
}

/** Screens and cameras state 72 or nonsense for what was never printed at that size. */
function plausible(dotsPerInch: number): number | null {
  return dotsPerInch >= 75 && dotsPerInch <= 2400 ? dotsPerInch : null
}
