/** The facts that a submitter learns of a PDF before it sends it: how many pages, what they may cost, or why nobody can read it. */
import { type DocumentShape, hasRunOut, type Refusal } from '../runtime.ts'
import { openPdf, type Pdf, PdfError, type PdfFault } from './pdfium.ts'
import { textLayerOf } from './text-layer.ts'

const refusals: Readonly<Record<PdfFault, Refusal>> = {
  encrypted: { what: 'PDF encrypted', wayOut: 'give its password with --password-file' },
  'wrong-password': {
    what: 'PDF encrypted with another password',
    wayOut: 'add it to the file of --password-file, on a line of its own',
  },
  'unknown-encryption': { what: 'PDF of an unknown encryption', wayOut: 'save it without one' },
  damaged: { what: 'damaged PDF', wayOut: 'open it in a viewer, and print it to a new one' },
  'no-pages': { what: 'PDF without pages', wayOut: 'save it again, with its pages' },
}

const tooMany: Refusal = { what: 'PDF of too many pages', wayOut: 'split it' }

/** A million would be a job of its own. A guess. */
const pagesMax = 100_000

/** A page whose text is taken as it is (measured: 60 to 150 ms of processor time, with the start of PDFium). */
const textPageCostMs = 150

/** Pages that are looked at: the first ones and the middle one. */
const looked = 3

/** `pictureCostMs`: of a page that is read from its picture. `takesText`: the job wants the text that pages have in themselves. */
export async function shapeOfPdf(
  bytes: Uint8Array,
  passwords: readonly string[],
  takesText: boolean,
  pictureCostMs: number,
): Promise<DocumentShape> {
  const refuse = (refused: Refusal): DocumentShape => ({ pages: 1, pageCostMs: 0, refused })
  try {
    const pdf = await openPdf(bytes, passwords)
    if (pdf.pages > pagesMax) return refuse(tooMany)
    const pageCostMs = takesText && allHaveText(pdf) ? textPageCostMs : pictureCostMs
    return { pages: pdf.pages, pageCostMs, isCut: true }
  } catch (error) {
    if (hasRunOut(error)) throw error
    return refuse(refusals[error instanceof PdfError ? error.fault : 'damaged'])
  }
}

function allHaveText(pdf: Pdf): boolean {
  const pages = new Set([0, 1, pdf.pages >> 1].filter((page) => page < pdf.pages).slice(0, looked))
  return [...pages].every((page) => hasText(pdf, page))
}

/** One that is damaged has none, and takes no others along. */
function hasText(pdf: Pdf, page: number): boolean {
  try {
    return textLayerOf(pdf, page, 72) !== null
  } catch (error) {
    if (hasRunOut(error)) throw error
    return false
  }
}
