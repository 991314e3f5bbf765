/**
 * Reads an upright page by Tesseract, in one language or several.
 *
 * The first language reads the page. Where its confidence leaves doubt, the least certain of its long lines are read by the others
 * too; a language that is surer of these by a margin reads all lines that the first was not sure of, and of each line the
 * reading with the highest confidence stays. So a page in the first language costs one reading, however many are named.
 *
 * Tesseract takes a table for columns. So it lays the page out first without reading it; only where its lines stand in columns of
 * prose (reading-order.ts) it reads them as columns, in its own order, and else as one column whose lines are rows. Where no two
 * lines are beside each other both are the same, so that the layout that it has serves.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { around, type Box, heightOf, median } from './box.ts'
import { meanConfidence, type TextLine, type TextWord } from './page-text.ts'
import { hasColumns, inRows } from './reading-order.ts'
import type { PageReader, Word } from './tesseract.ts'

/** Automatic layout, a single column of text of variable sizes, and a single line. */
const withColumns = 3
const oneColumn = 4
const singleLine = 7

/** Lines below this are what Tesseract makes of specks and pictures; so are words of signs alone that it is not sure of. */
const lineConfidenceMin = 0.25
const signConfidenceMin = 0.5

/** Times the usual height: the layout's lower lines are rules of forms and tables, its higher ones their frames and pictures. */
const lineHeightMin = 0.5
const lineHeightMax = 4
const ruleHeightMax = 5

export function readByTesseract(readers: readonly PageReader[], picture: GrayImage): TextLine[] {
  const [first, ...others] = readers
  const laidOut = withoutRules(first!.layout(picture))
  const isInColumns = hasColumns(laidOut)
  const isLaidOut = isInColumns || inRows(laidOut).every((row) => row.length === 1)
  const lines = linesOf(first!.read(picture, isLaidOut ? withColumns : oneColumn))
  const better = others.filter((reader) => isSurer(reader, picture, lines))
  const read = better.length === 0 ? lines : lines.map((line) => bestReading(better, picture, line))
  return isInColumns ? read : joinedInRows(read)
}

function withoutRules(boxes: readonly Box[]): Box[] {
  const high = boxes.filter((box) => heightOf(box) > ruleHeightMax)
  const usual = median(high.map(heightOf))
  return high.filter(
    (box) => heightOf(box) >= lineHeightMin * usual && heightOf(box) <= lineHeightMax * usual,
  )
}

function linesOf(words: readonly Word[]): TextLine[] {
  const lines: Word[][] = []
  for (const word of words) {
    if (word.startsLine || lines.length === 0) lines.push([])
    if (word.text !== '') lines.at(-1)!.push(word)
  }
  return lines.flatMap((line) => {
    const kept = line.filter(
      ({ text, confidence }) => confidence >= signConfidenceMin || /[\p{L}\p{N}]/u.test(text),
    )
    const read = kept.length === 0 ? undefined : lineOf(kept)
    return read === undefined || read.confidence < lineConfidenceMin ? [] : [read]
  })
}

/** A word of Tesseract's may have spaces within: those of a line are what stands between two of them. */
function singleWords({ text, box, confidence }: Word): TextWord[] {
  return text.split(/\s+/).map((part) => ({ text: part, box, confidence }))
}

function lineOf(words: readonly Word[]): TextLine {
  const length = words.reduce((sum, word) => sum + word.text.length, 0)
  const single = words.flatMap(singleWords)
  return {
    text: single.map((word) => word.text).join(' '),
    words: single,
    box: around(words.map((word) => word.box)),
    confidence: words.reduce((sum, word) => sum + word.confidence * word.text.length, 0) / length,
  }
}

/** On clean pages the right language gives 0.94 to 0.97, another one 0.5 to 0.95. */
const sureMin = 0.96

/** Lines that are tried in another language, and by how much it must be surer of them. */
const triedMax = 3
const surerMin = 0.015

function isSurer(reader: PageReader, picture: GrayImage, lines: readonly TextLine[]): boolean {
  const doubtful = lines.filter((line) => line.confidence < sureMin && line.text.length >= 20)
  const pool = doubtful.length > 0 ? doubtful : lines.filter((line) => line.confidence < sureMin)
  const tried = pool
    .toSorted((a, b) => a.confidence - b.confidence || a.box.top - b.box.top)
    .slice(0, triedMax)
  if (tried.length === 0) return false
  return (
    meanConfidence(tried.map((line) => readAgain(reader, picture, line) ?? line)) >=
    meanConfidence(tried) + surerMin
  )
}

function bestReading(readers: readonly PageReader[], picture: GrayImage, line: TextLine): TextLine {
  if (line.confidence >= sureMin) return line
  let best = line
  for (const reader of readers) {
    const again = readAgain(reader, picture, line)
    if (again !== undefined && again.confidence > best.confidence) best = again
  }
  return best
}

function readAgain(reader: PageReader, picture: GrayImage, { box }: TextLine): TextLine | undefined {
  const margin = Math.ceil(heightOf(box) / 4)
  const cut = cutOut(picture, box, margin)
  const read = linesOf(reader.read(cut, singleLine))
  if (read.length === 0) return undefined
  const [left, top] = [Math.floor(box.left) - margin, Math.floor(box.top) - margin]
  const words = read.flatMap((line) =>
    line.words.map((word) => ({ ...word, box: moved(word.box, left, top) })),
  )
  return { text: read.map((line) => line.text).join(' '), words, box, confidence: meanConfidence(read) }
}

function moved({ left, top, right, bottom }: Box, x: number, y: number): Box {
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y }
}

/** With white where the margin leaves the picture. */
function cutOut({ width, height, pixels }: GrayImage, box: Box, margin: number): GrayImage {
  const left = Math.floor(box.left) - margin
  const top = Math.floor(box.top) - margin
  const cut = { width: Math.ceil(box.right) + margin - left, height: Math.ceil(box.bottom) + margin - top }
  const out = new Uint8Array(cut.width * cut.height).fill(255)
  const from = Math.max(0, left)
  const to = Math.min(width, left + cut.width)
  for (let y = Math.max(0, -top); y < cut.height && top + y < height; y += 1)
    out.set(pixels.subarray((top + y) * width + from, (top + y) * width + to), y * cut.width + from - left)
  return { ...cut, pixels: out }
}

function joinedInRows(lines: readonly TextLine[]): TextLine[] {
  return inRows(lines.map((line) => ({ ...line.box, line }))).map((row) => {
    const parts = row.map(({ line }) => line)
    return {
      text: parts.map((part) => part.text).join(' '),
      words: parts.flatMap((part) => part.words),
      box: around(row),
      confidence: meanConfidence(parts),
    }
  })
}
