/** A vehicle that says what a test wants, once a second like a bus, through the provider for programs. */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SignalPath } from '../../src/protocol/rules/signals.ts'

const battery = 'Vehicle.Powertrain.TractionBattery'

type Values = Partial<Record<SignalPath, string | number | boolean>>

/** Everything that the default preferences ask for. */
export const parked: Values = {
  'Vehicle.Speed': 0,
  'Vehicle.IsMoving': false,
  'Vehicle.LowVoltageSystemState': 'OFF',
  'Vehicle.Powertrain.Transmission.SelectedGear': 126,
  'Vehicle.Powertrain.Transmission.IsParkLockEngaged': true,
  'Vehicle.Chassis.ParkingBrake.IsEngaged': true,
  [`${battery}.StateOfCharge.Displayed`]: 90,
  [`${battery}.Charging.IsCharging`]: true,
  [`${battery}.Charging.ChargingPort.AnyPosition.IsChargingCableConnected`]: true,
  [`${battery}.Temperature.Average`]: 20,
  'Vehicle.Exterior.AirTemperature': 15,
  'Vehicle.Cabin.HVAC.AmbientAirTemperature': 18,
  'Vehicle.LowVoltageBattery.CurrentVoltage': 12.9,
  'Carpool.Network.IsMetered': false,
}

export const driving: Values = { 'Vehicle.Speed': 50, 'Vehicle.IsMoving': true }

export class VehicleBus {
  /** What an owner writes to listen to it. */
  readonly source: string
  readonly #pipe: number
  readonly #timer: NodeJS.Timeout
  #known: Values = {}

  constructor(folder: string) {
    const path = join(folder, 'bus')
    execFileSync('mkfifo', [path])
    // Open for both, so that neither side waits for the other, and a reader that ends is followed by the next.
    this.#pipe = openSync(path, 'r+')
    this.source = `command:exec cat ${path}`
    this.#timer = setInterval(() => this.say({}), 1_000)
  }

  /** These change; everything is said. Written when this returns. */
  say(changes: Values): void {
    this.#known = { ...this.#known, ...changes }
    writeSync(this.#pipe, `${JSON.stringify(this.#known)}\n`)
  }

  fallSilent(): void {
    clearInterval(this.#timer)
  }

  close(): void {
    this.fallSilent()
    closeSync(this.#pipe)
  }
}
