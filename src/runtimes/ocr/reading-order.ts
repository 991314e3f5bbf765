/**
 * Sorts boxes into lines of text in the order in which a person reads them.
 *
 * Recursive cutting (Nagy, Seth and Viswanathan, "A Prototype Document Image Analysis System", Computer 25(7),
 * 1992), with one change. The plain X-Y cut takes the widest gap, or rows and columns in turn, and reads two
 * columns of prose row by row whenever their lines happen to align. Here a cut between columns must be a
 * gutter: an empty strip with several lines of prose on both sides of it. Where a heading crosses the strip, the tallest
 * band of the page that has a gutter is looked for, and what lies above and below that band is read before and
 * after it; a caption in the middle of two columns is read between them. What has no gutter anywhere is one column: boxes that share a height are one line.
 */
import { around, type Box, heightOf, median, widthOf } from './box.ts'

/** Boxes of one line, left to right; lines in reading order. Keeps the boxes' identity. */
export function inReadingOrder<Item extends Box>(boxes: readonly Item[]): Item[][] {
  const usual = median(boxes.map(heightOf))
  return readRegion([...boxes].sort(byPosition), usual)
}

/** A few lines of a table may be as full as prose by chance. A guess. */
const bandMin = 10

/** Tells whether some part of the page, of so many boxes at least, has columns of prose side by side. */
export function hasColumns(boxes: readonly Box[]): boolean {
  const band = widestBand([...boxes].sort(byPosition), median(boxes.map(heightOf)))
  return sizeOf(band) >= bandMin
}

/** As on a page that is known to have no columns: boxes that share a height are one line. Keeps the boxes' identity. */
export function inRows<Item extends Box>(boxes: readonly Item[]): Item[][] {
  return readColumn(boxes)
}

/** Lines on each side of a gutter. Fewer would take a wide space within a heading or a signature for one. */
const linesBesideGutterMin = 3

/** Times the usual line height. Boxes reach a little beyond their letters, so that a narrow gutter is less. */
const gutterMin = 0.35

/** A column's usual line is this many times wider than high; page numbers in a table of contents are not. */
const columnWidthMin = 4

/** Each side must face the other over this share of the lower one's height. A guess. */
const facingMin = 0.5

function readRegion<Item extends Box>(boxes: readonly Item[], usual: number): Item[][] {
  const band = bandAroundCaption(boxes, usual) ?? widestBand(boxes, usual)
  if (band === undefined) return readColumn(boxes)
  const { above, left, right, below, between = [] } = band
  return [above, left, between, right, below].flatMap((part) =>
    part.length === 0 ? [] : readRegion(part, usual),
  )
}

/** A caption has so many lines, and what is read into a picture. More are a column. A guess. */
const captionBoxesMax = 4

/**
 * Two columns that give way to a picture in the middle of the page: its caption has lines on both sides of it, and without it the columns
 * are one band, or a taller one. Undefined where there is no such thing.
 */
function bandAroundCaption<Item extends Box>(boxes: readonly Item[], usual: number): Band<Item> | undefined {
  const between = boxes.filter((box) => {
    const besides = boxes.filter((other) => isBeside(other, box))
    return besides.some(({ right }) => right <= box.left) && besides.some(({ left }) => left >= box.right)
  })
  if (between.length === 0 || between.length > captionBoxesMax) return undefined
  const [plain, rest] = [boxes, boxes.filter((box) => !between.includes(box))].map((some) =>
    widestBand(some, usual),
  )
  return rest === undefined || sizeOf(rest) <= sizeOf(plain) + between.length
    ? undefined
    : { ...rest, between }
}

function sizeOf(band: Band<unknown> | undefined): number {
  return band === undefined ? 0 : band.left.length + band.right.length
}

interface Band<Item> {
  readonly above: readonly Item[]
  readonly left: readonly Item[]
  readonly right: readonly Item[]
  readonly below: readonly Item[]
  /** A caption between the columns, which is read after the left one. */
  readonly between?: readonly Item[]
}

/** The band with a gutter that holds the most boxes; the upper one of equals. */
function widestBand<Item extends Box>(boxes: readonly Item[], usual: number): Band<Item> | undefined {
  const rows = separableRows(boxes)
  for (let count = rows.length; count >= 1; count -= 1) {
    let best: Band<Item> | undefined
    let bestSize = 0
    for (let first = 0; first + count <= rows.length; first += 1) {
      const inside = rows.slice(first, first + count).flat()
      const sides = inside.length > bestSize ? splitAtGutter(inside, usual) : undefined
      if (sides === undefined) continue
      bestSize = inside.length
      best = {
        above: rows.slice(0, first).flat(),
        ...sides,
        below: rows.slice(first + count).flat(),
      }
    }
    if (best !== undefined) return best
  }
  return undefined
}

