/** Waits for news of a job. */
import { type EventEmitter, on } from 'node:events'
import type { JobId } from '../../protocol/ids.ts'

/** Resolves after the next change, and no sooner than `pause`; rejects when the signal is aborted. */
export async function changed(
  changes: EventEmitter,
  job: JobId,
  pause: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = on(changes, job, { signal })
  await pause
  await iterator.next()
  await iterator.return?.()
}
