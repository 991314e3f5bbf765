/** What a rule is made of. */
import type { PreferenceName, Preferences } from './preferences.ts'
import type { Readings } from './readings.ts'
import type { LocalTime, WeekSpan } from './week.ts'

export interface Moment {
  readonly preferences: Preferences
  readonly readings: Readings
  readonly local: LocalTime
  /** From Monday 00:00 in the vehicle's time zone, with a fraction. */
  readonly minuteOfWeek: number
  /** What the preferences say of hours, parsed. */
  readonly quiet: readonly WeekSpan[]
  readonly leaving: readonly WeekSpan[]
  /** Whether this rule's limit was crossed and has not been left again by its hysteresis. */
  readonly wasCrossed: boolean
  /** Of the cabin when work began; null before. */
  readonly cabinBeganCelsius: number | null
  readonly isVehicle: boolean
  readonly pausedUntilMs: number | 'told' | null
}

/** `isFine` null: nobody knows, which is as bad as not. */
export interface Finding {
  readonly isFine: boolean | null
  readonly value: string
  readonly limit: string
}

export interface Rule {
  readonly code: string
  /** What it says when it is not fine. */
  readonly says: 'drain' | 'stop'
  readonly preference: PreferenceName | null
  /**
   * Whether it rests on signals, which may flap: then it must have been fine for a while before work begins again. The
   * clock and the owner's word need no such doubt.
   */
  readonly settles: boolean
  /** Whether it makes sense on a machine that has no vehicle around it. */
  readonly isForAll: boolean
  /** Null: nothing is asked. */
  look(moment: Moment): Finding | null
}
