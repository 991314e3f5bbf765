/**
 * Cuts a PDF into files of a few pages each, so that a vehicle gets the pages that it reads and no others.
 *
 * PDFium copies pages with what they use into a new file, without encryption, and what lies over a page (notes, form fields) becomes part of
 * it. Layers that are not shown stay hidden.
 */
import { drawAnnotations } from './annotations.ts'
import { hiddenIn, layersIntoCatalog, layersOntoPages, usesLayers } from './layers.ts'
import { allocate, intsIn, openPdf, type Pdf, PdfError, saved, withPage } from './pdfium.ts'
import { NotPlain } from './plain-file.ts'

/** An answer ends after so many bytes, and a file of more is none that a job takes with comfort. Guesses. */
const answerBytesMax = 32 * 2 ** 20
const pieceBytesMax = 56 * 2 ** 20

/**
 * A file for each group of pages, which are counted from 0, or for the first of them, where these are large; empty where a page is
 * damaged, not there, or too large. Throws PdfError.
 */
export async function cutPages(
  bytes: Uint8Array,
  passwords: readonly string[],
  groups: readonly (readonly number[])[],
): Promise<Uint8Array[]> {
  const pdf = await openPdf(bytes, passwords)
  const isHidden = hiddenOf(pdf)
  const pieces: Uint8Array[] = []
  let sum = 0
  for (const group of groups) {
    const piece = cut(pdf, group, isHidden)
    pieces.push(piece)
    sum += piece.byteLength
    if (sum >= answerBytesMax) break
  }
  await addLayers(pdf, groups, pieces)
  return pieces.map((piece) => (piece.byteLength > pieceBytesMax ? new Uint8Array(0) : piece))
}

/** Cuts those pieces anew that have layers on them. It uses the document up. */
async function addLayers(
  pdf: Pdf,
  groups: readonly (readonly number[])[],
  pieces: Uint8Array[],
): Promise<void> {
  const layered = [...pieces.keys()].filter((at) => usesLayers(pieces[at]!))
  if (layered.length === 0) return
  const pages = [...new Set(layered.flatMap((at) => groups[at]!))].sort((a, b) => a - b)
  try {
    const rest = await pagesWithLayers(pdf, pages)
    if (rest === null) return
    for (const at of layered) {
      const own = groups[at]!.map((page) => pages.indexOf(page))
      pieces[at] = layersIntoCatalog(cut(rest, own, () => false))
    }
  } catch (error) {
    if (!(error instanceof PdfError || error instanceof NotPlain)) throw error
    // Better said to be damaged than read with what nobody sees.
    for (const at of layered) pieces[at] = new Uint8Array(0)
  }
}

/** The document with nothing but these pages, in order, which name its layers; null where it says nothing of any. */
async function pagesWithLayers(
  { pdfium, document, pages }: Pdf,
  wanted: readonly number[],
): Promise<Pdf | null> {
  for (let index = pages - 1; index >= 0; index -= 1)
    if (!wanted.includes(index)) pdfium.FPDFPage_Delete(document, index)
  pdfium.EPDF_RemoveEncryption(document)
  const objects = wanted.map((_, index) => pdfium.EPDFDoc_GetPageObjectNumberByIndex(document, index))
  const file = layersOntoPages(saved(pdfium, document), objects)
  return file === null ? null : openPdf(file)
}

/** As `hiddenIn`, of a document that most often has no notes on layers, and then is not written out. */
function hiddenOf({ pdfium, document }: Pdf): (object: number) => boolean {
  let known: ((object: number) => boolean) | undefined
  return (object) => {
    if (object === 0) return false
    pdfium.EPDF_RemoveEncryption(document)
    known ??= hiddenIn(saved(pdfium, document))
    return known(object)
  }
}

function cut(pdf: Pdf, group: readonly number[], isHidden: (object: number) => boolean): Uint8Array {
  const { pdfium, document } = pdf
  try {
    for (const index of group) withPage(pdf, index, (page) => drawAnnotations(pdfium, page, isHidden))
  } catch (error) {
    if (error instanceof PdfError || error instanceof NotPlain) return new Uint8Array(0)
    throw error
  }
  const copy = pdfium.FPDF_CreateNewDocument()
  const place = allocate(pdfium, 4 * group.length)
  intsIn(pdfium).set(group, place / 4)
  const isWhole = pdfium.FPDF_ImportPagesByIndex(copy, document, place, group.length, 0)
  pdfium.pdfium.wasmExports.free(place)
  const file = isWhole ? saved(pdfium, copy) : new Uint8Array(0)
  pdfium.FPDF_CloseDocument(copy)
  return file
}
