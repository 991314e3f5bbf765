/** PDFium as WebAssembly (package @embedpdf/pdfium): it opens PDFs (runtimes/pdf), and has libjpeg within it (large-jpeg.ts). */
import { WasmDecoder } from './wasm-decoder.ts'

export const pdfiumDecoder = new WasmDecoder(
  '@embedpdf/pdfium/pdfium.wasm',
  async () => (await import('@embedpdf/pdfium')).init,
)

export type Pdfium = import('@embedpdf/pdfium').WrappedPdfiumModule

/** Throws Error('out of memory'), which says nothing of the document. */
export function allocate(pdfium: Pdfium, bytes: number): number {
  const place = pdfium.pdfium.wasmExports.malloc(bytes)
  if (place === 0) throw new Error('out of memory')
  return place
}

/** Its memory as bytes: anew each time, since memory may grow and move. */
export function bytesIn(pdfium: Pdfium): Uint8Array {
  return new Uint8Array(memoryOf(pdfium))
}

export function memoryOf(pdfium: Pdfium): ArrayBuffer {
  return (pdfium.pdfium.wasmExports as unknown as { readonly memory: WebAssembly.Memory }).memory.buffer
}
