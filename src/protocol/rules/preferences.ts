/**
 * The preferences that an owner may set, the defaults with their origins, and a check that they do not contradict
 * each other.
 *
 * BOINC's owners complain of settings that are ignored, and of settings under which nothing can ever run
 * (BOINC/boinc#4939): so every preference is a rule with a finding, and a set that can never hold is refused.
 */
import type { SignalPath } from './signals.ts'
import { coversWeek, parseHours, parseTimes, type WeekSpan } from './week.ts'

/**
 * The sensors that a vehicle may lack, as owners name them. Not speed, gear, plug and charge: without them nobody knows that
 * a car may work.
 */
export const dispensableSignals = {
  'pack-temperature': 'Vehicle.Powertrain.TractionBattery.Temperature.Average',
  'outside-temperature': 'Vehicle.Exterior.AirTemperature',
  'cabin-temperature': 'Vehicle.Cabin.HVAC.AmbientAirTemperature',
  'low-voltage': 'Vehicle.LowVoltageBattery.CurrentVoltage',
} as const satisfies Readonly<Record<string, SignalPath>>

export type DispensableSignal = keyof typeof dispensableSignals

export interface Preferences {
  /** Work only while the charging cable is connected. */
  readonly pluggedOnly: boolean
  /** Per cent of charge from which work begins; at the vehicle's own charge limit it begins, too. */
  readonly chargePercentMin: number
  /** Per cent of charge below which nothing ever works. */
  readonly reservePercent: number
  /** Work only while the park lock or the parking brake is engaged. */
  readonly parkLock: boolean
  /** Work only while the ignition is neither ON nor START. */
  readonly ignitionOff: boolean
  /** How long all signals must have been good before work begins. */
  readonly settleMs: number
  readonly packCelsiusMax: number
  readonly outsideCelsiusMin: number
  readonly outsideCelsiusMax: number
  /** How much warmer the cabin may get than it was when work began. */
  readonly cabinRiseCelsiusMax: number
  /** The lower limit of the 12 V battery, in volts. */
  readonly lowVoltsMin: number
  /** The sensors that the vehicle does not have: what they would say is not asked for, as long as they never say anything. */
  readonly noSignal: readonly DispensableSignal[]
  /** Work only over a network that is not paid by the byte. */
  readonly unmeteredOnly: boolean
  /** Over a metered network, where that is allowed; null: no cap. */
  readonly meteredBytesPerMonthMax: number | null
  /** As parseHours takes them, in the vehicle's time zone: nothing works then. */
  readonly quietHours: readonly string[]
  /** As parseTimes takes them: when the owner means to drive off. */
  readonly readyBy: readonly string[]
  /** A name of the IANA data base, such as Europe/Berlin. */
  readonly timeZone: string
  /** The most that the work may draw, in watts; null: no cap. */
  readonly powerWattsMax: number | null
  /** From midnight to midnight; null: no cap. */
  readonly energyWhPerDayMax: number | null
  /** Work only on power of the owner's own panels that nothing else draws. */
  readonly surplusOnly: boolean
  /**
   * The categories of jobs (manifest.category) to take; null: all. The worker judges each offer by them; the rules
   * only show them.
   */
  readonly categories: readonly string[] | null
}

export type PreferenceName = keyof Preferences

/** Marked "judgement": ours, from what owners of electric cars report; to be tuned in the field. */
export const defaultPreferences: Preferences = {
  // A computer that is awake draws 250 to 300 W before any work, 7 to 14 % of a pack a day (owners' measurements).
  pluggedOnly: true,
  // Judgement: the usual daily charge limit. BOINC asks for 90 % on phones.
  chargePercentMin: 80,
  // Judgement: the way home and a detour. An owner's drive is never shortened.
  reservePercent: 50,
  parkLock: true,
  ignitionOff: true,
  // Judgement: errands are shorter; BOINC waits for 3 minutes without input, TeslaMate for 15.
  settleMs: 600_000,
  // BOINC's battery_max_temperature.
  packCelsiusMax: 40,
  // Judgement: a cold pack should not be cycled, and a hot day leaves no cooling to spare.
  outsideCelsiusMin: -10,
  outsideCelsiusMax: 35,
  // Judgement: somebody who gets in notices more than this.
  cabinRiseCelsiusMax: 5,
  // A lead battery at 12.4 V is three quarters full; accessories cut off at 12.0 to 12.2 V.
  lowVoltsMin: 12.4,
  noSignal: [],
  // BOINC's network_wifi_only on phones.
  unmeteredOnly: true,
  // BOINC offers 10,000 MB in 30 days.
  meteredBytesPerMonthMax: 10_000_000_000,
  quietHours: [],
  readyBy: [],
  timeZone: 'UTC',
  powerWattsMax: null,
  energyWhPerDayMax: null,
  surplusOnly: false,
  categories: null,
}

