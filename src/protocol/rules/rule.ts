/** The parts of a rule. */

import type { Hours } from './hours.ts'
import type { PreferenceName, Preferences } from './preferences.ts'
import type { Readings } from './readings.ts'
import type { LocalTime } from './week.ts'

export interface Moment {
  readonly preferences: Preferences
  readonly readings: Readings
  readonly local: LocalTime
  readonly nowMs: number
  /** From Monday 00:00 in the vehicle's time zone, with a fraction. */
  readonly minuteOfWeek: number
  /** The hours that the preferences name, parsed. */
  readonly quiet: Hours
  readonly leaving: Hours
  /** True while this rule's limit was crossed and the value has not come back by the hysteresis. */
  readonly wasCrossed: boolean
  /** The temperature of the cabin when work began; null before. */
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
  /** The rule's effect while it is broken. */
  readonly says: 'drain' | 'stop'
  readonly preference: PreferenceName | null
  /**
   * True when it rests on signals, which may flap: then it must have held for a while before work begins again. The
   * clock and the owner's word need no such doubt.
   */
  readonly settles: boolean
  /** True when it makes sense on a machine that has no vehicle around it. */
  readonly isForAll: boolean
  /** Null: nothing is asked. */
  look(moment: Moment): Finding | null
}
