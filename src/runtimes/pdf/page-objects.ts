/** The parts of a page of a PDF, without its text: how much of it is pictures, and at which resolution they are. */
import { annotationsOn } from './annotations.ts'
import { floatsOf, intsIn, type Pdf, type Pdfium, withPage } from './pdfium.ts'

export interface PageObjects {
  /** The share of the page that pictures cover, 0 to 1; where they overlap, it counts them twice. */
  readonly pictureShare: number
  /** Pixels per inch of the picture that covers most of the page; null without any. */
  readonly pictureDpi: number | null
  /** Drawn shapes that may be letters: small, and of more than a few strokes. */
  readonly letterShapes: number
  /** Notes, form fields and stamps that are drawn over the page, and have a text of their own. */
  readonly annotations: number
}

/** FPDF_PAGEOBJ_…, in fpdf_edit.h. */
const pathType = 2
const pictureType = 3
const formType = 5

/** A page with more than this is not looked through to its end. */
const objectsMax = 100_000
const depthMax = 4

/** In points: what has this size on paper, and so many segments, may be a letter. */
const letterMin = 1.5
const letterMax = 40
const letterSegmentsMin = 5

/** Throws PdfError. */
export function objectsOf(pdf: Pdf, index: number): PageObjects {
  const { pdfium } = pdf
  return withPage(pdf, index, (page) => {
    const area = Math.max(1, pdfium.FPDF_GetPageWidthF(page) * pdfium.FPDF_GetPageHeightF(page))
    let [covered, largest, letterShapes, seen] = [0, 0, 0, 0]
    let pictureDpi: number | null = null
    const look = (object: number, depth: number): void => {
      seen += 1
      if (object === 0 || seen > objectsMax) return
      const type = pdfium.FPDFPageObj_GetType(object)
      if (type === formType && depth < depthMax) {
        const count = pdfium.FPDFFormObj_CountObjects(object)
        for (let i = 0; i < count && seen <= objectsMax; i += 1)
          look(pdfium.FPDFFormObj_GetObject(object, i), depth + 1)
      }
      if (type !== pathType && type !== pictureType) return
      const { width, height } = sizeOf(pdfium, object)
      if (type === pathType) {
        const isSmall =
          [width, height].every((side) => side <= letterMax) && Math.max(width, height) >= letterMin
        if (isSmall && pdfium.FPDFPath_CountSegments(object) >= letterSegmentsMin) letterShapes += 1
        return
      }
      const own = Math.min(width * height, area)
      covered += own
      if (own <= largest) return
      largest = own
      pictureDpi = dpiOf(pdfium, object, width, height)
    }
    const count = pdfium.FPDFPage_CountObjects(page)
    for (let i = 0; i < count && seen <= objectsMax; i += 1) look(pdfium.FPDFPage_GetObject(page, i), 0)
    return {
      pictureShare: Math.min(1, covered / area),
      pictureDpi,
      letterShapes,
      annotations: annotationsOn(pdfium, page),
    }
  })
}

function sizeOf(pdfium: Pdfium, object: number): { readonly width: number; readonly height: number } {
  const [left, bottom, right, top] = floatsOf(pdfium, 4, (at) => {
    pdfium.FPDFPageObj_GetBounds(object, at, at + 4, at + 8, at + 12)
  }) as unknown as [number, number, number, number]
  return { width: Math.max(0, right - left), height: Math.max(0, top - bottom) }
}

/** Whichever way a picture is turned: the square root of pixels over area. */
function dpiOf(pdfium: Pdfium, picture: number, width: number, height: number): number | null {
  const place = pdfium.pdfium.wasmExports.malloc(8)
  if (place === 0) throw new Error('out of memory')
  const isKnown = pdfium.FPDFImageObj_GetImagePixelSize(picture, place, place + 4)
  const [across, down] = intsIn(pdfium).slice(place / 4, place / 4 + 2) as unknown as [number, number]
  pdfium.pdfium.wasmExports.free(place)
  return isKnown && width * height > 0 ? Math.round(72 * Math.sqrt((across * down) / (width * height))) : null
}