/** Groups that a horizontal line can part, top to bottom. Only the middle half of a box counts. */
function separableRows<Item extends Box>(boxes: readonly Item[]): Item[][] {
  const rows: Item[][] = []
  let reach = Number.NEGATIVE_INFINITY
  for (const box of [...boxes].sort((a, b) => middleTop(a) - middleTop(b) || byPosition(a, b))) {
    if (middleTop(box) >= reach) rows.push([])
    rows.at(-1)!.push(box)
    reach = Math.max(reach, middleBottom(box))
  }
  return rows
}

/** At the widest empty strip that passes for a gutter. */
function splitAtGutter<Item extends Box>(
  boxes: readonly Item[],
  usual: number,
): { left: Item[]; right: Item[] } | undefined {
  if (boxes.length < 2 * linesBesideGutterMin) return undefined
  const sorted = [...boxes].sort((a, b) => a.left - b.left || byPosition(a, b))
  const gaps: { at: number; width: number }[] = []
  let reach = sorted[0]!.right
  for (const [index, box] of sorted.entries()) {
    if (box.left - reach >= gutterMin * usual) gaps.push({ at: index, width: box.left - reach })
    reach = Math.max(reach, box.right)
  }
  gaps.sort((a, b) => b.width - a.width || a.at - b.at)
  for (const { at } of gaps) {
    const left = sorted.slice(0, at)
    const right = sorted.slice(at)
    if (!isColumn(left, usual) || !isColumn(right, usual) || !face(left, right)) continue
    if (!areCells(left, right, usual)) return { left, right }
  }
  return undefined
}

function isColumn(boxes: readonly Box[], usual: number): boolean {
  const lines = readColumn(boxes).map(around)
  return lines.length >= linesBesideGutterMin && median(lines.map(widthOf)) >= columnWidthMin * usual
}

/** Where more of a side's lines than this have one beside them at the same height, they may be rows of a table. */
const sharedRowsMin = 0.6

/** Lines of prose fill this share of their column, by their median; cells of a table do not. */
const filledMin = 0.75

/** And prose is this many times wider than its lines are high. */
const proseWidthMin = 8

/** Cells that share baselines are rows of a table, unless each side is filled as prose fills its column. */
function areCells(left: readonly Box[], right: readonly Box[], usual: number): boolean {
  const [a, b] = [readColumn(left), readColumn(right)]
  const [fewer, others] = a.length <= b.length ? [a, b] : [b, a]
  const paired = fewer.filter((line) => others.some((other) => isBeside(around(line), around(other))))
  if (paired.length < sharedRowsMin * fewer.length) return false
  return !isProse(a, usual) || !isProse(b, usual)
}

function isProse(lines: readonly (readonly Box[])[], usual: number): boolean {
  const whole = widthOf(around(lines.flat()))
  const filled = median(lines.map((line) => line.reduce((sum, box) => sum + widthOf(box), 0)))
  return whole >= proseWidthMin * usual && filled >= filledMin * whole
}

/** A share of the lower one's height; descenders and other sizes of type move a line's box by a fifth or so. */
const besideMin = 0.6

function isBeside(a: Box, b: Box): boolean {
  const shared = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return shared >= besideMin * Math.min(heightOf(a), heightOf(b))
}

function face(left: readonly Box[], right: readonly Box[]): boolean {
  const a = around(left)
  const b = around(right)
  const shared = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return shared >= facingMin * Math.min(heightOf(a), heightOf(b))
}

/** Boxes are one line when the middle of one lies within the middle half of the other. */
function readColumn<Item extends Box>(boxes: readonly Item[]): Item[][] {
  const lines: Item[][] = []
  for (const box of [...boxes].sort((a, b) => middle(a) - middle(b) || byPosition(a, b))) {
    const line = lines.at(-1)
    const joins = line?.some((other) => sharesLine(box, other)) ?? false
    if (joins) line!.push(box)
    else lines.push([box])
  }
  return lines.map((line) => line.sort((a, b) => a.left - b.left || byPosition(a, b)))
}

/** Two boxes above each other are never one line, however close: they overlap sideways. */
function sharesLine(a: Box, b: Box): boolean {
  const overlap = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  if (overlap > 0.5 * Math.min(widthOf(a), widthOf(b))) return false
  const taller = heightOf(a) >= heightOf(b) ? a : b
  const other = taller === a ? b : a
  return middle(other) > middleTop(taller) && middle(other) < middleBottom(taller)
}

function middle(box: Box): number {
  return (box.top + box.bottom) / 2
}

function middleTop(box: Box): number {
  return box.top + heightOf(box) / 4
}

function middleBottom(box: Box): number {
  return box.bottom - heightOf(box) / 4
}

/** A total order, so that no result depends on the order in which boxes were found. */
function byPosition(a: Box, b: Box): number {
  return a.top - b.top || a.left - b.left || a.bottom - b.bottom || a.right - b.right
}
