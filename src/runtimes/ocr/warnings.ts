/** The doubts that a record states about its own text, so that nobody takes a page for read that was not. */
import { histogram, otsu } from '../imaging/light.ts'
import { meanConfidence, type TextLine } from './page-text.ts'
import type { UprightPage } from './upright.ts'

/**
 * 'nothing-read': the page has ink and no text was read. 'low-confidence': the recogniser is unsure of the page as a whole.
 * 'script-not-covered': letters that are clear to see are none of the recognisers'. 'page-turned-90', 'page-turned-180': the page was read after turning it, by a quarter or upside down. A page whose text was taken
 * from its PDF may have 'pictures-not-read' (page-record.ts): there are pictures beside the text.
 */
export type Warning =
  | 'nothing-read'
  | 'low-confidence'
  | 'script-not-covered'
  | 'page-turned-90'
  | 'page-turned-180'

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

/**
 * On clean pages of letters, the first recogniser comes to this at most where it does not know their script: 0 to 0.4 in Cyrillic, Greek,
 * Hebrew, Arabic, Devanagari, Thai, Georgian, Armenian and Bengali; to 0.85 and more in Latin, also in a language that it was not told.
 */
const knownScriptMin = 0.5

/** The second recogniser then reads shapes as the letters that they resemble, with 0.6 to 0.89; where it knows the script, with 0.97 and more. */
const surelyRead = 0.93
/** Chinese is the second one's own script. */
const chineseShareMin = 0.5
const chineseConfidenceMin = 0.8

/**
 * Tells whether a clean page has letters of a script that neither recogniser knows. `first`: by the recogniser that was asked first;
 * `lines`: what stays of it, or of the other's reading. On a grainy page low confidence says nothing of the script, and this is not asked.
 */
export function isOfAnotherScript(
  { letterHeight }: Pick<UprightPage, 'letterHeight'>,
  first: readonly TextLine[],
  lines: readonly TextLine[],
): boolean {
  if (letterHeight === undefined || letterHeight < clearLetters) return false
  if (first.length > 0 && meanConfidence(first) >= knownScriptMin) return false
  const letters = lines.flatMap(({ text }) => text.match(/\p{L}/gu) ?? [])
  if (letters.length < lettersMin) return false
  if (lines === first) return true
  const chinese = letters.filter((letter) => /\p{Script=Han}/u.test(letter))
  const isChinese = chinese.length >= chineseShareMin * letters.length
  return meanConfidence(lines) < (isChinese ? chineseConfidenceMin : surelyRead)
}

/** In pixels: smaller ones may be unclear in any script. */
const clearLetters = 9
/** Fewer are read of a picture, by mistake. A guess. */
const lettersMin = 20

/** Ink is darker than both the threshold and half of white: a blank page's grain has a threshold too. */
function inkShare({ picture: { pixels } }: UprightPage): number {
  const counts = histogram(pixels)
  const threshold = Math.min(128, otsu(counts))
  let ink = 0
  for (let gray = 0; gray <= threshold; gray += 1) ink += counts[gray]!
  return ink / pixels.length
}
