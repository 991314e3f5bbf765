/**
 * A searchable PDF (ISO 32000-1): the picture of each page, and over it the words that were read, in a rendering mode that draws nothing.
 *
 * The file is written page by page, as a long document's pictures need not be in memory together. Positions are those of the page as
 * it came; of lines that are skewed or turned the words run along with the line.
 */
import { deflateSync } from 'node:zlib'
import type { PageLine, PageWord, ReadPage } from './page.ts'
import { glyphlessFont, glyphOfCodes, glyphWidth, unicodeOfCodes } from './pdf-font.ts'
import type { PdfImage } from './pdf-image.ts'

/** For files that do not say: office scanners' usual setting. */
const dotsPerInchDefault = 200
/** A side of a page, in points, that every viewer takes (ISO 32000-1, annex C.2). */
const sideMax = 14_400

const [catalogue, pageTree, font] = [1, 2, 3]
const [descendant, glyphs, unicode, descriptor, fontFile] = [4, 5, 6, 7, 8]

export class PdfWriter {
  readonly #write: (bytes: Uint8Array) => Promise<void>
  /** The offset of each object, by its number. */
  readonly #offsets: number[] = []
  readonly #pages: number[] = []
  #next = fontFile + 1
  #at = 0

  /** `write` takes the file's bytes in order. */
  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write
  }

  async begin(): Promise<void> {
    // Bytes above 127 tell programs that it is no text.
    await this.#put(Buffer.from('%PDF-1.5\n%\xe2\xe3\xcf\xd3\n', 'latin1'))
    await this.#object(
      font,
      `<< /Type /Font /Subtype /Type0 /BaseFont /GlyphLessFont /Encoding /Identity-H /DescendantFonts [${descendant} 0 R] /ToUnicode ${unicode} 0 R >>`,
    )
    await this.#object(
      descendant,
      `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /GlyphLessFont /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor ${descriptor} 0 R /DW ${glyphWidth} /CIDToGIDMap ${glyphs} 0 R >>`,
    )
    await this.#stream(glyphs, '/Filter /FlateDecode', glyphOfCodes())
    await this.#stream(unicode, '/Filter /FlateDecode', deflateSync(unicodeOfCodes()))
    await this.#object(
      descriptor,
      `<< /Type /FontDescriptor /FontName /GlyphLessFont /Flags 5 /FontBBox [0 0 ${glyphWidth} 1000] /ItalicAngle 0 /Ascent 1000 /Descent 0 /CapHeight 1000 /StemV 80 /FontFile2 ${fontFile} 0 R >>`,
    )
    const program = glyphlessFont()
    await this.#stream(fontFile, `/Filter /FlateDecode /Length1 ${program.byteLength}`, deflateSync(program))
  }

  /** `read`: null for a page on which nothing could be read. */
  async page(image: PdfImage, read: ReadPage | null): Promise<void> {
    const { dotsPerInch, orientation } = image
    const [imageWidth, imageHeight] = sidesOf(image)
    const isTurned = orientation >= 5 && orientation <= 8
    const [width, height] = isTurned ? [imageHeight, imageWidth] : [imageWidth, imageHeight]
    const scale = Math.min(72 / (dotsPerInch ?? dotsPerInchDefault), sideMax / Math.max(width, height))
    const [pageWidth, pageHeight] = [width * scale, height * scale]
    // The record counts in the pixels of the picture that was read, which are those of this one.
    const toPoints = read === null ? scale : pageWidth / read.width
    const content = [
      `q ${matrix(placement(orientation, pageWidth, pageHeight))} cm /Im Do Q`,
      ...(read === null ? [] : textOf(read, toPoints, pageHeight)),
    ].join('\n')
    const [pageNumber, contentNumber, imageNumber] = [this.#next, this.#next + 1, this.#next + 2]
    this.#next += 3
    this.#pages.push(pageNumber)
    await this.#stream(imageNumber, `/Type /XObject /Subtype /Image ${image.dictionary}`, image.data)
    await this.#stream(contentNumber, '/Filter /FlateDecode', deflateSync(content))
    await this.#object(
      pageNumber,
      `<< /Type /Page /Parent ${pageTree} 0 R /MediaBox [0 0 ${number(pageWidth)} ${number(pageHeight)}] /Resources << /XObject << /Im ${imageNumber} 0 R >> /Font << /F ${font} 0 R >> >> /Contents ${contentNumber} 0 R >>`,
    )
  }

  async end(): Promise<void> {
    await this.#object(
      pageTree,
      `<< /Type /Pages /Count ${this.#pages.length} /Kids [${this.#pages.map((page) => `${page} 0 R`).join(' ')}] >>`,
    )
    await this.#object(catalogue, `<< /Type /Catalog /Pages ${pageTree} 0 R >>`)
    const start = this.#at
    const entries = Array.from(
      { length: this.#next - 1 },
      (_, i) => `${String(this.#offsets[i + 1]!).padStart(10, '0')} 00000 n \n`,
    )
    await this.#put(
      Buffer.from(
        `xref\n0 ${this.#next}\n0000000000 65535 f \n${entries.join('')}trailer\n<< /Size ${this.#next} /Root ${catalogue} 0 R >>\nstartxref\n${start}\n%%EOF\n`,
      ),
    )
  }

  async #object(place: number, body: string): Promise<void> {
    this.#offsets[place] = this.#at
    await this.#put(Buffer.from(`${place} 0 obj\n${body}\nendobj\n`))
  }

  async #stream(place: number, dictionary: string, data: Uint8Array): Promise<void> {
    this.#offsets[place] = this.#at
    await this.#put(Buffer.from(`${place} 0 obj\n<< ${dictionary} /Length ${data.byteLength} >>\nstream\n`))
    await this.#put(data)
    await this.#put(Buffer.from('\nendstream\nendobj\n'))
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.#at += bytes.byteLength
    await this.#write(bytes)
  }
}

