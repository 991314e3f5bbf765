/**
 * Reads an upright page by PaddleOCR's two networks: find the text (detection.ts), order it (reading-order.ts), cut out each box and
 * read it (recognition.ts).
 *
 * The detector sees the page reduced, but never so far that its letters become too small for it: on small print at 150 dpi a
 * longest side of 960 pixels lost a tenth to three quarters of the characters, and 1,920 two in a hundred.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { stretchLevels } from '../imaging/levels.ts'
import { smoothed } from '../imaging/smooth.ts'
import { withoutSpecks } from '../imaging/specks.ts'
import { around, type Box, heightOf } from './box.ts'
import type { DecodedLine, DecodedWord } from './ctc.ts'
import { cut } from './cut.ts'
import { detectText } from './detection.ts'
import type { Model } from './engines.ts'
import { frameOfSlope, toX, toY } from './frame.ts'
import { smoothedMin } from './grain.ts'
import { meanConfidence, type TextLine, type TextWord } from './page-text.ts'
import { inReadingOrder } from './reading-order.ts'
import { recognise } from './recognition.ts'
import { withoutStrays } from './strays.ts'
import { partsOf } from './wide-gaps.ts'

export interface PaddleModels {
  readonly detector: Model
  readonly recogniser: Model
  readonly characters: readonly string[]
}

/** A line that is read with less confidence is a speck or a stain, not text. PaddleOCR's `drop_score`. */
const confidenceMin = 0.5

/** The detector's usual longest side: PaddleOCR's own default for documents. */
const sideUsual = 960

/** Letters of this height, in pixels, are found by the detector. Between 6 and 9 made no difference. */
const lettersFound = 7

/**
 * Reads lines once more of which Tesseract is not sure, one picture each, and keeps the readings that it is sure of itself. Cells that
 * stand far apart in one row are looked at one by one: read as one, they would lose the spaces between them. Lines with letters that
 * its dictionary lacks are left alone: it would read others in their place.
 */
export async function secondOpinion(
  models: PaddleModels,
  picture: GrayImage,
  lines: readonly TextLine[],
): Promise<TextLine[]> {
  const known = new Set(models.characters)
  const isDoubtful = ({ text, confidence }: TextLine) =>
    confidence < doubtfulBelow && [...text].every((character) => known.has(character))
  const reviewed: TextLine[] = []
  for (const line of lines) {
    const cells = isDoubtful(line) ? cellsOf(line) : []
    const read: TextLine[] = []
    for (const cell of cells) read.push(isDoubtful(cell) ? await readAgain(models, picture, cell) : cell)
    const isSame = read.every((cell, at) => cell === cells[at])
    reviewed.push(isSame ? line : read.length === 1 ? read[0]! : joined(read, line.box))
  }
  return reviewed
}

/** Times a line's height: a wider gap is more than a space between words, also in justified text. A guess. */
const cellGapMin = 1.5

function cellsOf(line: TextLine): TextLine[] {
  const cells: TextWord[][] = []
  for (const [at, word] of line.words.entries()) {
    const before = line.words[at - 1]
    const isApart = before !== undefined && word.box.left - before.box.right > cellGapMin * heightOf(line.box)
    if (isApart || cells.length === 0) cells.push([])
    cells.at(-1)!.push(word)
  }
  if (cells.length < 2) return [line]
  return cells.map((words) => ({
    text: words.map(({ text }) => text).join(' '),
    words,
    box: around(words.map(({ box }) => box)),
    confidence: meanConfidence(words),
  }))
}

function joined(cells: readonly TextLine[], box: Box): TextLine {
  const text = cells.map((cell) => cell.text).join(' ')
  return { text, words: cells.flatMap(({ words }) => words), box, confidence: meanConfidence(cells) }
}

async function readAgain(
  { recogniser, characters }: PaddleModels,
  picture: GrayImage,
  line: TextLine,
): Promise<TextLine> {
  const margin = heightOf(line.box) / 6
  const { left, top, right, bottom } = line.box
  const box = { left: left - margin, top: top - margin, right: right + margin, bottom: bottom + margin }
  const cutOut = withoutSpecks(stretchLevels(cut(picture, frameOfSlope(0), box)))
  const { text, words, confidence } = await recognise(recogniser, characters, cutOut)
  if (confidence < sureMin || lettersOf(text) === lettersOf(line.text)) return line
  const placed = words.map((word) => plainWord(word, { ...wordIn(box, word), top, bottom }))
  return { text, words: placed, box: line.box, confidence }
}

/**
 * Where both read the same letters and digits, Tesseract has the signs and the spaces: PaddleOCR takes a comma for a full stop, and ; for :
 * more often, and loses spaces.
 */
function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, '')
}

/** The part of a line's box that a word takes, in the box's own axes. */
function wordIn({ left, top, right, bottom }: Box, { from, to }: DecodedWord): Box {
  const width = right - left
  return { left: left + from * width, top, right: left + to * width, bottom }
}

function plainWord({ text, confidence }: DecodedWord, box: Box): TextWord {
  return { text, box, confidence }
}

/** Tesseract is sure of clean lines to 0.92 and more, PaddleOCR to 0.95. */
const doubtfulBelow = 0.9
const sureMin = 0.93

export interface PictureFacts {
  /** See upright.ts. */
  readonly letterHeight: number | undefined
  /** See grain.ts. */
  readonly grainPerMille: number
  /** The longest side, in pixels, to which the picture is reduced to find its text. */
  readonly sideMax: number
}

export async function readByPaddle(
  { detector, recogniser, characters }: PaddleModels,
  original: GrayImage,
  { letterHeight, grainPerMille, sideMax }: PictureFacts,
): Promise<TextLine[]> {
  const picture = grainPerMille < smoothedMin ? original : smoothed(original)
  const longest = Math.max(picture.width, picture.height)
  const needed = letterHeight === undefined ? 0 : Math.ceil((longest * lettersFound) / letterHeight)
  const { frame, boxes } = await detectText(detector, picture, Math.min(sideMax, Math.max(sideUsual, needed)))
  const pictureOf = (box: Box) => withoutSpecks(stretchLevels(cut(picture, frame, box)))
  const parts = withoutStrays(boxes.flatMap((box) => partsOf(box, pictureOf(box))))
  const lines: TextLine[] = []
  for (const line of inReadingOrder(parts)) {
    const read: (DecodedLine & { box: Box })[] = []
    for (const box of line) {
      const decoded = await recognise(recogniser, characters, pictureOf(box))
      if (decoded.text !== '' && decoded.confidence >= confidenceMin) read.push({ ...decoded, box })
    }
    if (read.length === 0) continue
    lines.push({
      text: read.map((part) => part.text).join(' '),
      words: read.flatMap(({ words, box }) =>
        words.map((word) => plainWord(word, onPicture(wordIn(box, word)))),
      ),
      box: onPicture(around(read.map((part) => part.box))),
      confidence: read.reduce((sum, part) => sum + part.confidence, 0) / read.length,
    })
  }
  return lines

  /** The picture is level but for a fraction of a degree, so that a box loses next to nothing. */
  function onPicture({ left, top, right, bottom }: Box): Box {
    const corners = [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ] as const
    return around(
      corners.map(([along, down]) => {
        const x = toX(frame, along, down)
        const y = toY(frame, along, down)
        return { left: x, right: x, top: y, bottom: y }
      }),
    )
  }
}
