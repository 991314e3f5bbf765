/**
 * Reads a page of a PDF: by the text that it has in itself, where the job wants it and it can be believed (pdf/text-layer.ts), and else
 * from its picture, as any other page. The record says which: `"model": "text-layer"`.
 */
import { decodingLater } from '../imaging/errors.ts'
import { objectsOf } from '../pdf/page-objects.ts'
import { openPdf, PdfError } from '../pdf/pdfium.ts'
import { drawPage, type PdfPicture } from '../pdf/picture.ts'
import { type TextLayer, type TextRun, textLayerOf } from '../pdf/text-layer.ts'
import { RecordError, type RecordOutput } from '../runtime.ts'
import { around, heightOf } from './box.ts'
import { textLayerRecord } from './page-record.ts'
import type { TextLine, TextWord } from './page-text.ts'
import { inReadingOrder } from './reading-order.ts'

export interface PdfReading {
  /** Dots per inch at which a page is drawn; 0: as its scan has them, within bounds. */
  readonly dpi: number
  /** True where the text that a page has in itself is taken. */
  readonly takesText: boolean
  /** True where its record has each word. */
  readonly hasWords: boolean
}

/** The record of a page that is its text, or the picture of one to be read. Throws RecordError. */
export async function readPdfPage(
  document: Uint8Array,
  index: number,
  { dpi, takesText, hasWords }: PdfReading,
): Promise<RecordOutput | PdfPicture> {
  return decodingLater('PDF', async () => {
    try {
      const pdf = await openPdf(document)
      if (index >= pdf.pages)
        throw new RecordError('no-such-page', `page ${index + 1} of a document of ${pdf.pages}`)
      const dots = dpi === 0 ? dotsOf(objectsOf(pdf, index)) : dpi
      const layer = takesText ? textLayerOf(pdf, index, dots) : null
      return layer === null ? drawPage(pdf, index, dots) : textLayerRecord(layer, linesOf(layer), hasWords)
    } catch (error) {
      if (!(error instanceof PdfError)) throw error
      throw new RecordError('damaged-image', `the PDF cannot be opened: ${error.fault}`)
    }
  })
}

const usualDpi = 200

/** Where a scan covers the page, its own dots tell most; fewer are enlarged when they are read, and more only take longer. */
const scanShareMin = 0.5
const scanDpiMin = 150
const scanDpiMax = 300

function dotsOf({ pictureShare, pictureDpi }: ReturnType<typeof objectsOf>): number {
  if (pictureDpi === null || pictureShare < scanShareMin) return usualDpi
  return Math.max(scanDpiMin, Math.min(scanDpiMax, pictureDpi))
}

function linesOf({ runs }: TextLayer): TextLine[] {
  return inReadingOrder(runs).map((row) => {
    const words = wordsOf(row)
    return { text: words.map(({ text }) => text).join(' '), words, box: around(row), confidence: 1 }
  })
}

/** Times the height of a line: what is nearer belongs to the same word, as a raised figure does. */
const wordGapMin = 0.15

function wordsOf(row: readonly TextRun[]): TextWord[] {
  const words: TextWord[] = []
  for (const [i, run] of row.entries()) {
    const [first, ...others] = run.words.map((word) => ({ ...word, confidence: 1 }))
    const [before, last] = [row[i - 1], words.at(-1)]
    const isOne = before !== undefined && run.left - before.right < wordGapMin * heightOf(before)
    if (isOne && last !== undefined) {
      const box = around([last.box, first!.box])
      words.splice(-1, 1, { text: last.text + first!.text, box, confidence: 1 })
    } else words.push(first!)
    words.push(...others)
  }
  return words
}
