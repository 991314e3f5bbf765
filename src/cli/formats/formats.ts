/** The formats of results, and what each of them needs of a job. */

import { escaped } from '../../base/printable.ts'
import type { ResultLine } from '../../host/api.ts'
import { alto } from './alto.ts'
import { hocr } from './hocr.ts'
import { isRead, pageOf, type ReadPage, type UnplacedPage } from './page.ts'
import { tsv } from './tsv.ts'

/** In the order in which help texts show them. */
export const formatNames = ['jsonl', 'text', 'hocr', 'alto', 'tsv', 'pdf'] as const
export type Format = (typeof formatNames)[number]

/** The ending of a document's file. */
export const extensions: Readonly<Record<Format, string>> = {
  jsonl: '.jsonl',
  text: '.txt',
  hocr: '.hocr',
  alto: '.xml',
  tsv: '.tsv',
  pdf: '.pdf',
}

/** Formats that say where words stand: for records that have words, which are those of the exact engine. */
export function hasPlaces(format: Format): boolean {
  return format !== 'jsonl' && format !== 'text'
}

/** A document's file in a format other than PDF, from the results of its pages. */
export function documentText(
  format: Exclude<Format, 'pdf'>,
  document: string,
  lines: readonly ResultLine[],
  pages: readonly (ReadPage | UnplacedPage)[],
): string {
  switch (format) {
    case 'jsonl':
      return lines.map((line) => `${jsonLine(line)}\n`).join('')
    case 'text':
      // As Tesseract and pdftotext: a page ends where the next begins.
      return lines.map(pageText).join('\f')
    case 'hocr':
      return hocr(document, pages)
    case 'alto':
      return alto(document, pages)
    case 'tsv':
      return tsv(pages)
  }
}

/** The same value to a program; a stranger's words in it must not draw on the terminal of whoever looks at it. */
export function jsonLine(line: ResultLine): string {
  return escaped(JSON.stringify(line))
}

/** The text of a page, with a line's end; empty for a page without text. */
export function pageText({ result }: ResultLine): string {
  return typeof result?.text === 'string' && result.text !== '' ? `${result.text}\n` : ''
}

/** Why a format cannot show a page; null where it can, or where the page ended in an error, which is told elsewhere. */
export function lackOf(format: Format, line: ResultLine): string | null {
  if (line.error !== null || format === 'jsonl') return null
  if (format === 'text') return typeof line.result?.text === 'string' ? null : 'its result is no text'
  const page = pageOf(line)
  return isRead(page) ? null : page.why
}

/** Tells whether the document's file has something of this page. A PDF shows the pictures of pages that nobody could read, too. */
export function isShown(format: Format, line: ResultLine): boolean {
  if (format === 'jsonl' || format === 'pdf') return true
  return line.error === null && lackOf(format, line) === null
}
