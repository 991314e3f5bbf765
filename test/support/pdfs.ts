/** Small PDF files, written by hand, so that a test says what is in them (ISO 32000-1). */
import { deflateSync } from 'node:zlib'
import { pdfiumDecoder } from '../../src/runtimes/pdf/pdfium.ts'
import type { Gray } from './images.ts'

export interface PdfPage {
  /** Operators; fonts are /F1 (Helvetica) and /F2 (Times), which are not in the file, and whatever `fonts` names. */
  readonly content: string
  readonly box?: readonly [number, number, number, number]
  /** More of its dictionary, such as "/Rotate 90". */
  readonly more?: string
  /** By name: /Im0 and so on. */
  readonly images?: readonly Gray[]
  /** Font dictionaries by name. */
  readonly fonts?: Readonly<Record<string, string>>
  /** More of its resources, such as "/Properties<<…>>". */
  readonly resources?: string
}

/** `more`: objects by number, from 100 on, to which the catalog and pages may refer. */
export function pdfOf(
  pages: readonly PdfPage[],
  catalog = '',
  more: Readonly<Record<number, string>> = {},
): Uint8Array {
  const objects: (string | Buffer)[] = ['', '']
  const add = (object: string | Buffer): number => objects.push(object)
  const usual = ['Helvetica', 'Times-Roman'].map((name) =>
    add(`<</Type/Font/Subtype/Type1/BaseFont/${name}/Encoding/WinAnsiEncoding>>`),
  )
  const kids = pages.map(
    ({ content, box = [0, 0, 595, 842], more = '', images = [], fonts = {}, resources: rest = '' }) => {
      const pictures = images.map((image) => add(imageObject(image)))
      const own = Object.entries(fonts).map(([name, dictionary]) => `/${name} ${add(dictionary)} 0 R`)
      const contents = add(stream('', Buffer.from(content, 'latin1')))
      const resources = `<</Font<</F1 ${usual[0]} 0 R/F2 ${usual[1]} 0 R${own.join('')}>>/XObject<<${pictures.map((id, i) => `/Im${i} ${id} 0 R`).join('')}>>${rest}>>`
      return add(
        `<</Type/Page/Parent 2 0 R/MediaBox[${box.join(' ')}]/Resources${resources}/Contents ${contents} 0 R${more}>>`,
      )
    },
  )
  objects[0] = `<</Type/Catalog/Pages 2 0 R${catalog}>>`
  objects[1] = `<</Type/Pages/Count ${kids.length}/Kids[${kids.map((id) => `${id} 0 R`).join(' ')}]>>`
  for (const [number, object] of Object.entries(more)) objects[Number(number) - 1] = object
  return assemblePdf(Array.from(objects, (object) => object ?? 'null'))
}

/** Objects are numbered from 1; the first is the catalog. */
function assemblePdf(objects: readonly (string | Buffer)[]): Uint8Array {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')]
  let at = parts[0]!.byteLength
  const offsets = objects.map((object, i) => {
    const written = Buffer.concat([
      Buffer.from(`${i + 1} 0 obj\n`),
      Buffer.from(object as string, 'latin1'),
      Buffer.from('\nendobj\n'),
    ])
    parts.push(written)
    const offset = at
    at += written.byteLength
    return offset
  })
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`)
  parts.push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries.join('')}trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${at}\n%%EOF\n`,
    ),
  )
  return Uint8Array.from(Buffer.concat(parts))
}

/** A stream as an object for `pdfOf`. */
export function streamOf(dictionary: string, content: string): string {
  return stream(dictionary, Buffer.from(content, 'latin1')).toString('latin1')
}

function stream(dictionary: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`<<${dictionary}/Length ${bytes.byteLength}>>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ])
}

function imageObject({ width, height, pixels }: Gray): Buffer {
  return stream(
    `/Type/XObject/Subtype/Image/Width ${width}/Height ${height}/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode`,
    deflateSync(pixels),
  )
}

/** Operators that write a line of text, at points from the lower left corner. */
export function textAt(x: number, y: number, size: number, text: string, font = 'F1'): string {
  const escaped = text.replaceAll(/[\\()]/g, '\\$&')
  return `BT /${font} ${size} Tf ${x} ${y} Td (${escaped}) Tj ET\n`
}

/** Operators that put a picture over this part of the page. */
export function imageAt(x: number, y: number, width: number, height: number, name = 'Im0'): string {
  return `q ${width} 0 0 ${height} ${x} ${y} cm /${name} Do Q\n`
}

/** The same file, locked: PDFium writes it, with AES of 256 bits. */
export async function locked(file: Uint8Array, password: string): Promise<Uint8Array> {
  const pdfium = await pdfiumDecoder.start()
  pdfium.PDFiumExt_Init()
  const { malloc } = pdfium.pdfium.wasmExports
  const memory = () =>
    new Uint8Array(
      (pdfium.pdfium.wasmExports as unknown as { memory: { buffer: ArrayBuffer } }).memory.buffer,
    )
  const place = malloc(file.byteLength)
  memory().set(file, place)
  const document = pdfium.FPDF_LoadMemDocument(place, file.byteLength, '')
  pdfium.EPDF_SetEncryption(document, password, 'of the owner', 0xffffffff)
  const writer = pdfium.PDFiumExt_OpenFileWriter()
  pdfium.PDFiumExt_SaveAsCopy(document, writer)
  const bytes = pdfium.PDFiumExt_GetFileWriterSize(writer)
  const out = malloc(bytes)
  pdfium.PDFiumExt_GetFileWriterData(writer, out, bytes)
  return memory().slice(out, out + bytes)
}
