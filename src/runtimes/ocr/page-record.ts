/** Writes the record of a page, in the fixed order of keys that makes equal findings equal bytes. */
import type { GrayImage } from '../imaging/gray-image.ts'
import type { TextLayer } from '../pdf/text-layer.ts'
import type { RecordOutput } from '../runtime.ts'
import type { Box } from './box.ts'
import { degreesOf } from './frame.ts'
import type { TextLine } from './page-text.ts'
import type { ReadPage } from './read-page.ts'
import type { UprightPage } from './upright.ts'

/**
 * `{"text", "width", "height", "dpi" (of a page of a PDF), "turnedDegrees", "skewDegrees", "model", "warnings", "lines": [{"text", "box", "confidence",
 * "words"}]}`; a box is its four corners [x, y] in whole pixels of the page as it came (once its file's orientation is heeded),
 * clockwise from the line's start; the page was turned clockwise by `turnedDegrees` to be read; skew is positive when lines sink to
 * the right then. A line's text is its words with a space between each two; a word is `{"text", "box", "confidence"}`, its box
 * [left, top, right, bottom] of the same page, upright there, since words are many. `hasWords`: else there are none in a line.
 */
export function pageRecord(
  page: GrayImage & { readonly dpi?: number },
  { upright, slope, lines, recogniser, warnings }: ReadPage,
  hasWords: boolean,
): RecordOutput {
  const text = lines.map((line) => line.text).join('\n')
  const record = {
    text,
    width: page.width,
    height: page.height,
    ...(page.dpi === undefined ? {} : { dpi: page.dpi }),
    turnedDegrees: upright.turnedDegrees,
    skewDegrees: degreesOf(slope),
    model: recogniser,
    warnings,
    lines: lines.map((line) => ({
      text: line.text,
      box: corners(page, upright, line.box),
      confidence: line.confidence,
      ...(hasWords && {
        words: line.words.map((word) => ({
          text: word.text,
          box: bounds(corners(page, upright, word.box)),
          confidence: word.confidence,
        })),
      }),
    })),
  }
  return { output: new TextEncoder().encode(JSON.stringify(record)), text }
}

/** The same of a page whose text stands in its file: `model` is "text-layer", and nothing was read. */
export function textLayerRecord(
  { width, height, dpi, hasPictures }: TextLayer,
  lines: readonly TextLine[],
  hasWords: boolean,
): RecordOutput {
  const text = lines.map((line) => line.text).join('\n')
  const rounded = ({ left, top, right, bottom }: Box): [number, number, number, number] => [
    Math.round(left),
    Math.round(top),
    Math.round(right),
    Math.round(bottom),
  ]
  const record = {
    text,
    width,
    height,
    dpi,
    turnedDegrees: 0,
    skewDegrees: 0,
    model: 'text-layer',
    warnings: hasPictures ? ['pictures-not-read'] : [],
    lines: lines.map((line) => {
      const [left, top, right, bottom] = rounded(line.box)
      return {
        text: line.text,
        box: [
          [left, top],
          [right, top],
          [right, bottom],
          [left, bottom],
        ],
        confidence: line.confidence,
        ...(hasWords && {
          words: line.words.map(({ text: own, box, confidence }) => ({
            text: own,
            box: rounded(box),
            confidence,
          })),
        }),
      }
    }),
  }
  return { output: new TextEncoder().encode(JSON.stringify(record)), text }
}

function corners(
  page: GrayImage,
  upright: UprightPage,
  { left, top, right, bottom }: Box,
): [number, number][] {
  const within = (value: number, max: number): number => Math.max(0, Math.min(max, Math.round(value)))
  const corner = (x: number, y: number): [number, number] => {
    const [pageX, pageY] = upright.toPage(x, y)
    return [within(pageX, page.width), within(pageY, page.height)]
  }
  return [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)]
}

function bounds(corners: readonly [number, number][]): [number, number, number, number] {
  const xs = corners.map(([x]) => x)
  const ys = corners.map(([, y]) => y)
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]
}
