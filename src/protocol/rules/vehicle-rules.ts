/** The rules about the vehicle: whether it is parked, plugged in, charged, cool, and on a network that costs nothing. */
import { atLeast, atMost, measured } from './measuring.ts'
import { isParked, isStanding } from './motion.ts'
import { hysteresis } from './preferences.ts'
import type { Rule } from './rule.ts'
import { round } from './wording.ts'

const battery = 'Vehicle.Powertrain.TractionBattery'
const charge = `${battery}.StateOfCharge.Displayed` as const
const chargeLimit = `${battery}.Charging.ChargeLimit` as const
const cable = `${battery}.Charging.ChargingPort.AnyPosition.IsChargingCableConnected` as const
const charging = `${battery}.Charging.IsCharging` as const
const packTemperature = `${battery}.Temperature.Average` as const
const speed = 'Vehicle.Speed'
const gear = 'Vehicle.Powertrain.Transmission.SelectedGear'
const parkLock = 'Vehicle.Powertrain.Transmission.IsParkLockEngaged'
const parkingBrake = 'Vehicle.Chassis.ParkingBrake.IsEngaged'
const ignition = 'Vehicle.LowVoltageSystemState'
const outside = 'Vehicle.Exterior.AirTemperature'
const cabin = 'Vehicle.Cabin.HVAC.AmbientAirTemperature'
const lowVoltage = 'Vehicle.LowVoltageBattery.CurrentVoltage'
const metered = 'Carpool.Network.IsMetered'

/** A vehicle that is charged to its limit loses a per cent before it charges again. */
const atLimitPercent = 1

export const chargeCode = 'charge-low'

export const vehicleRules: readonly Rule[] = [
  forVehicles('driving', 'stop', null, ({ readings }) => {
    const kmh = readings.get(speed)
    const stands = isStanding(readings)
    return {
      isFine: stands ?? null,
      value:
        stands === undefined
          ? readings.whyUnknown(speed)
          : kmh === undefined
            ? stands
              ? 'standing'
              : 'moving'
            : `${round(kmh)} km/h`,
      limit: 'standing',
    }
  }),
  forVehicles('not-parked', 'stop', null, ({ readings }) => {
    const parked = isParked(readings)
    return {
      isFine: parked ?? null,
      value:
        parked === undefined ? readings.whyUnknown(gear) : parked ? 'parked' : `gear ${readings.get(gear)}`,
      limit: 'parked',
    }
  }),
  forVehicles('not-park-locked', 'stop', 'parkLock', ({ preferences, readings }) => {
    if (!preferences.parkLock) return null
    const isLocked = readings.get(parkLock)
    const isBraked = readings.get(parkingBrake)
    const isHeld = isLocked === true || isBraked === true
    return {
      isFine: isHeld || (isLocked === undefined && isBraked === undefined ? null : false),
      value: isHeld
        ? `${isLocked === true ? 'park lock' : 'parking brake'} engaged`
        : isLocked === undefined && isBraked === undefined
          ? readings.whyUnknown(parkLock)
          : 'not engaged',
      limit: 'park lock or parking brake engaged',
    }
  }),
  forVehicles('ignition-on', 'stop', 'ignitionOff', ({ preferences, readings }) => {
    if (!preferences.ignitionOff) return null
    const state = readings.get(ignition)
    const isKnown = state !== undefined && state !== 'UNDEFINED'
    return {
      isFine: isKnown ? state !== 'ON' && state !== 'START' : null,
      value: state ?? readings.whyUnknown(ignition),
      limit: 'neither ON nor START',
    }
  }),
  forVehicles('unplugged', 'stop', 'pluggedOnly', ({ preferences, readings }) => {
    if (!preferences.pluggedOnly) return null
    const isConnected = readings.get(cable)
    // A vehicle that charges is plugged in, even if it does not report the cable.
    const isPlugged = isConnected ?? (readings.get(charging) === true || undefined)
    return {
      isFine: isPlugged ?? null,
      value: isPlugged === undefined ? readings.whyUnknown(cable) : isPlugged ? 'plugged in' : 'unplugged',
      limit: 'plugged in',
    }
  }),
  forVehicles('reserve', 'stop', 'reservePercent', ({ preferences, readings }) => {
    const { reservePercent } = preferences
    const percent = readings.get(charge)
    const limit = readings.get(chargeLimit)
    const never = limit !== undefined && limit < reservePercent ? `, and it charges to ${limit} % only` : ''
    return {
      isFine: percent === undefined ? null : percent >= reservePercent,
      value: percent === undefined ? readings.whyUnknown(charge) : `${round(percent)} %${never}`,
      limit: `at least ${reservePercent} %`,
    }
  }),
  forVehicles(chargeCode, 'drain', 'chargePercentMin', ({ preferences, readings, wasCrossed }) => {
    const percent = readings.get(charge)
    const limit = readings.get(chargeLimit)
    const asked = preferences.chargePercentMin
    const begins = limit === undefined ? asked : Math.min(asked, limit - atLimitPercent)
    const needed = wasCrossed ? begins : begins - hysteresis.chargePercent
    return {
      isFine: percent === undefined ? null : percent >= needed,
      value: percent === undefined ? readings.whyUnknown(charge) : `${round(percent)} %`,
      limit: `at least ${asked} % to begin${limit === undefined ? '' : `, or the vehicle's limit of ${limit} %`}`,
    }
  }),
  forVehicles('pack-hot', 'stop', 'packCelsiusMax', (moment) =>
    atMost(moment, packTemperature, moment.preferences.packCelsiusMax, hysteresis.celsius, '°C'),
  ),
  forVehicles('outside-cold', 'stop', 'outsideCelsiusMin', (moment) =>
    atLeast(moment, outside, moment.preferences.outsideCelsiusMin, hysteresis.celsius, '°C'),
  ),
  forVehicles('outside-hot', 'stop', 'outsideCelsiusMax', (moment) =>
    atMost(moment, outside, moment.preferences.outsideCelsiusMax, hysteresis.celsius, '°C'),
  ),
  forVehicles('cabin-warm', 'stop', 'cabinRiseCelsiusMax', (moment) => {
    const { preferences, cabinBeganCelsius } = moment
    const rise = preferences.cabinRiseCelsiusMax
    if (cabinBeganCelsius === null)
      return {
        ...measured(moment, cabin, '°C', () => true),
        limit: `at most ${rise} °C more than at the beginning`,
      }
    return {
      ...atMost(moment, cabin, cabinBeganCelsius + rise, Math.min(hysteresis.celsius, rise), '°C'),
      limit: `at most ${rise} °C more than ${round(cabinBeganCelsius)} °C`,
    }
  }),
  forVehicles('low-voltage', 'stop', 'lowVoltsMin', (moment) =>
    atLeast(moment, lowVoltage, moment.preferences.lowVoltsMin, hysteresis.volts, 'V'),
  ),
  forVehicles('metered', 'drain', 'unmeteredOnly', ({ preferences, readings }) => {
    if (!preferences.unmeteredOnly) return null
    const isMetered = readings.get(metered)
    return {
      isFine: isMetered === undefined ? null : !isMetered,
      value: isMetered === undefined ? readings.whyUnknown(metered) : isMetered ? 'metered' : 'unmetered',
      limit: 'an unmetered network',
    }
  }),
]

function forVehicles(
  code: string,
  says: Rule['says'],
  preference: Rule['preference'],
  look: Rule['look'],
): Rule {
  return { code, says, preference, settles: true, isForAll: false, look }
}
