/**
 * Tells whether a vehicle computes when its owner would not have it: judged from the truth, and written from the
 * preferences and not from the rules. The error of sensors is forgiven, and nothing else.
 */
import { freshMs } from '../../protocol/rules/freshness.ts'
import { hysteresis, type Preferences } from '../../protocol/rules/preferences.ts'
import { type Life, sensorError } from './life.ts'
import { hourMs, minuteMs } from './trips.ts'

/** The times, in numbers of the day, that the owner wrote in `quietHours` and `readyBy`. */
export interface Hours {
  /** From and until, in hours of the day. */
  readonly quiet: readonly [number, number] | null
  /** An hour of working days. */
  readonly readyBy: number | null
}

export class Watchful {
  readonly violations: string[] = []
  readonly #name: string
  readonly #life: Life
  readonly #preferences: Preferences
  readonly #hours: Hours
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  #cabinBeganCelsius: number | null = null
  #wasAtWork = false
  #idleSinceMs = Number.NEGATIVE_INFINITY

  constructor(name: string, life: Life, preferences: Preferences, hours: Hours) {
    this.#name = name
    this.#life = life
    this.#preferences = preferences
    this.#hours = hours
  }

  paused(untilMs: number): void {
    this.#pausedUntilMs = untilMs
  }

  /** After everything that the vehicle does about this moment. `mayCompute`: work has begun, with a shard or without. */
  check(nowMs: number, isComputing: boolean, mayCompute: boolean): void {
    const { truth } = this.#life
    if (isComputing || mayCompute) {
      // The rules count an hour, at times from a quarter of an hour before a shard that drains has ended.
      const isFresh = nowMs - this.#idleSinceMs >= 0.75 * hourMs
      if (isFresh || !this.#wasAtWork)
        this.#cabinBeganCelsius = Math.min(
          (isFresh ? null : this.#cabinBeganCelsius) ?? truth.cabinCelsius,
          truth.cabinCelsius,
        )
      this.#idleSinceMs = nowMs
    }
    this.#wasAtWork = isComputing || mayCompute
    if (!truth.parked) this.#cabinBeganCelsius = null
    if (!isComputing) return
    const { reservePercent, packCelsiusMax, outsideCelsiusMin, outsideCelsiusMax, pluggedOnly } =
      this.#preferences
    const { cabinRiseCelsiusMax, lowVoltsMin } = this.#preferences
    const { celsius, chargePercent, volts } = doubled(sensorError)
    if (truth.kmh > 0) this.#blame('drives', nowMs)
    if (!truth.parked || !truth.locked) this.#blame('is not parked', nowMs)
    if (truth.ignition === 'ON') this.#blame('has its ignition on', nowMs)
    if (pluggedOnly && !truth.plugged) this.#blame('is unplugged', nowMs)
    if (truth.chargePercent < reservePercent - chargePercent) this.#blame('is below its reserve', nowMs)
    if (truth.packCelsius > packCelsiusMax + celsius) this.#blame('has a hot pack', nowMs)
    if (truth.outsideCelsius < outsideCelsiusMin - celsius) this.#blame('is in the cold', nowMs)
    if (truth.outsideCelsius > outsideCelsiusMax + celsius) this.#blame('is in the heat', nowMs)
    // Its first look may have been a moment after ours, at a cabin that warms.
    if (
      truth.cabinCelsius >
      (this.#cabinBeganCelsius ?? truth.cabinCelsius) + cabinRiseCelsiusMax + 2 * celsius
    )
      this.#blame('has a warm cabin', nowMs)
    if (truth.lowVolts < lowVoltsMin - volts) this.#blame('drains its 12 V battery', nowMs)
    if (this.#pausedUntilMs > nowMs) this.#blame('is paused', nowMs)
    const silentMs = this.#life.isSilent(nowMs) ? nowMs - this.#life.silentFromMs : 0
    if (silentMs > freshMs['Vehicle.Speed'] + tickMs) this.#blame('knows nothing of itself', nowMs)
  }

  /** A shard begins. */
  begins(nowMs: number): void {
    const { truth, chargeLimit, isMetered } = this.#life
    const { chargePercentMin, unmeteredOnly } = this.#preferences
    const { quiet, readyBy } = this.#hours
    const hour = (nowMs % (24 * hourMs)) / hourMs
    if (
      quiet !== null &&
      (quiet[0] <= quiet[1] ? hour >= quiet[0] && hour < quiet[1] : hour >= quiet[0] || hour < quiet[1])
    )
      this.#blame('begins in quiet hours', nowMs)
    const weekday = Math.floor(nowMs / (24 * hourMs)) % 7
    if (readyBy !== null && weekday < 5 && hour >= readyBy - 0.25 && hour < readyBy + 1)
      this.#blame('begins when it is to be ready', nowMs)
    const needed = Math.min(chargePercentMin, chargeLimit - 1) - hysteresis.chargePercent
    if (truth.chargePercent < needed - 2 * sensorError.chargePercent)
      this.#blame('begins with a low charge', nowMs)
    if (unmeteredOnly && isMetered) this.#blame('begins over a metered network', nowMs)
  }

  #blame(what: string, nowMs: number): void {
    if (this.violations.length < 10)
      this.violations.push(
        `${this.#name} computes and ${what}, ${Math.round(nowMs / minuteMs)} min into the week`,
      )
  }
}

/** Buses repeat what they know this often: as seldom as keeps readings fresh, so that a week takes minutes. */
export const tickMs = 9_000

/** Off by as much, and reported in steps of as much. */
function doubled({ chargePercent, celsius, volts }: typeof sensorError) {
  return { chargePercent: 2 * chargePercent, celsius: 2 * celsius, volts: 2 * volts }
}
