/** Drops boxes that are no text of their own: specks, and fragments of lines that another box covers. */
import { type Box, heightOf, median, widthOf } from './box.ts'

/** Times the usual height: lower and narrower than these is a speck; a full line of small print is neither. */
const speckHeightMax = 0.6
const speckWidthMax = 1.5

/** A box of which more than this lies within a wider one is a fragment. */
const coveredMax = 0.7

export function withoutStrays(boxes: readonly Box[]): Box[] {
  const usual = median(boxes.map(heightOf))
  const lines = boxes.filter(
    (box) => heightOf(box) >= speckHeightMax * usual || widthOf(box) >= speckWidthMax * usual,
  )
  return lines.filter((box) => !lines.some((other) => widthOf(other) > widthOf(box) && covers(other, box)))
}

function covers(other: Box, box: Box): boolean {
  const across = Math.min(other.right, box.right) - Math.max(other.left, box.left)
  const down = Math.min(other.bottom, box.bottom) - Math.max(other.top, box.top)
  return across > 0 && down > 0 && across * down > coveredMax * widthOf(box) * heightOf(box)
}
