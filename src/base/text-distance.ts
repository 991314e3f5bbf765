/**
 * How far a reading is from the truth: edit distance between texts whose white space is collapsed.
 *
 * Levenshtein's distance by Wagner and Fischer's table ("The String-to-String Correction Problem", Journal of
 * the ACM 21(1), 1974), of which only one row is kept. Characters are UTF-16 code units, which is what
 * counts for the languages at hand. Line breaks count as spaces, since where lines break says nothing about reading.
 */

/** Edits per character of truth: 0 is perfect, above 1 is possible. An empty truth gives 0 or Infinity. */
export function characterErrorRate(truth: string, text: string): number {
  const wanted = collapsed(truth)
  const edits = editDistance(wanted, collapsed(text))
  if (wanted.length === 0) return edits === 0 ? 0 : Number.POSITIVE_INFINITY
  return edits / wanted.length
}

/** Insertions, deletions and replacements that turn one text into the other. */
export function editDistance(from: string, to: string): number {
  const row = Uint32Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    let diagonal = row[0]!
    row[0] = i
    for (let j = 1; j <= to.length; j += 1) {
      const above = row[j]!
      const replaced = diagonal + (from.charCodeAt(i - 1) === to.charCodeAt(j - 1) ? 0 : 1)
      row[j] = Math.min(above + 1, row[j - 1]! + 1, replaced)
      diagonal = above
    }
  }
  return row[to.length]!
}

function collapsed(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
