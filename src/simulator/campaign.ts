/** Sums up the runs of a campaign of seeds in one table, by scenario. */
import type { Outcome } from './outcome.ts'

export interface Run extends Omit<Outcome, 'lastEvents' | 'violations'> {
  readonly scenario: string
  readonly seed: number
  readonly violations: number
}

export interface Row {
  readonly scenario: string
  readonly runs: number
  readonly violations: number
  readonly jobsLost: number
  readonly wrongAccepted: number
  readonly executionsPerShard: number
  /** The seconds from submission to end, over all runs' jobs. */
  readonly completionSeconds: { readonly p50: number; readonly p95: number; readonly most: number }
}

export function tabulate(runs: readonly Run[]): Row[] {
  return [...Map.groupBy(runs, ({ scenario }) => scenario)].map(([scenario, group]) => {
    const sum = (value: (run: Run) => number) => group.reduce((total, run) => total + value(run), 0)
    const times = group.flatMap(({ completionMs }) => completionMs).sort((a, b) => a - b)
    const at = (share: number) => Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) / 1000)
    return {
      scenario,
      runs: group.length,
      violations: sum(({ violations }) => violations),
      jobsLost: sum(({ jobsLost }) => jobsLost),
      wrongAccepted: sum(({ wrongAccepted }) => wrongAccepted),
      executionsPerShard: sum(({ executionsPerShard }) => executionsPerShard) / group.length,
      completionSeconds: { p50: at(0.5), p95: at(0.95), most: at(1) },
    }
  })
}
