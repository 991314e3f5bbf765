/** The beginning of a text that somebody else wrote, for a cell of a table. */
import { clean } from '../../base/printable.ts'

export function excerpt(text: unknown, lettersMax = 34): string {
  const line = String(text ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return clean(line.length <= lettersMax ? line : `${line.slice(0, lettersMax - 1)}…`)
}
