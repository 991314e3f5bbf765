/**
 * Large JPEGs to gray, by the libjpeg within PDFium: it takes 4 bytes a pixel where jpeg-js takes 15 to 36.
 *
 * PDFium opens PDFs only, so the file is wrapped in one, as it is; the picture comes back in its own pixels, undrawn. libjpeg fills with gray
 * where data is missing, and says nothing of it. So a file without its end marker, or with fewer bits than blocks, counts as damaged here.
 */
import { damaged } from './errors.ts'
import { type GrayImage, luma } from './gray-image.ts'
import { allocate, bytesIn, type Pdfium, pdfiumDecoder } from './pdfium-decoder.ts'

export interface JpegFrame {
  readonly width: number
  readonly height: number
  readonly components: number
  /** The blocks of 64 samples, of all components. */
  readonly blocks: number
  /** Adobe's programs store CMYK the other way round. */
  readonly isAdobe: boolean
}

/** FPDFBitmap_Gray, FPDFBitmap_BGR, and two of four bytes a pixel (fpdfview.h). */
const bytesOfFormats: Readonly<Record<number, number>> = { 1: 1, 2: 3, 3: 4, 4: 4 }

/** Before its file's orientation is heeded. Throws RecordError('damaged-image'). */
export async function decodeLargeJpeg(bytes: Uint8Array, frame: JpegFrame): Promise<GrayImage> {
  const hasEnd = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(endMarker)
  // A block has a bit at least, for its mean.
  if (!hasEnd || 8 * bytes.byteLength < frame.blocks) throw damaged('JPEG')
  const pdfium = await pdfiumDecoder.start()
  pdfium.PDFiumExt_Init()
  const file = wrapped(bytes, frame)
  const place = allocate(pdfium, file.byteLength)
  bytesIn(pdfium).set(file, place)
  const document = pdfium.FPDF_LoadMemDocument(place, file.byteLength, '')
  const page = document === 0 ? 0 : pdfium.FPDF_LoadPage(document, 0)
  const picture = page === 0 ? 0 : pdfium.FPDFPage_GetObject(page, 0)
  const bitmap = picture === 0 ? 0 : pdfium.FPDFImageObj_GetBitmap(picture)
  if (bitmap === 0) throw damaged('JPEG')
  return grayOf(pdfium, bitmap, frame)
}

const endMarker = Buffer.from([0xff, 0xd9])

function grayOf(pdfium: Pdfium, bitmap: number, { width, height }: JpegFrame): GrayImage {
  const step = bytesOfFormats[pdfium.FPDFBitmap_GetFormat(bitmap)]
  const isWhole =
    pdfium.FPDFBitmap_GetWidth(bitmap) === width && pdfium.FPDFBitmap_GetHeight(bitmap) === height
  if (step === undefined || !isWhole) throw damaged('JPEG')
  const stride = pdfium.FPDFBitmap_GetStride(bitmap)
  const from = pdfium.FPDFBitmap_GetBuffer(bitmap)
  const data = bytesIn(pdfium)
  const pixels = new Uint8Array(width * height)
  for (let y = 0; y < height; y += 1) {
    const row = from + y * stride
    if (step === 1) {
      pixels.set(data.subarray(row, row + width), y * width)
      continue
    }
    for (let x = 0, at = row; x < width; x += 1, at += step)
      pixels[y * width + x] = luma(data[at + 2]!, data[at + 1]!, data[at]!)
  }
  return { width, height, pixels }
}

/** A PDF of one page with nothing on it but the picture. */
function wrapped(jpeg: Uint8Array, { width, height, components, isAdobe }: JpegFrame): Uint8Array {
  const space = { 1: '/DeviceGray', 4: '/DeviceCMYK' }[components] ?? '/DeviceRGB'
  const decode = components === 4 && isAdobe ? ' /Decode [1 0 1 0 1 0 1 0]' : ''
  const content = 'q 100 0 0 100 0 0 cm /I Do Q'
  const objects: readonly (readonly Uint8Array[])[] = [
    [latin1('<< /Type /Catalog /Pages 2 0 R >>')],
    [latin1('<< /Type /Pages /Count 1 /Kids [3 0 R] >>')],
    [
      latin1(
        '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Resources << /XObject << /I 5 0 R >> >> /Contents 4 0 R >>',
      ),
    ],
    [latin1(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`)],
    [
      latin1(
        `<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace ${space} /BitsPerComponent 8${decode} /Filter /DCTDecode /Length ${jpeg.byteLength} >>\nstream\n`,
      ),
      jpeg,
      latin1('\nendstream'),
    ],
  ]
  const parts: Uint8Array[] = [latin1('%PDF-1.5\n')]
  let at = parts[0]!.byteLength
  const put = (part: Uint8Array) => {
    parts.push(part)
    at += part.byteLength
  }
  const offsets = objects.map((object, i) => {
    const offset = at
    for (const part of [latin1(`${i + 1} 0 obj\n`), ...object, latin1('\nendobj\n')]) put(part)
    return offset
  })
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  put(
    latin1(
      `xref\n0 6\n0000000000 65535 f \n${entries}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`,
    ),
  )
  return Buffer.concat(parts)
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
