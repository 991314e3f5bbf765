/**
 * Signs that Tesseract takes for others: its networks never saw bullets, and the I of a sans serif is a bar.
 *
 * Where they stand shows what they are: a rule between cells is higher than the line's letters, and a full stop lies on its foot.
 */
import { around, type Box, heightOf, widthOf } from './box.ts'
import type { Word } from './tesseract.ts'

const letterOrDigit = /[\p{L}\p{N}]/u

/** Returns the words of a line, in order, with those signs as they are meant. */
export function withSignsAsMeant(line: readonly Word[]): Word[] {
  const letters = line.filter(({ text }) => letterOrDigit.test(text))
  if (letters.length === 0) return [...line]
  const body = around(letters.map(({ box }) => box))
  return line.map((word, at) => {
    if (at === 0 && isBullet(word, body) && line.length > 1) return { ...word, text: '•' }
    return word.text.startsWith('|') && isWithin(word.box, body) && isBare(word.text)
      ? { ...word, text: `I${word.text.slice(1)}` }
      : word
  })
}

/** The word is I by itself, or with its verb: |'m, |'ll. */
function isBare(text: string): boolean {
  return /^\|([’'][a-z]+)?[.,;:!?]?$/.test(text)
}

/** Shares of the letters' height: a rule reaches beyond them. */
const reachMax = 0.15

function isWithin(box: Box, body: Box): boolean {
  const reach = reachMax * heightOf(body)
  return box.top >= body.top - reach && box.bottom <= body.bottom + reach
}

/** A bullet is about as wide as high, lower than letters and higher than a speck, and floats between their foot and head. Guesses. */
const bulletSidesMax = 1.7
const [bulletHeightMin, bulletHeightMax] = [0.15, 0.6]
const [bulletFrom, bulletTo] = [0.3, 0.75]

function isBullet({ text, box }: Word, body: Box): boolean {
  if (text.length !== 1 || letterOrDigit.test(text)) return false
  const [width, height] = [widthOf(box), heightOf(box)]
  const middle = ((box.top + box.bottom) / 2 - body.top) / heightOf(body)
  return (
    width <= bulletSidesMax * height &&
    height <= bulletSidesMax * width &&
    height >= bulletHeightMin * heightOf(body) &&
    height <= bulletHeightMax * heightOf(body) &&
    middle >= bulletFrom &&
    middle <= bulletTo
  )
}
