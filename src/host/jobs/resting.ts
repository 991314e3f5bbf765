/** Jobs that have ended rest on the disk alone: which of those in memory may go. */
import type { JobId } from '../../protocol/ids.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'

/** A job that has ended stays in memory this long: who asks for its status asks for its results next. A guess. */
const lingerMs = 10_000
/** Jobs that have ended and still have something to say; above that, the one used longest ago goes. A guess. */
const endedLoadedMax = 32

/** A job in memory, or on its way there. */
export interface Seat {
  readonly stewardship: Promise<CouncilDriver>
  /** Once it has begun. */
  running: CouncilDriver | undefined
  /** How many read it just now. */
  uses: number
  /** By the monotonic clock. */
  usedMs: number
}

/** Returns the jobs that may go, and how many others have ended. */
export function mayRest(
  seats: ReadonlyMap<JobId, Seat>,
  nowMs: number,
): { readonly going: readonly JobId[]; readonly staying: number } {
  const ended = [...seats].filter(([, { running }]) => running?.hasEnded === true)
  const going: JobId[] = []
  for (const [job, { uses, usedMs, running }] of ended.sort(([, a], [, b]) => a.usedMs - b.usedMs)) {
    const isDone = nowMs - usedMs >= lingerMs && running!.rests
    if (uses > 0 || (!isDone && ended.length - going.length <= endedLoadedMax)) continue
    going.push(job)
  }
  return { going, staying: ended.length - going.length }
}
