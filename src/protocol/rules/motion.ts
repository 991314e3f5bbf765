/** Reads from a vehicle's signals if it stands still and if it is parked. */
import type { Readings } from './readings.ts'

/** VSS: the gear 126 is park. */
const parkGear = 126
/** Wheel sensors of a vehicle that stands still report up to half a kilometre an hour. A guess. */
const standingKmhMax = 0.5

/** Undefined: nobody knows. */
export function isStanding(readings: Readings): boolean | undefined {
  const kmh = readings.get('Vehicle.Speed')
  const isMoving = readings.get('Vehicle.IsMoving')
  if (kmh === undefined && isMoving === undefined) return undefined
  return Math.abs(kmh ?? 0) <= standingKmhMax && isMoving !== true
}

/** Undefined: nobody knows. */
export function isParked(readings: Readings): boolean | undefined {
  const gear = readings.get('Vehicle.Powertrain.Transmission.SelectedGear')
  if (gear !== undefined) return gear === parkGear
  // A vehicle that is locked in park is in park, even if it reports no gear.
  return readings.get('Vehicle.Powertrain.Transmission.IsParkLockEngaged') === true || undefined
}
