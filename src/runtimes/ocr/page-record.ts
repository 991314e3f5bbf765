/** Writes the record of a page, in the fixed order of keys that makes equal findings equal bytes. */
import type { GrayImage } from '../imaging/gray-image.ts'
import type { RecordOutput } from '../runtime.ts'
import type { Box } from './box.ts'
import { degreesOf, type Frame, toX, toY } from './frame.ts'

export interface ReadLine {
  readonly text: string
  readonly box: Box
  readonly confidence: number
}

/**
 * `{"text", "width", "height", "skewDegrees", "lines": [{"text", "box", "confidence"}]}`; a box is its four
 * corners [x, y] in whole pixels of the upright page, clockwise from the line's start; skew is positive when
 * lines sink to the right.
 */
export function pageRecord(page: GrayImage, frame: Frame, lines: readonly ReadLine[]): RecordOutput {
  const text = lines.map((line) => line.text).join('\n')
  const record = {
    text,
    width: page.width,
    height: page.height,
    skewDegrees: degreesOf(frame),
    lines: lines.map((line) => ({
      text: line.text,
      box: corners(page, frame, line.box),
      confidence: line.confidence,
    })),
  }
  return { output: new TextEncoder().encode(JSON.stringify(record)), text }
}

function corners(page: GrayImage, frame: Frame, { left, top, right, bottom }: Box): [number, number][] {
  const within = (value: number, max: number): number => Math.max(0, Math.min(max, Math.round(value)))
  const corner = (along: number, down: number): [number, number] => [
    within(toX(frame, along, down), page.width),
    within(toY(frame, along, down), page.height),
  ]
  return [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)]
}