/** Before a departure the vehicle conditions cabin and pack with the same cooling: 15 minutes, a guess. */
const readyMarginMs = 900_000
/** A vehicle that has not left an hour after the time is taken to stay. A guess. */
const readyLateMs = 3_600_000

/**
 * A value that crossed its limit counts as crossed until it has come back by this much, since sensors jitter by a
 * unit. Guesses.
 */
export const hysteresis = { chargePercent: 2, celsius: 2, volts: 0.2, powerShare: 0.1 } as const

/**
 * Watts of surplus from which work begins: a computer that is awake draws 250 to 300 W before any work (owners'
 * measurements). Once it draws them they are no surplus any more: then work goes on until power would be bought.
 */
export const surplusWattsToBegin = 300

/** Two preferences, or one with itself, under which nothing can ever work. */
export interface Contradiction {
  readonly names: readonly [PreferenceName, PreferenceName]
  /** One sentence. */
  readonly why: string
}

/**
 * The first contradiction; null when some moment can satisfy all. Only what no vehicle and no weather can bring about
 * is one: a charge limit below the reserve is the vehicle's, and its finding says so.
 */
export function contradictionIn(preferences: Preferences): Contradiction | null {
  const { chargePercentMin, reservePercent, outsideCelsiusMin, outsideCelsiusMax } = preferences
  if (reservePercent > chargePercentMin)
    return {
      names: ['reservePercent', 'chargePercentMin'],
      why: `work that begins at ${chargePercentMin} % of charge is stopped at once below a reserve of ${reservePercent} %`,
    }
  if (outsideCelsiusMax - outsideCelsiusMin < 2 * hysteresis.celsius)
    return {
      names: ['outsideCelsiusMin', 'outsideCelsiusMax'],
      why: `between ${outsideCelsiusMin} and ${outsideCelsiusMax} °C outside, less than ${2 * hysteresis.celsius} °C are left to work in`,
    }
  const quiet = spansOfQuiet(preferences)
  if (coversWeek(quiet))
    return {
      names: ['quietHours', 'quietHours'],
      why: 'the quiet hours leave no minute of the week to work in',
    }
  const leaving = spansOfLeaving(preferences)
  if (coversWeek(leaving))
    return {
      names: ['readyBy', 'readyBy'],
      why: 'the times to be ready by leave no minute of the week to work in',
    }
  if (coversWeek([...quiet, ...leaving]))
    return {
      names: ['quietHours', 'readyBy'],
      why: 'the quiet hours and the times to be ready by leave no minute of the week to work in',
    }
  return null
}

/** Texts that are not understood give no spans: they were checked when they were taken in. */
export function spansOfQuiet({ quietHours }: Preferences): WeekSpan[] {
  return quietHours.flatMap((text) => parseHours(text) ?? [])
}

/** Around each time to be ready by: from the margin before it until nobody leaves any more. */
export function spansOfLeaving({ readyBy }: Preferences): WeekSpan[] {
  return readyBy
    .flatMap((text) => parseTimes(text) ?? [])
    .map((minute) => ({ start: minute - readyMarginMs / 60_000, end: minute + readyLateMs / 60_000 }))
    .map(({ start, end }) => (start < 0 ? { start: start + 10_080, end: end + 10_080 } : { start, end }))
}
