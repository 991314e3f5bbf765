/** Sums up the work of the sampled cells. */
import type { Outcome } from '../outcome.ts'
import { type Spread, spreadOf } from '../spread.ts'

export interface Worked {
  /** Cells whose vehicles had councils, workers and jobs for the day. */
  readonly cells: number
  readonly vehicles: number
  readonly jobs: number
  readonly jobsComplete: number
  /** Jobs that never ended, in their deadline and two leases. */
  readonly jobsLost: number
  readonly violations: readonly string[]
  readonly shards: number
  readonly wrongAccepted: number
  readonly executionsPerShard: number
  /** The median and the longest, in minutes. */
  readonly completionMinutes: Spread
  /** From when the only steward that acts went down until another one acted, in seconds. */
  readonly takeovers: number
  readonly takeoverSeconds: Spread
  /** Stewards that replaced others which were lost. */
  readonly handovers: number
  readonly censuses: number
  readonly doubtedCells: number
  readonly listedAbroad: number
  readonly workedAbroad: number
}

export interface CellOutcome extends Outcome {
  readonly vehicles: number
  readonly shards: number
}

export function sumUp(outcomes: readonly CellOutcome[]): Worked {
  const sum = (value: (outcome: CellOutcome) => number) =>
    outcomes.reduce((total, one) => total + value(one), 0)
  const shards = sum((one) => one.shards)
  const takeovers = outcomes.flatMap(({ takeoversMs }) => takeoversMs)
  return {
    ...{ cells: outcomes.length, vehicles: sum((one) => one.vehicles), shards },
    ...{ jobs: sum(({ jobs }) => jobs), jobsComplete: sum(({ jobsComplete }) => jobsComplete) },
    jobsLost: sum(({ jobsLost }) => jobsLost),
    violations: outcomes.flatMap(({ violations }) => violations),
    wrongAccepted: sum(({ wrongAccepted }) => wrongAccepted),
    executionsPerShard: sum((one) => one.executionsPerShard * one.shards) / Math.max(1, shards),
    completionMinutes: spreadOf(
      outcomes.flatMap(({ completionMs }) => completionMs),
      60_000,
    ),
    ...{ takeovers: takeovers.length, takeoverSeconds: spreadOf(takeovers, 1_000) },
    handovers: sum(({ handovers }) => handovers),
    censuses: sum(({ abroad }) => abroad.censuses),
    doubtedCells: sum(({ abroad }) => abroad.doubted),
    listedAbroad: sum(({ abroad }) => abroad.listed),
    workedAbroad: sum(({ abroad }) => abroad.worked),
  }
}
