/** How old a reading may be before it says nothing. */
import type { SignalPath } from './signals.ts'

/**
 * Signals of driving, of people and of the plug come on every bus at 1 Hz or more, and providers repeat them once a
 * second: if ten in a row are missing, the line is broken. A guess, as are the two below.
 */
const motionMs = 10_000
/** Charge, voltage and power move by a unit in minutes; slow gateways send them every 10 s. */
const energyMs = 60_000
/** A pack of half a tonne, a cabin and the weather; NetworkManager speaks on change, and is asked once a minute. */
const slowMs = 300_000

export const freshMs: { readonly [Path in SignalPath]: number } = {
  'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed': energyMs,
  'Vehicle.Powertrain.TractionBattery.Charging.IsCharging': motionMs,
  'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected': motionMs,
  'Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit': slowMs,
  'Vehicle.Powertrain.TractionBattery.CurrentPower': energyMs,
  'Vehicle.Powertrain.TractionBattery.Temperature.Average': energyMs,
  'Vehicle.LowVoltageSystemState': motionMs,
  'Vehicle.Speed': motionMs,
  'Vehicle.IsMoving': motionMs,
  'Vehicle.Powertrain.Transmission.SelectedGear': motionMs,
  'Vehicle.Powertrain.Transmission.IsParkLockEngaged': motionMs,
  'Vehicle.Chassis.ParkingBrake.IsEngaged': motionMs,
  'Vehicle.Exterior.AirTemperature': slowMs,
  'Vehicle.Cabin.HVAC.AmbientAirTemperature': slowMs,
  'Vehicle.LowVoltageBattery.CurrentVoltage': energyMs,
  'Vehicle.Connectivity.IsConnectivityAvailable': slowMs,
  'Carpool.Network.IsMetered': slowMs,
  'Carpool.Network.MeteredBytesThisMonth': slowMs,
  'Carpool.Compute.PowerWatts': energyMs,
  'Carpool.Compute.EnergyTodayWh': energyMs,
  'Carpool.Energy.SurplusWatts': energyMs,
}

/** A reading further ahead than this comes from before a clock was set back, and says nothing about now. A guess. */
export const aheadMsMax = 5_000
