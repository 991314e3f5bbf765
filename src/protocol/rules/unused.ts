/** Signals that a source sends and no rule reads: a rule that waits for its own names those that may have been meant for it. */

/** Names that are remembered: a bus has thousands, and those of one branch come together. A guess. */
const namesMax = 256
const nameCharsMax = 128
const nearMax = 3

export class UnusedSignals {
  readonly #names = new Set<string>()

  /** Returns true when this is news. */
  note(name: string): boolean {
    if (this.#names.has(name) || this.#names.size >= namesMax || name.length > nameCharsMax) return false
    this.#names.add(name)
    return true
  }

  /** Those that are beside it in the same branch, or whose last word holds the other's: `Vehicle.OBD.Speed` for `Vehicle.Speed`. */
  near(path: string): string[] {
    const [branch, word] = split(path)
    const isDeep = branch.split('.').length >= 3
    return [...this.#names]
      .filter((name) => {
        const [otherBranch, otherWord] = split(name)
        return (
          (isDeep && otherBranch === branch) ||
          otherWord.includes(word) ||
          (otherWord !== '' && word.includes(otherWord))
        )
      })
      .sort()
      .slice(0, nearMax)
  }
}

function split(path: string): [branch: string, word: string] {
  const at = path.lastIndexOf('.')
  return [path.slice(0, Math.max(0, at)), path.slice(at + 1).toLowerCase()]
}
