/**
 * All rules, in the order in which `carpool why` shows them.
 *
 * stop, where going on may harm somebody or something: who drives needs the computer, an unplugged pack or a flat 12 V
 * battery strands people, heat ages a pack and the reserve is somebody's way home. drain, where it is a matter of more or
 * less: the minute that a shard takes is nothing to a quiet evening, a monthly bill or a charge somewhat below the one
 * asked for, and a shard that is thrown away is energy paid for nothing.
 */
import { isParked, isStanding } from './motion.ts'
import { hysteresis } from './preferences.ts'
import type { Finding, Moment, Rule } from './rule.ts'
import type { SignalPath } from './signals.ts'
import { isWithin, minutesUntil, type WeekSpan, weekMinutes } from './week.ts'
import { clockTime, megabytes, round } from './wording.ts'

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
const meteredBytes = 'Carpool.Network.MeteredBytesThisMonth'
const power = 'Carpool.Compute.PowerWatts'
const energy = 'Carpool.Compute.EnergyTodayWh'

/** A vehicle that is charged to its limit loses a per cent before it charges again. */
const atLimitPercent = 1

export const chargeCode = 'charge-low'

export const rules: readonly Rule[] = [
  {
    code: 'paused',
    says: 'stop',
    preference: null,
    settles: false,
    isForAll: true,
    look: ({ pausedUntilMs, local }) => ({
      isFine: pausedUntilMs === null,
      value:
        pausedUntilMs === null
          ? 'no'
          : pausedUntilMs === 'told'
            ? 'until told otherwise'
            : `until ${clockTime(local.minuteOfWeek(pausedUntilMs))}`,
      limit: 'not paused',
    }),
  },
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
    // What charges is plugged in, on vehicles that do not tell of the cable.
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
    const { preferences, cabinBeganCelsius, readings } = moment
    const rise = preferences.cabinRiseCelsiusMax
    if (cabinBeganCelsius === null) {
      const celsius = readings.get(cabin)
      return {
        isFine: celsius === undefined ? null : true,
        value: celsius === undefined ? readings.whyUnknown(cabin) : `${round(celsius)} °C`,
        limit: `at most ${rise} °C more than at the beginning`,
      }
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
  {
    code: 'metered-cap',
    says: 'drain',
    preference: 'meteredBytesPerMonthMax',
    settles: true,
    isForAll: true,
    look: ({ preferences, readings, isVehicle }) => {
      const { unmeteredOnly, meteredBytesPerMonthMax } = preferences
      if (unmeteredOnly || meteredBytesPerMonthMax === null) return null
      const bytes = readings.get(meteredBytes)
      const isFree = readings.get(metered) === false
      // The cap has a default, and a desk may have nothing that counts.
      if (!isVehicle && bytes === undefined) return null
      return {
        isFine: isFree || (bytes === undefined ? null : bytes < meteredBytesPerMonthMax),
        value: bytes === undefined ? readings.whyUnknown(meteredBytes) : `${megabytes(bytes)} this month`,
        limit: `less than ${megabytes(meteredBytesPerMonthMax)} a month over a metered network`,
      }
    },
  },
  {
    code: 'power-cap',
    says: 'drain',
    preference: 'powerWattsMax',
    settles: true,
    isForAll: true,
    look: (moment) => {
      const max = moment.preferences.powerWattsMax
      return max === null ? null : atMost(moment, power, max, max * hysteresis.powerShare, 'W')
    },
  },
  {
    code: 'energy-cap',
    says: 'drain',
    preference: 'energyWhPerDayMax',
    settles: true,
    isForAll: true,
    look: (moment) => {
      const max = moment.preferences.energyWhPerDayMax
      if (max === null) return null
      const wattHours = moment.readings.get(energy)
      return {
        isFine: wattHours === undefined ? null : wattHours < max,
        value: wattHours === undefined ? moment.readings.whyUnknown(energy) : `${round(wattHours)} Wh today`,
        limit: `less than ${max} Wh a day`,
      }
    },
  },
  {
    code: 'quiet-hours',
    says: 'drain',
    preference: 'quietHours',
    settles: false,
    isForAll: true,
    look: ({ preferences, quiet, minuteOfWeek }) =>
      preferences.quietHours.length === 0
        ? null
        : {
            ...outsideOf(quiet, minuteOfWeek),
            limit: `not ${preferences.quietHours.join(', ')} (${preferences.timeZone})`,
          },
  },
  {
    code: 'ready-by',
    says: 'drain',
    preference: 'readyBy',
    settles: false,
    isForAll: true,
    look: ({ preferences, leaving, minuteOfWeek }) =>
      preferences.readyBy.length === 0
        ? null
        : {
            ...outsideOf(leaving, minuteOfWeek),
            limit: `ready by ${preferences.readyBy.join(', ')} (${preferences.timeZone})`,
          },
  },
  {
    code: 'category',
    says: 'drain',
    preference: 'categories',
    settles: false,
    isForAll: true,
    look: ({ preferences }) =>
      preferences.categories === null
        ? null
        : {
            isFine: true,
            value: 'asked of each offer',
            limit: `jobs of ${preferences.categories.join(', ')}`,
          },
  },
]

function forVehicles(
  code: string,
  says: Rule['says'],
  preference: Rule['preference'],
  look: Rule['look'],
): Rule {
  return { code, says, preference, settles: true, isForAll: false, look }
}

type NumberPath = typeof packTemperature | typeof outside | typeof cabin | typeof lowVoltage | typeof power

function atMost(
  { readings, wasCrossed }: Moment,
  path: NumberPath & SignalPath,
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

function atLeast(
  { readings, wasCrossed }: Moment,
  path: NumberPath & SignalPath,
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

/** Said by when it ends or begins, so that the finding changes only then. */
function outsideOf(spans: readonly WeekSpan[], minuteOfWeek: number): Omit<Finding, 'limit'> {
  const isFine = !isWithin(spans, minuteOfWeek)
  const edges = spans.map(({ start, end }) => (isFine ? start : end) % weekMinutes)
  const edge = Math.round(minuteOfWeek + (minutesUntil(edges, minuteOfWeek) ?? 0)) % weekMinutes
  return { isFine, value: `${isFine ? 'not before' : 'until'} ${clockTime(edge)}` }
}
