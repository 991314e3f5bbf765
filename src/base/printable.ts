/**
 * Text that may be shown. Names, reasons and messages come from strangers, and a terminal obeys what it is shown: an
 * escape sequence moves its cursor, a line break forges a line of the log, and a sign that turns the direction of
 * writing makes one name look like another.
 */

/** Controls, formats (signs without a width, and those that turn the direction), line breaks, halves of letters. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const unprintables = new RegExp(unprintable, 'gu')
const lineEndsAndUnprintables = new RegExp(`\\r?\\n|${unprintable.source}`, 'gu')

/** Longer than any line that a person reads; a longer one is cut where it is not a record itself. */
export const lineLettersMax = 4_096

export function isPrintable(text: string): boolean {
  return !unprintable.test(text)
}

/** Returns the text as one line of at most so many letters that draws nothing: each sign that would is replaced by �. */
export function clean(text: string, lettersMax = Number.POSITIVE_INFINITY): string {
  // A letter is one or two units, so that this much is enough, and a megabyte is not looked at for the sake of a line.
  const start = text.length > 2 * lettersMax ? text.slice(0, 2 * lettersMax) : text
  const letters = start.replaceAll(unprintables, '�')
  if (letters.length <= lettersMax) return letters
  const all = [...letters]
  if (all.length <= lettersMax && start === text) return letters
  return `${all.slice(0, lettersMax - 1).join('')}…`
}

/** The same for several lines, which end as they did. */
export function cleanLines(text: string): string {
  return text.replaceAll(lineEndsAndUnprintables, (sign) => (sign.endsWith('\n') ? sign : '�'))
}

/** Returns JSON that reads the same and draws nothing: what JSON.stringify leaves as it is becomes \u escapes. */
export function printableJson(value: unknown): string {
  return escaped(JSON.stringify(value))
}

/** The same for a text that is JSON already, where such signs stand in strings only. */
export function escaped(json: string): string {
  return json.replaceAll(unprintables, (sign) =>
    sign
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}
