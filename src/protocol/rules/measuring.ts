/** Limits of measured values. A value that has crossed one must come back by the hysteresis before it is fine again. */
import { dispensableSignals } from './preferences.ts'
import type { Finding, Moment } from './rule.ts'
import type { SignalPath, SignalValues } from './signals.ts'
import { round } from './wording.ts'

type NumberPath = { [Path in SignalPath]: SignalValues[Path] extends number ? Path : never }[SignalPath]

export function atMost(moment: Moment, path: NumberPath, max: number, back: number, unit: string): Finding {
  const limit = moment.wasCrossed ? max - back : max
  return {
    ...measured(moment, path, unit, (value) => value <= limit),
    limit: `at most ${round(max)} ${unit}`,
  }
}

export function atLeast(moment: Moment, path: NumberPath, min: number, back: number, unit: string): Finding {
  const limit = moment.wasCrossed ? min + back : min
  return {
    ...measured(moment, path, unit, (value) => value >= limit),
    limit: `at least ${round(min)} ${unit}`,
  }
}

/** Judges a value; an unknown one means nothing good, unless the vehicle never had such a sensor. */
export function measured(
  { readings, preferences }: Moment,
  path: NumberPath,
  unit: string,
  isFine: (value: number) => boolean,
): Omit<Finding, 'limit'> {
  const value = readings.get(path)
  if (value !== undefined) return { isFine: isFine(value), value: `${round(value)} ${unit}` }
  const isWithout = preferences.noSignal.some((name) => dispensableSignals[name] === path)
  return isWithout && !readings.wasRead(path)
    ? { isFine: true, value: 'this vehicle has no such sensor, says its owner' }
    : { isFine: null, value: readings.whyUnknown(path) }
}
