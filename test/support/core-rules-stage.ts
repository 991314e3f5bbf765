/**
 * The owner's rules on a stage. The scenario sets what the vehicle's bus says, and lets time pass; the bus repeats all of
 * it every five seconds, and the rules are looked at when they ask for it. The trace has a line for each change.
 */
import type { Judgement } from '../../src/protocol/rules/judgement.ts'
import { defaultPreferences, type Preferences } from '../../src/protocol/rules/preferences.ts'
import { OwnerRules } from '../../src/protocol/rules/rules.ts'
import type { RulesInput } from '../../src/protocol/rules/rules-input.ts'
import type { SignalPath, VehicleState } from '../../src/protocol/rules/signals.ts'
import { type Command, parseDuration } from './core-script.ts'

/** A Monday. */
const startMs = Date.UTC(2026, 5, 1)
const busMs = 5_000

/** Short names for what scenarios say of a vehicle. */
const paths: Readonly<Record<string, SignalPath>> = {
  charge: 'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed',
  limit: 'Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit',
  plugged: 'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected',
  pack: 'Vehicle.Powertrain.TractionBattery.Temperature.Average',
  ignition: 'Vehicle.LowVoltageSystemState',
  speed: 'Vehicle.Speed',
  gear: 'Vehicle.Powertrain.Transmission.SelectedGear',
  lock: 'Vehicle.Powertrain.Transmission.IsParkLockEngaged',
  outside: 'Vehicle.Exterior.AirTemperature',
  cabin: 'Vehicle.Cabin.HVAC.AmbientAirTemperature',
  volts: 'Vehicle.LowVoltageBattery.CurrentVoltage',
  metered: 'Carpool.Network.IsMetered',
  watts: 'Carpool.Compute.PowerWatts',
  wattHours: 'Carpool.Compute.EnergyTodayWh',
}

const willing =
  'charge=85 plugged=yes pack=25 ignition=OFF speed=0 gear=126 lock=yes outside=15 cabin=18 volts=12.9 metered=no'

export class RulesStage {
  #nowMs = startMs
  #rules = new OwnerRules(defaultPreferences)
  #wakeAtMs: number | null = null
  #judgement: Judgement | undefined
  readonly #bus = new Map<SignalPath, unknown>()
  #lines: string[] = []

  run({ verb, words, settings }: Command): string[] {
    this.#lines = []
    switch (verb) {
      case 'rules':
        this.#rules = new OwnerRules(preferencesOf(settings), { vehicle: words[0] !== 'desk' })
        this.#tell({ type: 'look' })
        break
      // `bus willing speed=3`: all that is asked for, but for what follows; null is a signal that is lost.
      case 'bus':
        if (words[0] === 'willing')
          for (const setting of willing.split(' ')) this.#set(setting.split('=') as [string, string])
        for (const setting of settings) this.#set(setting)
        this.#repeat()
        break
      case 'wait':
        this.#wait(this.#nowMs + parseDuration(words[0]!))
        break
      case 'until': {
        const [day, time] = words as [string, string]
        const [hours, minutes] = time.split(':').map(Number) as [number, number]
        const target = startMs + ((Number(day) * 24 + hours) * 60 + minutes) * 60_000
        this.#wait(target)
        break
      }
      // Neither bus nor rules: the machine was suspended.
      case 'sleep':
        this.#nowMs += parseDuration(words[0]!)
        break
      case 'pause':
        this.#tell({
          type: 'pause',
          untilMs: words[0] === undefined ? null : this.#nowMs + parseDuration(words[0]),
        })
        break
      case 'resume':
        this.#tell({ type: 'resume' })
        break
      case 'why':
        return this.#judgement!.rules.map(
          ({ code, verdict, value, limit }) => `${verdict} ${code}: ${value} (${limit})`,
        )
      default:
        throw new Error(`rules know no '${verb}'`)
    }
    return this.#lines
  }

  #set([name, text]: [string, string]): void {
    const path = paths[name]
    if (path === undefined) throw new Error(`no vehicle has '${name}'`)
    if (text === 'null') this.#bus.delete(path)
    else this.#bus.set(path, meant(text))
  }

  #wait(untilMs: number): void {
    while (this.#nowMs < untilMs) {
      const next = Math.min(untilMs, this.#nowMs - ((this.#nowMs - startMs) % busMs) + busMs)
      if (this.#wakeAtMs !== null && this.#wakeAtMs < next) {
        this.#nowMs = this.#wakeAtMs
        this.#tell({ type: 'look' })
      } else {
        this.#nowMs = next
        this.#repeat()
      }
    }
  }

  #repeat(): void {
    const readings = Object.fromEntries(
      [...this.#bus].map(([path, value]) => [path, { value, atMs: this.#nowMs }]),
    ) as VehicleState
    this.#tell({ type: 'readings', readings })
  }

  #tell(input: RulesInput): void {
    const before = this.#judgement
    const { judgement, wakeAtMs, departed } = this.#rules.handle(input, this.#nowMs)
    this.#judgement = judgement
    this.#wakeAtMs = wakeAtMs
    if (departed) this.#lines.push(`${this.#clock()} departed`)
    const said = sayingOf(judgement)
    if (before === undefined || sayingOf(before) !== said) this.#lines.push(`${this.#clock()} ${said}`)
  }

  #clock(): string {
    return new Date(this.#nowMs).toUTCString().replace(/^(\w+),.* (\d\d:\d\d:\d\d) GMT$/, '$1 $2')
  }
}

function sayingOf({ verdict, reasons, availableUntilMs }: Judgement): string {
  const until =
    availableUntilMs === null
      ? ''
      : `, until ${new Date(availableUntilMs).toUTCString().replace(/^(\w+),.* (\d\d:\d\d):\d\d GMT$/, '$1 $2')}`
  return `${[verdict, reasons.join(' ')].filter((part) => part !== '').join(': ')}${until}`
}

function preferencesOf(settings: ReadonlyMap<string, string>): Preferences {
  const preferences: Record<string, unknown> = { ...defaultPreferences }
  for (const [name, text] of settings) {
    if (!(name in preferences)) throw new Error(`no owner asks for '${name}'`)
    if (name === 'quietHours' || name === 'readyBy') preferences[name] = [text.replace('/', ' ')]
    else preferences[name] = name === 'settleMs' ? parseDuration(text) : meant(text)
  }
  return preferences as unknown as Preferences
}

function meant(text: string): unknown {
  if (text === 'yes' || text === 'no') return text === 'yes'
  return /^-?\d/.test(text) ? Number(text) : text
}
