/**
 * Cuts a PDF into files of a few pages each, so that a vehicle gets the pages that it reads and no others.
 *
 * PDFium copies pages with what they use into a new file, without encryption, and what lies over a page (notes, form fields) becomes part of
 * it. Files are the same each time: their random ids are wiped, and they have no date.
 */
import { allocate, bytesIn, intsIn, openPdf, type Pdf, PdfError, type Pdfium, withPage } from './pdfium.ts'

/** FPDF_POLICY_MACHINETIME_ACCESS (fpdfview.h), and how FPDFPage_Flatten is told to leave what is shown. */
const clockPolicy = 0
const flattenShown = 0

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
  pdf.pdfium.FPDF_SetSandBoxPolicy(clockPolicy, false)
  const pieces: Uint8Array[] = []
  let sum = 0
  for (const group of groups) {
    const piece = cut(pdf, group)
    pieces.push(piece.byteLength > pieceBytesMax ? new Uint8Array(0) : piece)
    sum += piece.byteLength
    if (sum >= answerBytesMax) break
  }
  return pieces
}

function cut(pdf: Pdf, group: readonly number[]): Uint8Array {
  const { pdfium, document } = pdf
  try {
    for (const index of group) withPage(pdf, index, (page) => pdfium.FPDFPage_Flatten(page, flattenShown))
  } catch (error) {
    if (error instanceof PdfError) return new Uint8Array(0)
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

function saved(pdfium: Pdfium, document: number): Uint8Array {
  const writer = pdfium.PDFiumExt_OpenFileWriter()
  pdfium.PDFiumExt_SaveAsCopy(document, writer)
  const bytes = pdfium.PDFiumExt_GetFileWriterSize(writer)
  const place = allocate(pdfium, bytes)
  pdfium.PDFiumExt_GetFileWriterData(writer, place, bytes)
  const file = bytesIn(pdfium).slice(place, place + bytes)
  pdfium.pdfium.wasmExports.free(place)
  pdfium.PDFiumExt_CloseFileWriter(writer)
  wipeIds(file)
  return file
}

const trailerBytes = 1024

/** In the trailer, as PDFium writes it: `/ID[<…><…>]`. */
function wipeIds(file: Uint8Array): void {
  const from = Math.max(0, file.byteLength - trailerBytes)
  const tail = String.fromCharCode(...file.subarray(from))
  const ids = /\/ID\s*\[\s*(<[0-9a-f]*>\s*<[0-9a-f]*>)/i.exec(tail)
  if (ids === null) return
  const at = from + ids.index + ids[0].length - ids[1]!.length
  for (const [i, character] of [...ids[1]!].entries()) if (/[0-9a-f]/i.test(character)) file[at + i] = 0x30
}
