/** The signals that Carpool reads, in words: for its help and docs/signals.md. Whether a rule reads what stands here is tested. */
import type { SignalPath } from './signals.ts'

export interface ListedSignal {
  /** As the values are written in JSON. */
  readonly values: string
  /** The codes of the rules that read it. None: Carpool counts by it. */
  readonly rules: readonly string[]
}

const battery = 'Vehicle.Powertrain.TractionBattery'

/** By path. In the order in which it is shown. */
export const signalList: { readonly [Path in SignalPath]: ListedSignal } = {
  'Vehicle.Speed': { values: 'km/h', rules: ['driving'] },
  'Vehicle.IsMoving': { values: 'true or false', rules: ['driving'] },
  'Vehicle.Powertrain.Transmission.SelectedGear': {
    values: 'a whole number; 126 is park',
    rules: ['not-parked'],
  },
  'Vehicle.Powertrain.Transmission.IsParkLockEngaged': {
    values: 'true or false',
    rules: ['not-parked', 'not-park-locked'],
  },
  'Vehicle.Chassis.ParkingBrake.IsEngaged': { values: 'true or false', rules: ['not-park-locked'] },
  'Vehicle.LowVoltageSystemState': {
    values: 'LOCK, OFF, ACC, ON, START or UNDEFINED',
    rules: ['ignition-on'],
  },
  [`${battery}.Charging.ChargingPort.AnyPosition.IsChargingCableConnected`]: {
    values: 'true or false',
    rules: ['unplugged'],
  },
  [`${battery}.Charging.IsCharging`]: { values: 'true or false', rules: ['unplugged'] },
  [`${battery}.StateOfCharge.Displayed`]: { values: 'per cent', rules: ['reserve', 'charge-low'] },
  [`${battery}.Charging.ChargeLimit`]: { values: 'per cent', rules: ['reserve', 'charge-low'] },
  [`${battery}.Temperature.Average`]: { values: '°C', rules: ['pack-hot'] },
  'Vehicle.Exterior.AirTemperature': { values: '°C', rules: ['outside-cold', 'outside-hot'] },
  'Vehicle.Cabin.HVAC.AmbientAirTemperature': { values: '°C', rules: ['cabin-warm'] },
  'Vehicle.LowVoltageBattery.CurrentVoltage': { values: 'V', rules: ['low-voltage'] },
  [`${battery}.CurrentPower`]: { values: 'W, above 0 while it charges', rules: [] },
  'Vehicle.Connectivity.IsConnectivityAvailable': { values: 'true or false', rules: [] },
  'Carpool.Network.IsMetered': { values: 'true or false', rules: ['metered', 'metered-cap'] },
  'Carpool.Energy.SurplusWatts': { values: 'W, below 0 while power is bought', rules: ['no-surplus'] },
  'Carpool.Network.MeteredBytesThisMonth': { values: 'bytes', rules: ['metered-cap'] },
  'Carpool.Compute.PowerWatts': { values: 'W', rules: ['power-cap'] },
  'Carpool.Compute.EnergyTodayWh': { values: 'Wh', rules: ['energy-cap'] },
}

/** Those that the node counts by itself. */
export const countedSignals: ReadonlySet<SignalPath> = new Set([
  'Carpool.Network.MeteredBytesThisMonth',
  'Carpool.Compute.PowerWatts',
  'Carpool.Compute.EnergyTodayWh',
])
