/** The spread of many durations, in some unit of time. */
export interface Spread {
  readonly median: number
  /** The 99th percentile. */
  readonly p99: number
  readonly most: number
}

/** All 0 where there are none. */
export function spreadOf(timesMs: readonly number[], unitMs: number): Spread {
  const sorted = [...timesMs].sort((a, b) => a - b)
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) / unitMs
  return { median: at(0.5), p99: at(0.99), most: at(1) }
}
