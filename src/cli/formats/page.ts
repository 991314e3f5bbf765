/**
 * A page of a document as the formats need it: its lines in blocks, and its words with their places, all in pixels of the page as it
 * came.
 */
import { z } from 'zod'
import type { ResultLine } from '../../host/api.ts'

/** Left, top, right and bottom. */
export type Bounds = readonly [left: number, top: number, right: number, bottom: number]

export interface PageWord {
  readonly text: string
  readonly box: Bounds
  /** 0 to 1. */
  readonly confidence: number
}

type Point = readonly [x: number, y: number]

export interface PageLine {
  readonly words: readonly PageWord[]
  readonly box: Bounds
  /** The corners, clockwise from the line's start: lines of a skewed or turned page run elsewhere than to the right. */
  readonly corners: readonly [Point, Point, Point, Point]
}

export interface ReadPage {
  /** Counted from 1. */
  readonly page: number
  readonly width: number
  readonly height: number
  /** Degrees clockwise by which the page has to be turned to stand upright. */
  readonly turnedDegrees: number
  /** The dots per inch at which a page of a PDF was drawn, in whose pixels places are; null for a picture. */
  readonly dpi: number | null
  /** Lines that stand one below the other. */
  readonly blocks: readonly (readonly PageLine[])[]
}

/** A page that has an error in place of a record, or a record without places. */
export interface UnplacedPage {
  readonly page: number
  readonly why: string
}

const confidence = z.number().min(0).max(1)
const natural = z.number().int().min(0)
const point = z.tuple([natural, natural])
const recordSchema = z.object({
  width: natural.min(1),
  height: natural.min(1),
  turnedDegrees: z.number(),
  dpi: z.number().min(1).max(10_000).optional(),
  lines: z.array(
    z.object({
      box: z.tuple([point, point, point, point]),
      words: z.array(
        z.object({ text: z.string(), box: z.tuple([natural, natural, natural, natural]), confidence }),
      ),
    }),
  ),
})

/** Reads a line of results; what vehicles agreed on need be no record of ours. */
export function pageOf({ page, result, error }: ResultLine): ReadPage | UnplacedPage {
  if (error !== null) return { page, why: `${error.code}: ${error.message}` }
  const record = recordSchema.safeParse(result)
  if (!record.success)
    return {
      page,
      why: 'its record does not say where its words stand; submit with --format, or with --engine exact and without --option words=off',
    }
  const { width, height, turnedDegrees, dpi = null, lines } = record.data
  // A line without words has nothing to show, and ALTO has none.
  const placed = lines
    .filter(({ words }) => words.length > 0)
    .map(({ box, words }): PageLine => ({ words, box: boundsOf(box), corners: box }))
  return { page, width, height, turnedDegrees, dpi, blocks: inBlocks(placed, turnedDegrees) }
}

export function isRead(page: ReadPage | UnplacedPage): page is ReadPage {
  return 'blocks' in page
}

export function around(boxes: readonly Bounds[]): Bounds {
  // Not spread into Math.min: a page may have more lines than a call takes arguments.
  return boxes.reduce(([left, top, right, bottom], box) => [
    Math.min(left, box[0]),
    Math.min(top, box[1]),
    Math.max(right, box[2]),
    Math.max(bottom, box[3]),
  ])
}

function boundsOf(corners: readonly Point[]): Bounds {
  return around(corners.map(([x, y]) => [x, y, x, y]))
}

/** Times a line's height: a wider gap begins a new block. Between the lines of a paragraph it is 0.2 to 1. A guess. */
const gapMax = 1.5

/** The records name lines in reading order and nothing above them: a block ends where the next line does not stand right below. */
function inBlocks(lines: readonly PageLine[], turnedDegrees: number): PageLine[][] {
  const blocks: PageLine[][] = []
  for (const line of lines) {
    const above = blocks.at(-1)?.at(-1)
    if (
      above !== undefined &&
      isRightBelow(upright(above.box, turnedDegrees), upright(line.box, turnedDegrees))
    )
      blocks.at(-1)!.push(line)
    else blocks.push([line])
  }
  return blocks
}

/** As the box stands once its page is turned, but for where the page begins. */
function upright([left, top, right, bottom]: Bounds, turnedDegrees: number): Bounds {
  if (turnedDegrees === 90) return [-bottom, left, -top, right]
  if (turnedDegrees === 180) return [-right, -bottom, -left, -top]
  if (turnedDegrees === 270) return [top, -right, bottom, -left]
  return [left, top, right, bottom]
}

function isRightBelow([left, top, right, bottom]: Bounds, below: Bounds): boolean {
  const height = Math.min(bottom - top, below[3] - below[1])
  const gap = below[1] - bottom
  return gap > -height && gap < gapMax * height && below[0] < right && below[2] > left
}