type Matrix = readonly [number, number, number, number, number, number]

/** The image's unit square onto the page, for each of EXIF's orientations. */
function placement(orientation: number, width: number, height: number): Matrix {
  const placements: Readonly<Record<number, Matrix>> = {
    2: [-width, 0, 0, height, width, 0],
    3: [-width, 0, 0, -height, width, height],
    4: [width, 0, 0, -height, 0, height],
    5: [0, -height, -width, 0, width, height],
    6: [0, -height, width, 0, 0, height],
    7: [0, height, width, 0, 0, 0],
    8: [0, height, -width, 0, width, 0],
  }
  return placements[orientation] ?? [width, 0, 0, height, 0, 0]
}

function sidesOf({ dictionary }: PdfImage): [width: number, height: number] {
  const [, width, height] = /\/Width (\d+) \/Height (\d+)/.exec(dictionary)!
  return [Number(width), Number(height)]
}

function textOf({ blocks }: ReadPage, toPoints: number, pageHeight: number): string[] {
  const shown = blocks.flat().flatMap((line) => {
    const way = directionOf(line)
    const spans = line.words.map((word) => spanOf(word, way))
    return line.words.map(({ text }, i) => {
      if (text.length === 0) return ''
      const isLast = i === line.words.length - 1
      const span = isLast ? spans[i]! : beforeNext(spans[i]!, spans[i + 1]!, way)
      return shownText(isLast ? text : `${text} `, text.length, span, way, toPoints, pageHeight)
    })
  })
  return ['BT 3 Tr', ...shown, 'ET']
}

interface Direction {
  /** The line's direction, of length one, on the page as pixels count: downwards. */
  readonly along: readonly [number, number]
  readonly height: number
}

function directionOf({ corners: [start, end, , below] }: PageLine): Direction {
  const [dx, dy] = [end[0] - start[0], end[1] - start[1]]
  const length = Math.hypot(dx, dy)
  const height = Math.hypot(below[0] - start[0], below[1] - start[1])
  return { along: length === 0 ? [1, 0] : [dx / length, dy / length], height: Math.max(1, height) }
}

/** The middle of a word, in pixels, and its length along the line. */
interface Span {
  readonly middle: readonly [number, number]
  readonly length: number
}

/** The word's box is upright on the page, and may be that of slanted letters. */
function spanOf({ box: [left, top, right, bottom] }: PageWord, { along: [dx, dy], height }: Direction): Span {
  const [width, tall] = [right - left, bottom - top]
  const isAcross = Math.abs(dx) >= Math.abs(dy)
  const own = isAcross
    ? (width - height * Math.abs(dy)) / Math.abs(dx)
    : (tall - height * Math.abs(dx)) / Math.abs(dy)
  const length = Math.max(1, Math.min(own, Math.hypot(width, tall)))
  return { middle: [(left + right) / 2, (top + bottom) / 2], length }
}

/** Times a line's height: programs take words that are closer for one. */
const gapMin = 0.25
/** A word keeps so much of its length in any case. */
const keptMin = 0.4

/** The word, shortened where the next one would touch it. */
function beforeNext(word: Span, next: Span, { along: [dx, dy], height }: Direction): Span {
  const distance = (next.middle[0] - word.middle[0]) * dx + (next.middle[1] - word.middle[1]) * dy
  const room = distance - next.length / 2 + word.length / 2 - gapMin * height
  if (room >= word.length) return word
  const length = Math.max(room, keptMin * word.length)
  const back = (word.length - length) / 2
  return { middle: [word.middle[0] - dx * back, word.middle[1] - dy * back], length }
}

/** Text that is stretched so that its first `units` units take the span. */
function shownText(
  text: string,
  units: number,
  { middle: [middleX, middleY], length }: Span,
  { along: [dx, dy], height }: Direction,
  toPoints: number,
  pageHeight: number,
): string {
  // Down from the line is a quarter turn from along it.
  const x = middleX - (dx * length) / 2 - (dy * height) / 2
  const y = middleY - (dy * length) / 2 + (dx * height) / 2
  const size = height * toPoints
  const stretch = (100 * length * toPoints) / ((units * size * glyphWidth) / 1000)
  const at = matrix([dx, -dy, dy, dx, x * toPoints, pageHeight - y * toPoints])
  return `/F ${number(size)} Tf ${number(stretch)} Tz ${at} Tm <${utf16(text)}> Tj`
}

function utf16(text: string): string {
  return Buffer.from(text.toWellFormed(), 'utf16le').swap16().toString('hex').toUpperCase()
}

function matrix(values: Matrix): string {
  return values.map(number).join(' ')
}

/** PDF knows no exponents. */
function number(value: number): string {
  return `${Number(value.toFixed(4))}`
}
