/** The options of how a node ends. */
import { z } from 'zod'
import { parseDuration } from '../format.ts'
import type { Option } from './option.ts'

/** The most that a node takes to hand back its leases, say goodbye and close its disk. */
export const stopMsMax = 5_000

export const lifetimeOptions = {
  // A person who presses Ctrl-C, and a car that is about to go, wait no longer; a service manager gives 90 s.
  drainDeadline: {
    help: 'time that a node has to end after SIGTERM; all but the last 5 s of it are for the work under way',
    placeholder: '<duration>',
    isList: false,
    expects: 'a duration from 5s to 1h, or milliseconds',
    schema: () =>
      z
        .union([z.number(), z.string().transform(durationOf)])
        .pipe(z.number().int().min(stopMsMax).max(3_600_000)),
    fallback: () => stopMsMax,
    fallbackText: '5s: what is not done goes back at once',
  } satisfies Option<number> as Option<number>,
}

/** NaN where it is none. */
export function durationOf(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  try {
    return parseDuration(text)
  } catch {
    return Number.NaN
  }
}
