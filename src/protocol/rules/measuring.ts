/** Limits of measured values. A value that has crossed one must come back by the hysteresis before it is fine again. */
import type { Finding, Moment } from './rule.ts'
import type { SignalPath, SignalValues } from './signals.ts'
import { round } from './wording.ts'

type NumberPath = { [Path in SignalPath]: SignalValues[Path] extends number ? Path : never }[SignalPath]

export function atMost(
  { readings, wasCrossed }: Moment,
  path: NumberPath,
  max: number,
  back: number,
  unit: string,
): Finding {
  const value = readings.get(path)
  return {
    isFine: value === undefined ? null : value <= (wasCrossed ? max - back : max),
    value: value === undefined ? readings.whyUnknown(path) : `${round(value)} ${unit}`,
    limit: `at most ${round(max)} ${unit}`,
  }
}

export function atLeast(
  { readings, wasCrossed }: Moment,
  path: NumberPath,
  min: number,
  back: number,
  unit: string,
): Finding {
  const value = readings.get(path)
  return {
    isFine: value === undefined ? null : value >= (wasCrossed ? min + back : min),
    value: value === undefined ? readings.whyUnknown(path) : `${round(value)} ${unit}`,
    limit: `at least ${round(min)} ${unit}`,
  }
}
