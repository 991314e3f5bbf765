/**
 * PDF files, opened by PDFium as WebAssembly (package @embedpdf/pdfium), anew for each use (imaging/wasm-decoder.ts).
 *
 * The build has no threads, no relaxed SIMD and no JavaScript engine, and gets neither clock nor files nor the machine's fonts: fonts
 * that are not in the file are replaced by PDFium's own. So a page is the same on every vehicle.
 */
import { allocate, bytesIn, memoryOf, type Pdfium, pdfiumDecoder } from '../imaging/pdfium-decoder.ts'
import { hidesLayers } from './layers.ts'

export { allocate, bytesIn, type Pdfium, pdfiumDecoder }

export type PdfFault = 'encrypted' | 'wrong-password' | 'unknown-encryption' | 'damaged' | 'no-pages'

export class PdfError extends Error {
  readonly fault: PdfFault
  constructor(fault: PdfFault) {
    super(fault)
    this.name = 'PdfError'
    this.fault = fault
  }
}

/** An open file: gone with its module, which nobody keeps. */
export interface Pdf {
  readonly pdfium: Pdfium
  /** PDFium's handle. */
  readonly document: number
  readonly pages: number
  /** Some layer may not be shown, so that the text within the file need not be what one sees. */
  readonly hidesLayers: boolean
}

/** FPDF_POLICY_MACHINETIME_ACCESS, in fpdfview.h. */
const clockPolicy = 0

/** FPDF_GetLastError, in fpdfview.h. */
const passwordError = 4
const securityError = 5

/** `passwords`: tried in turn, after none. Throws PdfError. */
export async function openPdf(bytes: Uint8Array, passwords: readonly string[] = []): Promise<Pdf> {
  const pdfium = await pdfiumDecoder.start()
  pdfium.PDFiumExt_Init()
  pdfium.FPDF_SetSandBoxPolicy(clockPolicy, false)
  const place = allocate(pdfium, bytes.byteLength)
  bytesIn(pdfium).set(bytes, place)
  let document = 0
  for (const password of ['', ...passwords]) {
    document = pdfium.FPDF_LoadMemDocument(place, bytes.byteLength, password)
    if (document !== 0 || pdfium.FPDF_GetLastError() !== passwordError) break
  }
  if (document === 0) throw new PdfError(faultOf(pdfium.FPDF_GetLastError(), passwords.length > 0))
  const pages = pdfium.FPDF_GetPageCount(document)
  if (pages < 1) throw new PdfError('no-pages')
  return { pdfium, document, pages, hidesLayers: hidesLayers(bytes) }
}

function faultOf(error: number, hasPassword: boolean): PdfFault {
  if (error === passwordError) return hasPassword ? 'wrong-password' : 'encrypted'
  return error === securityError ? 'unknown-encryption' : 'damaged'
}

/** The answer of `use`, of a page counted from 0. Throws PdfError for a page that cannot be opened. */
export function withPage<Answer>(
  { pdfium, document }: Pdf,
  index: number,
  use: (page: number) => Answer,
): Answer {
  const page = pdfium.FPDF_LoadPage(document, index)
  if (page === 0) throw new PdfError('damaged')
  try {
    return use(page)
  } finally {
    pdfium.FPDF_ClosePage(page)
  }
}

/** Returns what `fill` writes at the place that it is given: `count` floats. */
export function floatsOf(pdfium: Pdfium, count: number, fill: (place: number) => void): Float32Array {
  const place = allocate(pdfium, 4 * count)
  fill(place)
  const floats = new Float32Array(memoryOf(pdfium), place, count).slice()
  pdfium.pdfium.wasmExports.free(place)
  return floats
}

/** Its memory as whole numbers and floats by their size: anew each time, since memory may grow and move. */
export function intsIn(pdfium: Pdfium): Int32Array {
  return new Int32Array(memoryOf(pdfium))
}

export function doublesIn(pdfium: Pdfium): Float64Array {
  return new Float64Array(memoryOf(pdfium))
}

/** The document as a file: the same each time, since its random ids are wiped, and it has no date. */
export function saved(pdfium: Pdfium, document: number): Uint8Array {
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
