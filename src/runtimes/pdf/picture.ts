/**
 * Draws a page of a PDF in gray: upright as its /Rotate says, as much as its crop box shows, on white, with its annotations.
 *
 * In four bytes a pixel, since PDFium mixes transparent layers rightly only in colour. A page that would have too many pixels is drawn at
 * fewer dots per inch: an architect's sheet is better read coarsely than not at all.
 */
import { type GrayImage, luma, pixelsMax } from '../imaging/gray-image.ts'
import { bytesIn, type Pdf, type Pdfium, withPage } from './pdfium.ts'

export interface PageScale {
  readonly width: number
  readonly height: number
  readonly dpi: number
}

export interface PdfPicture extends GrayImage {
  readonly dpi: number
}

const pointsPerInch = 72

/** The page in whole pixels. */
export function scaleOf(pdfium: Pdfium, page: number, dpi: number): PageScale {
  const inches = [pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)].map((points) =>
    Math.max(points / pointsPerInch, 0.01),
  ) as [number, number]
  const most = Math.floor(Math.sqrt(pixelsMax / (inches[0] * inches[1])))
  const fitting = Math.max(1, Math.min(dpi, most))
  const [width, height] = inches.map((length) => Math.max(1, Math.floor(length * fitting))) as [
    number,
    number,
  ]
  // A strip that is a thousand times longer than wide does not fit by its dots alone.
  return { width: Math.min(width, sideMax), height: Math.min(height, sideMax), dpi: fitting }
}

const sideMax = 20_000

/** FPDFBitmap_BGRx, FPDF_ANNOT and FPDF_RENDER_FORCEHALFTONE (fpdfview.h): pictures are reduced by averaging. */
const bgrx = 3
const renderFlags = 0x01 | 0x400

/** Throws PdfError. */
export function drawPage(pdf: Pdf, index: number, dpi: number): PdfPicture {
  const { pdfium } = pdf
  return withPage(pdf, index, (page) => {
    const scale = scaleOf(pdfium, page, dpi)
    const { width, height } = scale
    const bitmap = pdfium.FPDFBitmap_CreateEx(width, height, bgrx, 0, 0)
    if (bitmap === 0) throw new Error('out of memory')
    pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xffffffff)
    pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, renderFlags)
    const stride = pdfium.FPDFBitmap_GetStride(bitmap)
    const from = pdfium.FPDFBitmap_GetBuffer(bitmap)
    const drawn = bytesIn(pdfium)
    const pixels = new Uint8Array(width * height)
    for (let y = 0; y < height; y += 1)
      for (let x = 0, at = from + y * stride; x < width; x += 1, at += 4)
        pixels[y * width + x] = luma(drawn[at + 2]!, drawn[at + 1]!, drawn[at]!)
    pdfium.FPDFBitmap_Destroy(bitmap)
    return { ...scale, pixels }
  })
}
