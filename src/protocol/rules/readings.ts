import { aheadMsMax, freshMs } from './freshness.ts'
import type { Reading, SignalPath, SignalValues, VehicleState } from './signals.ts'

/** What is known of a vehicle, and for how long. */
export class Readings {
  readonly #known = new Map<SignalPath, Reading<unknown>>()
  #nowMs = 0
  #untilMs = Number.POSITIVE_INFINITY

  /** Of each signal, the newest counts; what is newer than now was read before the clock was set back. */
  take(state: VehicleState, nowMs: number): void {
    for (const [path, reading] of Object.entries(state) as [SignalPath, Reading<unknown>][]) {
      const known = this.#known.get(path)
      if (known === undefined || reading.atMs >= known.atMs || known.atMs > nowMs + aheadMsMax)
        this.#known.set(path, reading)
    }
  }

  /** From here on, `get` answers for this moment, and `untilMs` is about what it answered. */
  look(nowMs: number): void {
    this.#nowMs = nowMs
    this.#untilMs = Number.POSITIVE_INFINITY
  }

  /** Undefined: unknown, or stale. */
  get<Path extends SignalPath>(path: Path): SignalValues[Path] | undefined {
    const reading = this.#known.get(path)
    if (reading === undefined) return undefined
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

  /** 'unknown', and why. */
  whyUnknown(path: SignalPath): string {
    return this.#known.has(path)
      ? `unknown: no reading for ${freshMs[path] / 1_000} s`
      : 'unknown: never read'
  }
}
