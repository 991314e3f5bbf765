/**
 * Characters that look alike, of which PaddleOCR takes one for the other by chance: the letter O and the digit 0 in much print, above all
 * in that of tills, and signs in their two widths.
 *
 * A word that begins with a digit and has nothing but digits and O's is a number; one of capitals with a few zeros among them is a
 * word. Anything else is left as it was read: of codes that mix letters and digits nobody can tell.
 */

/**
 * Returns a line's characters with signs of double width in single width, where none of the characters is of eastern Asia: PaddleOCR's
 * dictionary has many signs in two widths, and it takes the wide ones for those of grainy print.
 */
export function inSingleWidth(line: readonly string[]): readonly string[] {
  if (!line.some((character) => wide.test(character)) || line.some((character) => eastern.test(character)))
    return line
  return line.map((character) =>
    wide.test(character) ? String.fromCharCode(character.charCodeAt(0) - wideOffset) : character,
  )
}

/** U+FF01 to U+FF5E are ASCII's signs in double width, in ASCII's order (Unicode, Halfwidth and Fullwidth Forms). */
const wide = /^[\uff01-\uff5e]$/
const wideOffset = 0xfee0
const eastern = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** A digit first, then digits, signs within numbers, and the letter. */
const number = /^[^\p{L}\p{N}]*\d[\dOo.,:/-]*$/u
/** Capitals and zeros, and signs around them. */
const capitals = /^[^\p{L}\p{N}]*[\p{Lu}0]+[^\p{L}\p{N}]*$/u

/** So many letters for each zero: 0IL is a word, and A0 may be a size of paper. */
const lettersPerZero = 2

/** Returns a word with its O's or zeros as they are meant. */
export function withoutLookAlikes(word: string): string {
  if (number.test(word)) return word.replace(/[Oo]/g, '0')
  const zeros = word.split('0').length - 1
  const letters = word.match(/\p{L}/gu)?.length ?? 0
  return zeros > 0 && letters >= lettersPerZero * zeros && capitals.test(word)
    ? word.replaceAll('0', 'O')
    : word
}
