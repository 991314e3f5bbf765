/** The readings that the rules know, each until it is too old. */
import { aheadMsMax, freshMs } from './freshness.ts'
import type { Reading, SignalPath, SignalValues, VehicleState } from './signals.ts'
import { UnusedSignals } from './unused.ts'

/** A vehicle's readings, and how long each may be believed. */
export class Readings {
  readonly #known = new Map<SignalPath, Reading<unknown>>()
  /** Those that had a value once. */
  readonly #everRead = new Set<SignalPath>()
  readonly #asked = new Set<SignalPath>()
  readonly #unused = new UnusedSignals()
  #nowMs = 0
  #untilMs = Number.POSITIVE_INFINITY

  /**
   * Keeps the newest reading of each signal, and returns true when any of it is news and not only the same once more. What is
   * not available any more takes back whatever was read.
   * A known reading that is newer than now gives way to any other: it was read before the clock was set back, and a car may
   * have driven off since.
   */
  take(state: VehicleState, nowMs: number): boolean {
    let isNews = false
    for (const path in state) {
      const reading = state[path as SignalPath]!
      const known = this.#known.get(path as SignalPath)
      const isOlder = known !== undefined && reading.atMs < known.atMs && known.atMs <= nowMs
      if (isOlder && reading.value !== null) continue
      this.#known.set(path as SignalPath, reading)
      if (reading.value !== null) this.#everRead.add(path as SignalPath)
      isNews ||=
        known === undefined || reading.value !== known.value || !isFresh(path as SignalPath, known, nowMs)
    }
    return isNews
  }

  /** From here on, `get` answers for this moment, and `untilMs` is about what it answered. */
  look(nowMs: number): void {
    this.#nowMs = nowMs
    this.#untilMs = Number.POSITIVE_INFINITY
    this.#asked.clear()
  }

  /** The same answers would be given now: only how long they hold is counted anew. */
  lookAgain(nowMs: number): void {
    const asked = [...this.#asked]
    this.look(nowMs)
    for (const path of asked) this.get(path)
  }

  /** Undefined: unknown, not available, or stale. */
  get<Path extends SignalPath>(path: Path): SignalValues[Path] | undefined {
    this.#asked.add(path)
    const reading = this.#known.get(path)
    if (reading === undefined || reading.value === null) return undefined
    const staleMs = reading.atMs + freshMs[path]
    if (reading.atMs > this.#nowMs + aheadMsMax) {
      this.#untilMs = Math.min(this.#untilMs, reading.atMs - aheadMsMax)
      return undefined
    }
    if (staleMs <= this.#nowMs) return undefined
    this.#untilMs = Math.min(this.#untilMs, staleMs)
    return reading.value as SignalValues[Path]
  }

  /** How long what was answered since `look` holds by itself. */
  get untilMs(): number {
    return this.#untilMs
  }

  /** Notes a signal that a source sends and that no rule reads. Returns true when that is news. */
  noteUnused(name: string): boolean {
    return this.#unused.note(name)
  }

  /** 'unknown', and why: with the path that is waited for, and those like it that came instead. */
  whyUnknown(path: SignalPath): string {
    const known = this.#known.get(path)
    if (known?.value === null) return `unknown: ${path} is not available, says its source`
    if (known !== undefined) return `unknown: no reading of ${path} for ${freshMs[path] / 1_000} s`
    const near = this.#unused.near(path)
    const instead = near.length === 0 ? '' : `; there is ${near.join(', ')}, which is not used`
    return `unknown: ${path} was never read${instead}`
  }

  /** False as long as no source gave it a value, since this node started. */
  wasRead(path: SignalPath): boolean {
    return this.#everRead.has(path)
  }
}

function isFresh(path: SignalPath, { atMs }: Reading<unknown>, nowMs: number): boolean {
  return atMs + freshMs[path] > nowMs && atMs <= nowMs + aheadMsMax
}
