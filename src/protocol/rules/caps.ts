/** The rules about how much: bytes over a metered network, power and energy. They hold on every machine that counts it. */
import { atMost } from './measuring.ts'
import { hysteresis, surplusWattsToBegin } from './preferences.ts'
import type { Rule } from './rule.ts'
import { megabytes, round } from './wording.ts'

const metered = 'Carpool.Network.IsMetered'
const meteredBytes = 'Carpool.Network.MeteredBytesThisMonth'
const power = 'Carpool.Compute.PowerWatts'
const energy = 'Carpool.Compute.EnergyTodayWh'
const surplus = 'Carpool.Energy.SurplusWatts'

export const surplusCode = 'no-surplus'

export const caps: readonly Rule[] = [
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
    code: surplusCode,
    says: 'drain',
    preference: 'surplusOnly',
    settles: true,
    isForAll: true,
    look: ({ preferences, readings, wasCrossed }) => {
      if (!preferences.surplusOnly) return null
      const watts = readings.get(surplus)
      return {
        isFine: watts === undefined ? null : watts >= (wasCrossed ? surplusWattsToBegin : 0),
        value: watts === undefined ? readings.whyUnknown(surplus) : `${round(watts)} W of surplus`,
        limit: `at least ${surplusWattsToBegin} W of surplus to begin, and no power bought`,
      }
    },
  },
]
