/** The columns of Tesseract's TSV: a row for each page, block, paragraph, line and word, and confidences in per cent. */
import { around, type Bounds, isRead, type ReadPage, type UnplacedPage } from './page.ts'

const columns = [
  'level',
  'page_num',
  'block_num',
  'par_num',
  'line_num',
  'word_num',
  'left',
  'top',
  'width',
  'height',
  'conf',
  'text',
]

export function tsv(pages: readonly (ReadPage | UnplacedPage)[]): string {
  const rows = [columns.join('\t')]
  for (const page of pages) if (isRead(page)) rows.push(...rowsOf(page))
  return `${rows.join('\n')}\n`
}

function* rowsOf({ page, width, height, blocks }: ReadPage): Generator<string> {
  yield row(1, [page, 0, 0, 0, 0], [0, 0, width, height])
  for (const [i, block] of blocks.entries()) {
    const box = around(block.map((line) => line.box))
    yield row(2, [page, i + 1, 0, 0, 0], box)
    yield row(3, [page, i + 1, 1, 0, 0], box)
    for (const [j, line] of block.entries()) {
      yield row(4, [page, i + 1, 1, j + 1, 0], line.box)
      for (const [k, word] of line.words.entries())
        yield row(5, [page, i + 1, 1, j + 1, k + 1], word.box, (100 * word.confidence).toFixed(6), word.text)
    }
  }
}

function row(
  level: number,
  numbers: readonly number[],
  [left, top, right, bottom]: Bounds,
  confidence = '-1',
  text = '',
): string {
  // A word has no spaces, but for what another program calls one.
  const cell = text.replaceAll(/[\t\n\r]/g, ' ')
  return [level, ...numbers, left, top, right - left, bottom - top, confidence, cell].join('\t')
}
