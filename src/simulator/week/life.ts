/**
 * A vehicle's life apart from its work: it drives, parks, is plugged in, charges, and warms and cools with the
 * weather. Its bus tells the truth, give or take the error of sensors; now and then it falls silent.
 *
 * Coarse on purpose: a battery of 60 kWh that driving empties by a seventh an hour, and temperatures that approach
 * those around them. It need only be life enough to cross every limit that an owner may set, at plausible times of
 * day.
 */
import type { Reading, VehicleState } from '../../protocol/rules/signals.ts'
import type { Chance } from '../chance.ts'
import { dayMs, type Habits, hourMs, type Kind, minuteMs, type Trip } from './trips.ts'

/** The true state, no matter what sensors say. */
export interface Truth {
  kmh: number
  parked: boolean
  locked: boolean
  ignition: 'OFF' | 'ON'
  plugged: boolean
  charging: boolean
  chargePercent: number
  packCelsius: number
  outsideCelsius: number
  cabinCelsius: number
  lowVolts: number
}

interface Climate {
  readonly meanCelsius: number
  readonly sunCelsius: number
}

const packKwh = 60
const drivingKw = 8.5
/** Hours in which a difference of temperatures falls to a third. */
const packHours = 3
const cabinHours = 0.4
/** The error of sensors, either way, and half of the steps in which they report. */
export const sensorError = { chargePercent: 0.25, celsius: 0.25, volts: 0.025 } as const
const driftMs = 600_000

/** Minutes before it drives off, or after it has parked. */
const unplugMinutes = 2
const ignitionMinutes = 1

type Change = 'unplug' | 'start' | 'drive' | 'park' | 'off' | 'plug'

export class Life {
  readonly truth: Truth
  readonly chargeLimit: number
  readonly isMetered: boolean
  readonly #chance: Chance
  readonly #climate: Climate
  readonly #weakBattery: boolean
  readonly #changes: readonly { readonly atMs: number; readonly change: Change; readonly kw: number }[]
  #next = 0
  #chargerKw: number
  #nowMs = 0
  #day = -1
  #dayCelsius = 0
  #daySun = 0
  #drift = -1
  #noise = 0
  #silentFromMs: number
  #silentUntilMs: number

