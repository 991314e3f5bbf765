/** The doubts that a record states about its own text, so that nobody takes a page for read that was not. */
import { histogram, otsu } from '../imaging/light.ts'
import { meanConfidence, type TextLine } from './page-text.ts'
import type { UprightPage } from './upright.ts'

/**
 * 'nothing-read': the page has ink and no text was read. 'low-confidence': the recogniser is unsure of the page as a whole.
 * 'page-turned-90', 'page-turned-180': the page was read after turning it, by a quarter or upside down. A page whose text was taken
 * from its PDF may have 'pictures-not-read' (page-record.ts): there are pictures beside the text.
 */
export type Warning = 'nothing-read' | 'low-confidence' | 'page-turned-90' | 'page-turned-180'

/** Pages in a script that the recognisers do not know came to 0.2 to 0.75, those that they read well to 0.9 and more. */
const confidenceMin = 0.75

/** A page of which less than this is ink counts as blank: a few hundred pixels of dust on A4. */
const inkShareMin = 0.0005

export function warningsOf(page: UprightPage, lines: readonly TextLine[]): Warning[] {
  const warnings: Warning[] = []
  if (lines.length === 0) {
    if (inkShare(page) >= inkShareMin) warnings.push('nothing-read')
  } else if (meanConfidence(lines) < confidenceMin) warnings.push('low-confidence')
  if (page.turnedDegrees === 90 || page.turnedDegrees === 270) warnings.push('page-turned-90')
  if (page.turnedDegrees === 180) warnings.push('page-turned-180')
  return warnings
}

/** Ink is darker than both the threshold and half of white: a blank page's grain has a threshold too. */
function inkShare({ picture: { pixels } }: UprightPage): number {
  const counts = histogram(pixels)
  const threshold = Math.min(128, otsu(counts))
  let ink = 0
  for (let gray = 0; gray <= threshold; gray += 1) ink += counts[gray]!
  return ink / pixels.length
}
