/**
 * The signals of a vehicle: COVESA VSS 6 names and units. A provider (src/host/signals) reads them where it can; a
 * signal that it cannot read is absent, which the rules treat as unknown and never as fine.
 */

/** By VSS path. Those that VSS has no name for are ours. */
export interface SignalValues {
  /** Per cent. */
  readonly 'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed': number
  readonly 'Vehicle.Powertrain.TractionBattery.Charging.IsCharging': boolean
  readonly 'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected': boolean
  /** Per cent: where charging stops. */
  readonly 'Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit': number
  /** Watts; positive while it charges. */
  readonly 'Vehicle.Powertrain.TractionBattery.CurrentPower': number
  /** Celsius. */
  readonly 'Vehicle.Powertrain.TractionBattery.Temperature.Average': number
  readonly 'Vehicle.LowVoltageSystemState': 'UNDEFINED' | 'LOCK' | 'OFF' | 'ACC' | 'ON' | 'START'
  /** Kilometres an hour. */
  readonly 'Vehicle.Speed': number
  readonly 'Vehicle.IsMoving': boolean
  /** 126 is park. */
  readonly 'Vehicle.Powertrain.Transmission.SelectedGear': number
  readonly 'Vehicle.Powertrain.Transmission.IsParkLockEngaged': boolean
  readonly 'Vehicle.Chassis.ParkingBrake.IsEngaged': boolean
  /** Celsius. */
  readonly 'Vehicle.Exterior.AirTemperature': number
  /** Celsius. */
  readonly 'Vehicle.Cabin.HVAC.AmbientAirTemperature': number
  /** Volts. */
  readonly 'Vehicle.LowVoltageBattery.CurrentVoltage': number
  readonly 'Vehicle.Connectivity.IsConnectivityAvailable': boolean
  /** True when the network in use is paid by the byte. */
  readonly 'Carpool.Network.IsMetered': boolean
  /** Bytes sent and received over the metered network in this calendar month. */
  readonly 'Carpool.Network.MeteredBytesThisMonth': number
  /** Watts that the work draws at present. */
  readonly 'Carpool.Compute.PowerWatts': number
  /** Watt-hours that the work has drawn since midnight in the vehicle's time zone. */
  readonly 'Carpool.Compute.EnergyTodayWh': number
  /** Watts that the house would feed into the grid at present: those of its own panels that nothing there draws. Below 0: it buys. */
  readonly 'Carpool.Energy.SurplusWatts': number
}

export type SignalPath = keyof SignalValues

/** A value, and when it was read: milliseconds since 1970, by the vehicle's own clock. */
export interface Reading<Value> {
  readonly value: Value
  readonly atMs: number
}

/** The readings that are known at one moment. Null: from then on, its source says, there is none. */
export type VehicleState = { readonly [Path in SignalPath]?: Reading<SignalValues[Path] | null> }
