/**
 * Drives the owner's rules (src/protocol/rules), with everything that they need beside the vehicle's signals: the power that the work
 * draws, the bytes that it sends over a metered network, and the times when the vehicle left before. It is the same
 * in the supervisor and, on a machine without a vehicle, in the node.
 */
import { noteDeparture } from '../../protocol/rules/forecast.ts'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import type { Preferences } from '../../protocol/rules/preferences.ts'
import { Readings } from '../../protocol/rules/readings.ts'
import { OwnerRules } from '../../protocol/rules/rules.ts'
import type { RulesInput } from '../../protocol/rules/rules-input.ts'
import { LocalTime } from '../../protocol/rules/week.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'
import { ComputeEnergy } from './compute-energy.ts'
import type { Kept } from './kept.ts'

export interface RulesDriverOptions {
  readonly preferences: Preferences
  readonly isVehicle: boolean
  /** The power that a slot draws when it is busy all the time, in watts. */
  readonly slotWatts: number
  readonly kept: Kept
}

/** Counters are kept this often: a crash forgets a minute of them. A guess; each costs an fsync. */
const keepIntervalMs = 60_000

const battery = 'Vehicle.Powertrain.TractionBattery'

export class RulesDriver {
  readonly #isVehicle: boolean
  readonly #rules: OwnerRules
  readonly #local: LocalTime
  readonly #energy: ComputeEnergy
  readonly #readings = new Readings()
  #departures: readonly number[]
  #metered: Kept['metered']
  #judgement: Judgement
  #wakeAtMs: number | null = null
  #keptAtMs: number
  #keptText: string
  #isKeepUrgent = false

  constructor({ preferences, isVehicle, slotWatts, kept }: RulesDriverOptions, nowMs: number) {
    this.#isVehicle = isVehicle
    this.#rules = new OwnerRules(preferences, { vehicle: isVehicle, departures: kept.departures })
    this.#local = LocalTime.in(preferences.timeZone)
    this.#energy = new ComputeEnergy(slotWatts, this.#local, kept.energy)
    this.#departures = kept.departures
    this.#metered = kept.metered
    this.#keptAtMs = nowMs
    this.#keptText = JSON.stringify(kept)
    this.#judgement = this.#rules.handle({ type: 'look' }, nowMs).judgement
    this.count(0, 0, nowMs)
  }

  get judgement(): Judgement {
    return this.#judgement
  }

  /** When time alone may change the judgement; null: never. */
  get wakeAtMs(): number | null {
    return this.#wakeAtMs
  }

  get energyRate(): EnergyRate {
    return this.#energy.rate
  }

  handle(input: RulesInput, nowMs: number): void {
    if (input.type === 'clock-set') {
      this.#energy.clockSet(input.byMs)
      this.#keptAtMs += input.byMs
    }
    if (input.type === 'readings') this.#readings.take(input.readings, nowMs)
    const { judgement, wakeAtMs, departed } = this.#rules.handle(input, nowMs)
    this.#judgement = judgement
    this.#wakeAtMs = wakeAtMs
    if (!departed) return
    this.#departures = noteDeparture(this.#departures, nowMs)
    this.#isKeepUrgent = true
  }

  /**
   * Counts the CPU time of all slots together, and the bytes of the node's network, since the last call. Called every
   * few seconds.
   */
  count(cpuMs: number, bytes: number, nowMs: number): void {
    this.#readings.look(nowMs)
    this.#energy.sample(cpuMs, this.#drawnWatts(), nowMs)
    const month = monthOf(this.#local.toLocal(nowMs))
    if (month !== this.#metered.month) this.#metered = { month, bytes: 0 }
    const isMetered = this.#readings.get('Carpool.Network.IsMetered')
    // A vehicle that does not know counts what may cost; a desk pays for nothing unless it is told so.
    if (isMetered ?? this.#isVehicle) this.#metered = { month, bytes: this.#metered.bytes + bytes }
    const reading = <Value>(value: Value) => ({ value, atMs: nowMs })
    this.handle(
      {
        type: 'readings',
        readings: {
          'Carpool.Compute.PowerWatts': reading(this.#energy.powerWatts),
          'Carpool.Compute.EnergyTodayWh': reading(this.#energy.today.wattHours),
          ...(isMetered === undefined && !this.#isVehicle
            ? {}
            : { 'Carpool.Network.MeteredBytesThisMonth': reading(this.#metered.bytes) }),
        },
      },
      nowMs,
    )
  }

  /** Returns the state to remember, if that is due and has changed. */
  takeKept(nowMs: number): Kept | null {
    if (!this.#isKeepUrgent && nowMs - this.#keptAtMs < keepIntervalMs && nowMs >= this.#keptAtMs) return null
    this.#isKeepUrgent = false
    this.#keptAtMs = nowMs
    const kept = { departures: [...this.#departures], energy: this.#energy.today, metered: this.#metered }
    const text = JSON.stringify(kept)
    // An idle vehicle leaves its disk alone.
    if (text === this.#keptText) return null
    this.#keptText = text
    return kept
  }

  /** Returns the power that leaves the pack, where the vehicle and its work draw it and nothing else does. */
  #drawnWatts(): number | null {
    const isPlugged = this.#readings.get(
      `${battery}.Charging.ChargingPort.AnyPosition.IsChargingCableConnected`,
    )
    const watts = this.#readings.get(`${battery}.CurrentPower`)
    return isPlugged === false && watts !== undefined ? -watts : null
  }
}

/** Returns the month of a local time, counted from 1970. */
function monthOf(localMs: number): number {
  const date = new Date(localMs)
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
}
