/** One measured number beside its baseline and its goal, and how it is printed: one line each, misses included. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly baseline: number
  /** What the baseline is, in a few words. */
  readonly of: string
  /** What is held against the goal, where there is one; `ours / baseline` is printed in any case. */
  readonly goal: { readonly value: 'ours' | 'ratio'; readonly least?: number; readonly most?: number } | null
}

export interface BenchOptions {
  /** Shorter, and so noisier. */
  readonly quick: boolean
  /** The size of what is moved, where a benchmark moves one large thing; undefined: its own. */
  readonly mebibytes?: number | undefined
  /** How many nodes take part, where a benchmark takes as many as fit; undefined: those. */
  readonly nodes?: number | undefined
  /** Where it says what it is at: standard error, since standard output is for the figures. */
  readonly note: (line: string) => void
}

export function formatFigure({ name, unit, ours, baseline, of, goal }: Figure): string {
  const ratio = ours / baseline
  const beside = [
    `${name}: ${rounded(ours)} ${unit}`,
    `${of} ${rounded(baseline)} ${unit}`,
    `ratio ${ratio.toFixed(3)}`,
  ]
  if (goal === null) return [...beside, 'no goal'].join(' | ')
  const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = goal
  const judged = goal.value === 'ours' ? ours : ratio
  const bound = goal.least === undefined ? `≤ ${goal.most}` : `≥ ${goal.least}`
  return [
    ...beside,
    `goal ${goal.value === 'ours' ? `${bound} ${unit}` : `ratio ${bound}`}`,
    judged >= least && judged <= most ? 'met' : 'missed',
  ].join(' | ')
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Three digits that mean something. */
function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
