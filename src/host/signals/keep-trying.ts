/** Runs a session with a signal server again and again, with pauses that grow while it fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../clock.ts'
import type { Intake } from './intake.ts'

/** A server that restarts is back before its readings are stale. */
const pauseMsMin = 250
/** A server that is gone for good costs a connection attempt twice a minute. */
const pauseMsMax = 30_000
/** After a session that has done all it had to. */
const nextMs = 1_000
/**
 * A connection that has worked for so long begins a new outage when it fails; one that fails more often is reported
 * once.
 */
const steadyMs = 60_000

/**
 * Runs `session` again and again, until aborted. A session ends by throwing, or returns when it has done all it had to;
 * it calls `onReading` when something came, which starts the pauses anew. Failures are said in the log, once an outage.
 */
export async function keepTrying(
  signal: AbortSignal,
  intake: Intake,
  session: (onReading: () => void) => Promise<void>,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    const sinceMs = systemClock.monotonicMs()
    let pauseMs = nextMs
    try {
      await session(() => {
        failures = 0
      })
    } catch (error) {
      if (signal.aborted) return
      if (systemClock.monotonicMs() - sinceMs > steadyMs) intake.forget('session')
      intake.complain('session', `no readings, will keep trying: ${(error as Error).message}`)
      pauseMs = Math.min(pauseMsMin * 2 ** failures, pauseMsMax)
      failures = Math.min(failures + 1, 20)
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}
