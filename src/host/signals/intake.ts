/** The gate for readings: every value of every source is checked here before anybody acts on it. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import type { Latest } from './latest.ts'
import { readingOf, signalPathOf, unavailable } from './values.ts'

/**
 * A signal's name, its value and when that was read, in milliseconds since 1970: nothing of it is trusted. Null is a value
 * that the source calls unavailable.
 */
export type RawReading = readonly [name: string, value: unknown, atMs: number]

/** The log gets each complaint about a source once, and at most this many different ones an hour. A guess. */
const complaintsMax = 32
const complaintsForgottenMs = 3_600_000
const complaintCharsMax = 300

const dateSchema = z.iso.datetime({ offset: true })

/**
 * Checks the readings of one source on their way in. A wrong one is named in the log, boundedly, and its signal is unknown
 * from then on: what was read before it is not what the vehicle says now.
 */
export class Intake {
  readonly #name: string
  readonly #latest: Latest
  readonly #log: Logger
  readonly #onUnused: (name: string) => void
  #complaints = new Set<string>()
  #complaintsSinceMs = systemClock.monotonicMs()

  /** `onUnused`: called with each name that Carpool has no use for, as often as it comes. */
  constructor(name: string, latest: Latest, log: Logger, onUnused: (name: string) => void = () => {}) {
    this.#onUnused = onUnused
    this.#name = name
    this.#latest = latest
    this.#log = log
  }

  /** Tells whether anything of it is a reading, or said to be unavailable. Signals that Carpool has no use for are skipped. */
  take(readings: Iterable<RawReading>): boolean {
    const nowMs = systemClock.now()
    let isAny = false
    for (const [name, value, atMs] of readings) {
      const path = signalPathOf(name)
      if (path === undefined) {
        this.#onUnused(name)
        continue
      }
      try {
        this.#latest.put({ [path]: readingOf(path, value, atMs, nowMs) }, name)
        isAny = true
      } catch (error) {
        this.#latest.put({ [path]: unavailable(atMs, nowMs) }, name)
        this.complain(name, `${name} ${(error as Error).message}: unknown`)
      }
    }
    return isAny
  }

  /** `about`: the subject, of which only the first complaint is of interest. */
  complain(about: string, message: string): void {
    if (systemClock.monotonicMs() - this.#complaintsSinceMs > complaintsForgottenMs) {
      this.#complaints = new Set()
      this.#complaintsSinceMs = systemClock.monotonicMs()
    }
    if (this.#complaints.has(about) || this.#complaints.size >= complaintsMax) return
    this.#complaints.add(about)
    this.#log.warn({ provider: this.#name }, message.slice(0, complaintCharsMax))
  }

  /** Forgets a complaint whose cause is over: the next time it is news again. */
  forget(about: string): void {
    this.#complaints.delete(about)
  }
}

/** Milliseconds since 1970 of an ISO 8601 date with its zone, or of a number that is so already; NaN: it is neither. */
export function timeOf(text: unknown): number {
  if (typeof text === 'number') return text
  const date = dateSchema.safeParse(text)
  return date.success ? Date.parse(date.data) : Number.NaN
}
