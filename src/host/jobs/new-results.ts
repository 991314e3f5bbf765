/**
 * Results of a job: those that are here, or while it runs each page once its verdict is final, in whatever order that happens, and at the end what is left.
 *
 * A verdict that is not final yet may still be taken back, so its pages wait. Each round walks the list of documents once, so the
 * rounds of a large job come seldom.
 */
import type { EventEmitter } from 'node:events'
import type { ResultLine, ResultsEnd } from '../api.ts'
import { type Clock, elapsed } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { caughtUp, changed } from './reading.ts'
import { type ReadJob, readJobOf, readResults } from './results.ts'

/** A person reads no faster, and a round of a small job takes a few milliseconds. A guess. */
const roundMsMin = 500
/** The share of the time that rounds take. A guess. */
const shareMax = 0.05

/** The results that are here now, in the order of the submission. Throws RequestError. */
export async function* allResults(
  job: CouncilDriver,
  clock: Clock,
): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
  await caughtUp(job, clock)
  const { unread: _, ...end } = yield* readResults(readJobOf(job))
  return { ...end, doubts: job.doubts }
}

/** Ends with the job, or when the signal aborts, which is an error. Throws RequestError. */
export async function* newResults(
  job: CouncilDriver,
  clock: Clock,
  changes: EventEmitter,
  signal: AbortSignal,
): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
  /** Shards whose pages were all handed out. */
  const done = new Set<number>()
  for (let waitMs = 0; ; ) {
    const startedMs = clock.monotonicMs()
    if (job.hasEnded) {
      await caughtUp(job, clock)
      const isNew = (position: number) => !done.has(position)
      const { unread: _, ...end } = yield* readResults(readJobOf(job), { shows: isNew })
      return { ...end, doubts: job.doubts }
    }
    const read = readable(job)
    const final = new Set(
      (read?.verdicts ?? []).flatMap(({ position, status }) =>
        status === 'final' && !done.has(position) ? [position] : [],
      ),
    )
    if (read !== null && final.size > 0) {
      const isFinal = (position: number) => final.has(position)
      const { unread } = yield* readResults(read, { shows: isFinal, reads: isFinal })
      // A result that has not come to this node yet comes later.
      for (const position of final) if (!unread.has(position)) done.add(position)
    }
    waitMs = Math.max(roundMsMin, (clock.monotonicMs() - startedMs) / shareMax)
    if (!job.hasEnded) await changed(changes, job.job, elapsed(clock, waitMs), signal)
  }
}

/** Null while this node does not have what it takes to read the job. */
function readable(job: CouncilDriver): ReadJob | null {
  try {
    return readJobOf(job)
  } catch (error) {
    if (error instanceof RequestError) return null
    throw error
  }
}
