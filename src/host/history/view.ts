/** Makes days out of tallies. */
import { dayMs } from '../../protocol/rules/week.ts'
import { type Runtimes, unitOfRuntime } from '../../runtimes/registry.ts'
import type { HistoryDay, HistoryMoney, HistoryWork } from './contract.ts'
import type { Tally } from './tallies.ts'

/** One for each day from the first to the last. */
export function viewOf(
  tallies: readonly Tally[],
  money: ReadonlyMap<number, readonly HistoryMoney[]>,
  [first, last]: readonly [number, number],
  runtimes?: Runtimes,
): HistoryDay[] {
  const byDay = Map.groupBy(tallies, ({ day }) => day)
  return Array.from({ length: last - first + 1 }, (_, i) =>
    dayOf(first + i, byDay.get(first + i) ?? [], money.get(first + i) ?? [], runtimes),
  )
}

function dayOf(
  day: number,
  tallies: readonly Tally[],
  money: readonly HistoryMoney[],
  runtimes: Runtimes | undefined,
): HistoryDay {
  const byKind = Map.groupBy(tallies, ({ kind }) => kind)
  const of = (kind: string, name: string) => byKind.get(kind)?.find((row) => row.name === name)?.value ?? 0
  const names = (...kinds: readonly string[]) => [
    ...new Set(kinds.flatMap((kind) => (byKind.get(kind) ?? []).map(({ name }) => name))),
  ]
  const workOf = (runtime: string): HistoryWork => ({
    runtime,
    leasesTaken: of('leases-taken', runtime),
    leasesDone: of('leases-done', runtime),
    shards: of('shards', runtime),
    pages: of('pages', runtime),
    units: of('units', runtime) > 0 ? { [unitOfRuntime(runtime, runtimes).one]: of('units', runtime) } : {},
    wallMs: Math.round(of('wall-ms', runtime)),
    cpuMs: Math.round(of('cpu-ms', runtime)),
    measuredJoules: of('measured-joules', runtime),
    estimatedJoules: of('estimated-joules', runtime),
  })
  return {
    date: new Date(day * dayMs).toISOString().slice(0, 10),
    readyMs: Math.round(of('ready-ms', '')),
    pauses: names('paused-ms', 'pauses')
      .map((reason) => ({
        reason,
        ms: Math.round(of('paused-ms', reason)),
        times: of('pauses', reason),
      }))
      .sort((a, b) => b.ms - a.ms),
    aloneMs: Math.round(of('alone-ms', '')),
    work: names('leases-taken', 'leases-done', 'shards').sort().map(workOf),
    handedBack: names('leases-back').map((reason) => ({ reason, leases: of('leases-back', reason) })),
    money,
  }
}
