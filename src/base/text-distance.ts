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

/**
 * Tells whether so many edits are enough, in time proportional to the length and to `editsMax`: only the diagonals
 * that they can reach are looked at (Ukkonen, "Algorithms for approximate string matching", Information and Control
 * 64, 1985).
 */
export function withinEdits(from: string, to: string, editsMax: number): boolean {
  if (Math.abs(from.length - to.length) > editsMax) return false
  const tooMany = editsMax + 1
  let row = new Uint32Array(to.length + 1).fill(tooMany)
  let next = new Uint32Array(to.length + 1).fill(tooMany)
  for (let j = 0; j <= Math.min(to.length, editsMax); j += 1) row[j] = j
  for (let i = 1; i <= from.length; i += 1) {
    const first = Math.max(1, i - editsMax)
    const last = Math.min(to.length, i + editsMax)
    next[first - 1] = first === 1 ? Math.min(i, tooMany) : tooMany
    if (last < to.length) next[last + 1] = tooMany
    let least = next[first - 1]!
    for (let j = first; j <= last; j += 1) {
      const replaced = row[j - 1]! + (from.charCodeAt(i - 1) === to.charCodeAt(j - 1) ? 0 : 1)
      const edits = Math.min(row[j]! + 1, next[j - 1]! + 1, replaced, tooMany)
      next[j] = edits
      least = Math.min(least, edits)
    }
    if (least === tooMany) return false
    const spare = row
    row = next
    next = spare
  }
  return row[to.length]! <= editsMax
}

function collapsed(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