  /** Begins at home on a Monday at midnight, its local time 0, plugged in if it can be. */
  constructor(chance: Chance, kind: Kind, habits: Habits, trips: readonly Trip[]) {
    this.#chance = chance
    const region = chance.next()
    this.#climate = {
      meanCelsius: region < 0.08 ? 29 : region < 0.16 ? -6 : 15,
      sunCelsius: kind === 'private' && chance.happens(0.6) ? 16 : 0,
    }
    this.#weakBattery = chance.happens(0.02)
    this.isMetered = kind === 'private' && chance.happens(0.08)
    this.chargeLimit = kind === 'private' && chance.happens(0.3) ? 90 : 80
    this.#chargerKw = habits.homeKw
    this.#changes = trips.flatMap((trip) => changesOf(trip))
    this.#silentFromMs = chance.between(0, 7 * dayMs)
    this.#silentUntilMs = this.#silentFromMs + chance.between(1, 20) * minuteMs
    this.truth = {
      kmh: 0,
      parked: true,
      locked: true,
      ignition: 'OFF',
      plugged: habits.homeKw > 0,
      charging: false,
      chargePercent: chance.between(55, this.chargeLimit),
      packCelsius: this.#climate.meanCelsius,
      outsideCelsius: this.#climate.meanCelsius,
      cabinCelsius: this.#climate.meanCelsius,
      lowVolts: 12.6,
    }
  }

  /** When somebody next does something to it; nothing else changes at once. */
  get nextChangeMs(): number {
    return this.#changes[this.#next]?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** Kilowatts that the work draws meanwhile; from the pack where nothing else gives them. */
  advance(nowMs: number, workKw: number): void {
    while (this.#nowMs < nowMs) {
      const untilMs = Math.min(nowMs, this.#nowMs + minuteMs, Math.max(this.#nowMs, this.nextChangeMs))
      this.#live((untilMs - this.#nowMs) / hourMs, workKw)
      this.#nowMs = untilMs
      while (this.nextChangeMs <= this.#nowMs) this.#change(this.#changes[this.#next++]!)
    }
  }

  /** Undefined: the bus is silent. */
  readings(atMs: number): VehicleState | undefined {
    if (this.isSilent(atMs)) return undefined
    const { truth } = this
    const noise = this.#noiseAt(atMs)
    const read = <Value>(value: Value): Reading<Value> => ({ value, atMs })
    const measured = (value: number, error: number) => {
      const step = 2 * error
      return read(Math.round((value + noise * error) / step) * step)
    }
    return {
      'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed': measured(
        truth.chargePercent,
        sensorError.chargePercent,
      ),
      'Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit': read(this.chargeLimit),
      'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected': read(
        truth.plugged,
      ),
      'Vehicle.Powertrain.TractionBattery.Temperature.Average': measured(
        truth.packCelsius,
        sensorError.celsius,
      ),
      'Vehicle.LowVoltageSystemState': read(truth.ignition),
      'Vehicle.Speed': read(truth.kmh),
      'Vehicle.Powertrain.Transmission.SelectedGear': read(truth.parked ? 126 : 1),
      'Vehicle.Powertrain.Transmission.IsParkLockEngaged': read(truth.locked),
      'Vehicle.Exterior.AirTemperature': measured(truth.outsideCelsius, sensorError.celsius),
      'Vehicle.Cabin.HVAC.AmbientAirTemperature': measured(truth.cabinCelsius, sensorError.celsius),
      'Vehicle.LowVoltageBattery.CurrentVoltage': measured(truth.lowVolts, sensorError.volts),
      'Carpool.Network.IsMetered': read(this.isMetered),
    }
  }

  /** From -1 to 1; drifts slowly, as sensors do. */
  #noiseAt(atMs: number): number {
    const drift = Math.floor(atMs / driftMs)
    if (drift !== this.#drift) {
      this.#drift = drift
      this.#noise = 2 * this.#chance.next() - 1
    }
    return this.#noise
  }

  isSilent(atMs: number): boolean {
    if (atMs >= this.#silentUntilMs) {
      this.#silentFromMs = atMs + this.#chance.between(1, 14 * 24 * 60) * minuteMs
      this.#silentUntilMs = this.#silentFromMs + this.#chance.between(1, 20) * minuteMs
    }
    return atMs >= this.#silentFromMs
  }

  /** When it last spoke before this silence. */
  get silentFromMs(): number {
    return this.#silentFromMs
  }

  #live(hours: number, workKw: number): void {
    const { truth } = this
    const isDriving = truth.kmh > 0
    if (isDriving) this.#gain((-drivingKw * hours * 100) / packKwh)
    truth.charging = truth.plugged && truth.chargePercent < this.chargeLimit
    if (truth.charging) this.#gain((this.#chargerKw * hours * 100) / packKwh)
    else if (!truth.plugged) this.#gain((-workKw * hours * 100) / packKwh)
    truth.chargePercent = Math.min(truth.chargePercent, Math.max(this.chargeLimit, truth.chargePercent))
    this.#weather()
    const sun = this.#sunNow()
    const heat = isDriving ? 9 : truth.charging ? Math.min(14, this.#chargerKw) : workKw > 0 ? 1 : 0
    // Packs are cooled actively above 38 °C, and warmed below 0 °C while they are used.
    const pack = Math.min(42, Math.max(heat > 0 ? 0 : -30, truth.outsideCelsius + heat))
    truth.packCelsius += (pack - truth.packCelsius) * (1 - Math.exp(-hours / packHours))
    const cabin = isDriving ? 21 : truth.outsideCelsius + sun + (workKw > 0 ? 2 : 0)
    truth.cabinCelsius += (cabin - truth.cabinCelsius) * (1 - Math.exp(-hours / cabinHours))
    truth.lowVolts = this.#weakBattery && !isDriving ? 12.35 : isDriving || truth.plugged ? 13.6 : 12.65
  }

  #gain(percent: number): void {
    const { truth } = this
    const most = Math.max(this.chargeLimit, truth.chargePercent)
    truth.chargePercent = Math.min(most, Math.max(5, truth.chargePercent + percent))
  }

  #weather(): void {
    const day = Math.floor(this.#nowMs / dayMs)
    if (day !== this.#day) {
      this.#day = day
      this.#dayCelsius = this.#chance.between(-4, 4)
      this.#daySun = this.#chance.next()
    }
    // Coldest at four in the morning.
    const phase = ((this.#nowMs % dayMs) / dayMs - 4 / 24) * 2 * Math.PI
    this.truth.outsideCelsius = this.#climate.meanCelsius + this.#dayCelsius - 6 * Math.cos(phase)
  }

  #sunNow(): number {
    const hour = (this.#nowMs % dayMs) / hourMs
    return hour < 6 || hour > 20
      ? 0
      : this.#climate.sunCelsius * this.#daySun * Math.sin(((hour - 6) / 14) * Math.PI)
  }

  #change({ change, kw }: { readonly change: Change; readonly kw: number }): void {
    const { truth } = this
    if (change === 'unplug') truth.plugged = false
    else if (change === 'start') truth.ignition = 'ON'
    else if (change === 'drive') {
      truth.parked = false
      truth.locked = false
      truth.kmh = 30
    } else if (change === 'park') {
      truth.kmh = 0
      truth.parked = true
      truth.locked = true
    } else if (change === 'off') truth.ignition = 'OFF'
    else {
      this.#chargerKw = kw
      // Not everybody plugs in every evening.
      truth.plugged = kw > 0 && (truth.chargePercent < 55 || kw >= 22 || this.#chance.happens(0.8))
    }
    truth.charging = truth.plugged && truth.chargePercent < this.chargeLimit
  }
}

function changesOf({ leavesMs, arrivesMs, chargerKw }: Trip) {
  const at = (atMs: number, change: Change) => ({ atMs, change, kw: chargerKw })
  return [
    at(leavesMs - unplugMinutes * minuteMs, 'unplug'),
    at(leavesMs - ignitionMinutes * minuteMs, 'start'),
    at(leavesMs, 'drive'),
    at(arrivesMs, 'park'),
    at(arrivesMs + ignitionMinutes * minuteMs, 'off'),
    at(arrivesMs + unplugMinutes * minuteMs, 'plug'),
  ]
}
