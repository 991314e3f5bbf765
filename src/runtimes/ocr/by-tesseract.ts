/**
 * Reads an upright page by Tesseract, in one language or several.
 *
 * The first language reads the page. Where its confidence leaves doubt, the least certain of its long lines are read once more, by all:
 * a second look is often a surer one, so that it counts for another language only what it is surer than the first one's second look. The
 * language that is surest by a margin reads the page, and lines that are in doubt even so are the others' to try. So a page in the first
 * language costs one reading and a few lines, and a page in another one two, however many are named.
 *
 * Tesseract takes a table for columns. So it lays the page out first without reading it; only where its lines stand in columns of
 * prose (reading-order.ts) it reads them as columns, in its own order, and else as one column whose lines are rows. Where no two
 * lines are beside each other both are the same, so that the layout that it has serves.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { around, type Box, heightOf, median, widthOf } from './box.ts'
import { meanConfidence, type TextLine, type TextWord } from './page-text.ts'
import { hasColumns, inRows } from './reading-order.ts'
import { withSignsAsMeant } from './signs.ts'
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
const overlookedHeightMax = 2.5
const ruleHeightMax = 5

export function readByTesseract(readers: readonly PageReader[], picture: GrayImage): TextLine[] {
  const [first] = readers
  const laidOut = withoutRules(first!.layout(picture))
  const isInColumns = hasColumns(laidOut)
  const isLaidOut = isInColumns || inRows(laidOut).every((row) => row.length === 1)
  const mode = isLaidOut ? withColumns : oneColumn
  const linesBy = (reader: PageReader): TextLine[] => {
    const words = reader.read(picture, mode)
    const lines = linesOf(words)
    return isInColumns
      ? lines
      : overlooked(reader, picture, words, lines).reduce((all, part) => withPart(all, part), lines)
  }
  const byFirst = linesBy(first!)
  const best = surest(readers, picture, byFirst)
  if (best === undefined) return isInColumns ? byFirst : joinedInRows(byFirst)
  const byBest = linesBy(best)
  const [reader, lines] = meanConfidence(byBest) > meanConfidence(byFirst) ? [best, byBest] : [first, byFirst]
  const others = readers.filter((other) => other !== reader)
  const read = lines.map((line) => bestReading(others, picture, line))
  return isInColumns ? read : joinedInRows(read)
}

/** So many places are looked at once more, at most. A guess. */
const overlookedMax = 16
const overlookedConfidenceMin = 0.8

/** Lines in places of a line's size where Tesseract sees a picture, such as white letters on a dark bar. */
function overlooked(
  reader: PageReader,
  picture: GrayImage,
  words: readonly Word[],
  lines: readonly TextLine[],
): TextLine[] {
  if (lines.length === 0) return [] // a blank page has a box of no size
  const usual = median(lines.map(({ box }) => heightOf(box)))
  return words
    .filter(
      ({ text, box }) =>
        text === '' &&
        heightOf(box) >= Math.max(1, usual * lineHeightMin) &&
        heightOf(box) <= usual * overlookedHeightMax &&
        widthOf(box) >= heightOf(box),
    )
    .slice(0, overlookedMax)
    .flatMap(({ box }) => readAgain(reader, picture, { box }) ?? [])
    .filter(({ text, confidence }) => confidence >= overlookedConfidenceMin && text.length > 1)
}

/** A line that runs on both sides of the part takes it in. */
function withPart(lines: TextLine[], part: TextLine): TextLine[] {
  const middle = (part.box.top + part.box.bottom) / 2
  const own = lines.findIndex(
    ({ box, words }) =>
      box.left < part.box.left &&
      box.right > part.box.right &&
      box.top < middle &&
      box.bottom > middle &&
      words.every((word) => word.box.right <= part.box.left || word.box.left >= part.box.right),
  )
  if (own === -1) return [...lines, part]
  const words = [...lines[own]!.words, ...part.words].sort((a, b) => a.box.left - b.box.left)
  return lines.with(own, { ...lines[own]!, words, text: words.map(({ text }) => text).join(' ') })
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
    const kept = withSignsAsMeant(line).filter(
      ({ text, confidence }) => confidence >= signConfidenceMin || /[\p{L}\p{N}•]/u.test(text),
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

/** Lines that are read with this confidence leave no language in doubt. */
const sureMin = 0.96
const triedMax = 3
/** Measured on these lines: English text is in doubt by less than the first at times, German and French only where something spoils a line. */
const doubtfulBelow = 0.9
/** By how much a language must be surer. Measured: of French and German the right one by 0.09 to 0.15, of English another by 0.02 at most. */
const surerMin = 0.04

/** The reader that is surer than the first, by a margin, of the lines that the first is least sure of; undefined where there is none. */
function surest(
  [first, ...others]: readonly PageReader[],
  picture: GrayImage,
  lines: readonly TextLine[],
): PageReader | undefined {
  if (others.length === 0) return undefined
  const doubtful = lines.filter((line) => line.confidence < sureMin)
  const long = doubtful.filter((line) => line.text.length >= 20)
  const tried = (long.length > 0 ? long : doubtful)
    .toSorted((a, b) => a.confidence - b.confidence || a.box.top - b.box.top)
    .slice(0, triedMax)
  const confidence = meanConfidence(tried)
  if (tried.length === 0 || confidence >= doubtfulBelow) return undefined
  const by = (reader: PageReader) =>
    meanConfidence(tried.map((line) => readAgain(reader, picture, line) ?? line))
  let best: PageReader | undefined
  let least = Math.max(confidence, by(first!)) + surerMin
  for (const reader of others) {
    const sureness = by(reader)
    if (sureness < least) continue
    best = reader
    least = sureness
  }
  return best
}

function bestReading(readers: readonly PageReader[], picture: GrayImage, line: TextLine): TextLine {
  if (line.confidence >= doubtfulBelow) return line
  let best = line
  let least = line.confidence + surerMin
  for (const reader of readers) {
    const again = readAgain(reader, picture, line)
    if (again === undefined || again.confidence < least) continue
    best = again
    least = again.confidence
  }
  return best
}

function readAgain(
  reader: PageReader,
  picture: GrayImage,
  { box }: Pick<TextLine, 'box'>,
): TextLine | undefined {
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
