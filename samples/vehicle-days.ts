/**
 * Vehicles that live through a day, or an hour: a small physical model of what their signals would say.
 *
 * A pack of 75 kWh, 0.18 kWh a kilometre, 11 kW at a wallbox; half a tonne that warms by 0.07 °C a kWh charged at home and
 * by 0.5 when charged fast, and comes a third of the way back to the air's temperature in an hour. Figures for an ordinary
 * electric car; the rules look at limits, and not at how exactly they are reached.
 */
import type { SignalValues } from '../src/protocol/rules/signals.ts'

/** From when on it does what, in seconds; until the next begins. */
interface Phase {
  readonly atSeconds: number
  readonly does: 'drive' | 'park' | 'charge'
  /** The network there is paid by the byte. */
  readonly isMetered?: boolean
  readonly chargeKw?: number
}

interface Day {
  readonly name: string
  readonly seconds: number
  readonly phases: readonly Phase[]
  readonly chargePercent: number
  readonly packCelsius: number
  readonly chargeLimitPercent?: number
  /** The hour of the day at which it begins, for the weather. */
  readonly fromHour: number
  /** At four in the morning, and at four in the afternoon. */
  readonly celsius: readonly [number, number]
  readonly packHeat?: number
}

const hour = 3_600
const packKwh = 75

const days: readonly Day[] = [
  {
    name: 'arrives-and-plugs-in',
    seconds: 1 * hour,
    phases: [
      { atSeconds: 0, does: 'drive', isMetered: true },
      { atSeconds: 300, does: 'charge' },
    ],
    chargePercent: 84,
    packCelsius: 27,
    chargeLimitPercent: 90,
    fromHour: 18,
    celsius: [8, 19],
  },
  {
    name: 'charge-30-percent',
    seconds: 1 * hour,
    phases: [{ atSeconds: 0, does: 'charge' }],
    chargePercent: 30,
    packCelsius: 22,
    fromHour: 18,
    celsius: [8, 19],
  },
  {
    name: 'drives-off',
    seconds: 1 * hour,
    phases: [
      { atSeconds: 0, does: 'charge' },
      { atSeconds: 1_800, does: 'drive', isMetered: true },
    ],
    chargePercent: 80,
    packCelsius: 24,
    fromHour: 7,
    celsius: [8, 19],
  },
  {
    name: 'gets-hot',
    seconds: 3 * hour,
    phases: [{ atSeconds: 0, does: 'charge', chargeKw: 22 }],
    chargePercent: 82,
    chargeLimitPercent: 100,
    packCelsius: 36,
    fromHour: 14,
    celsius: [22, 34],
    // Its cooling is broken.
    packHeat: 0.7,
  },
  {
    name: 'robotaxi-day',
    seconds: 24 * hour,
    phases: [
      { atSeconds: 0, does: 'charge' },
      { atSeconds: 6 * hour, does: 'drive', isMetered: true },
      { atSeconds: 10.5 * hour, does: 'charge', chargeKw: 50 },
      { atSeconds: 15 * hour, does: 'drive', isMetered: true },
      { atSeconds: 19 * hour, does: 'charge', chargeKw: 50 },
      { atSeconds: 20.5 * hour, does: 'drive', isMetered: true },
      { atSeconds: 23 * hour, does: 'charge', chargeKw: 50 },
    ],
    chargePercent: 85,
    packCelsius: 25,
    chargeLimitPercent: 90,
    fromHour: 0,
    celsius: [9, 21],
  },
  {
    name: 'commuter-day',
    seconds: 24 * hour,
    phases: [
      { atSeconds: 0, does: 'charge' },
      { atSeconds: 7.5 * hour, does: 'drive', isMetered: true },
      { atSeconds: 8.1 * hour, does: 'park', isMetered: true },
      { atSeconds: 17.5 * hour, does: 'drive', isMetered: true },
      { atSeconds: 18.2 * hour, does: 'charge' },
    ],
    chargePercent: 79,
    packCelsius: 16,
    fromHour: 0,
    celsius: [6, 17],
  },
]

/** By name: JSON lines as src/host/signals/trace.ts plays them, and the same for the same version of this file. */
export function traces(): ReadonlyMap<string, string> {
  return new Map(days.map((day) => [day.name, trace(day)]))
}

function trace(day: Day): string {
  const lines: string[] = []
  const said: Record<string, unknown> = {}
  let car = { percent: day.chargePercent, packC: day.packCelsius, cabinC: airCelsius(day, 0) }
  let before = 0
  for (const second of moments(day)) {
    car = after(car, day, before, second)
    before = second
    const news = Object.entries(valuesOf(car, day, second)).filter(([path, value]) => said[path] !== value)
    if (news.length === 0) continue
    Object.assign(said, Object.fromEntries(news))
    lines.push(JSON.stringify({ at: second, ...Object.fromEntries(news) }))
  }
  // The end, so that what loops lasts as long as the day.
  if (before > (JSON.parse(lines.at(-1)!) as { at: number }).at) lines.push(JSON.stringify({ at: before }))
  return `${lines.join('\n')}\n`
}

/** Each second of an arrival or a departure; otherwise every half a minute on the road, or two where
 * the day is long, and five minutes at rest. */
function moments(day: Day): number[] {
  const found = new Set([0, day.seconds])
  for (const [index, { atSeconds, does }] of day.phases.entries()) {
    const end = day.phases[index + 1]?.atSeconds ?? day.seconds
    const step = does === 'park' || does === 'charge' ? 300 : day.seconds > 3 * hour ? 120 : 30
    for (let second = atSeconds; second < end; second += step) found.add(second)
    for (let second = atSeconds; second < Math.min(atSeconds + handlingSeconds, end); second += 1)
      found.add(second)
  }
  return [...found].sort((a, b) => a - b)
}

/** How long it takes to get out and plug in, or to get in and drive off. */
const handlingSeconds = 60

interface Car {
  readonly percent: number
  readonly packC: number
  readonly cabinC: number
}

function after(car: Car, day: Day, from: number, to: number): Car {
  const hours = (to - from) / hour
  if (hours === 0) return car
  const kw = packKw(car, day, from)
  const phase = phaseAt(day, from)
  const heat = kw > 0 ? (day.packHeat ?? (kw > 22 ? 0.5 : 0.07)) * kw * hours : Math.abs(kw) * 0.1 * hours
  const air = airCelsius(day, from)
  const cabinAim = phase.does === 'drive' ? 21 : air
  return {
    percent: Math.min(100, Math.max(0, car.percent + ((kw * hours) / packKwh) * 100)),
    packC: car.packC + heat + (air - car.packC) * (1 - Math.exp(-hours * 0.4)),
    cabinC: car.cabinC + (cabinAim - car.cabinC) * (1 - Math.exp(-hours * (phase.does === 'drive' ? 8 : 2))),
  }
}

function valuesOf(car: Car, day: Day, second: number): Partial<SignalValues> {
  const { atSeconds, does, isMetered = false } = phaseAt(day, second)
  const since = second - atSeconds
  const isFirst = atSeconds === 0
  // An arrival: standing, then park, then off, then the cable. A departure: the cable, then on, then a gear.
  const isDriving = does === 'drive' && (isFirst || since >= 45)
  const isInPark = does === 'drive' ? !isFirst && since < 40 : isFirst || since >= 5
  const isOn = does === 'drive' ? isFirst || since >= 25 : !isFirst && since < 15
  const wasCharging = !isFirst && phaseAt(day, atSeconds - 1).does === 'charge'
  const isPlugged = does === 'charge' ? isFirst || since >= 40 : wasCharging && since < 10
  const kmh = isDriving ? speedAt(second) : 0
  const kw = packKw(car, day, second)
  const isCharging = isPlugged && kw > 0
  return {
    'Vehicle.Speed': kmh,
    'Vehicle.IsMoving': kmh > 0,
    'Vehicle.Powertrain.Transmission.SelectedGear': isInPark ? 126 : 1,
    'Vehicle.Powertrain.Transmission.IsParkLockEngaged': isInPark,
    'Vehicle.Chassis.ParkingBrake.IsEngaged': isInPark,
    'Vehicle.LowVoltageSystemState': isOn ? 'ON' : 'OFF',
    'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected':
      isPlugged,
    'Vehicle.Powertrain.TractionBattery.Charging.IsCharging': isCharging,
    'Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit': day.chargeLimitPercent ?? 80,
    'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed': Math.round(car.percent),
    'Vehicle.Powertrain.TractionBattery.CurrentPower':
      isCharging || isDriving ? Math.round(kw * 10) * 100 : -300,
    'Vehicle.Powertrain.TractionBattery.Temperature.Average': half(car.packC),
    'Vehicle.Exterior.AirTemperature': half(airCelsius(day, second)),
    'Vehicle.Cabin.HVAC.AmbientAirTemperature': half(car.cabinC),
    'Vehicle.LowVoltageBattery.CurrentVoltage': isCharging || isOn ? 14.1 : 12.7,
    'Vehicle.Connectivity.IsConnectivityAvailable': true,
    // The garage's network reaches as far as the gate.
    'Carpool.Network.IsMetered': isMetered && (does !== 'drive' || isDriving),
  }
}

/** Positive while it charges. */
function packKw({ percent }: Car, day: Day, second: number): number {
  const { does, atSeconds, chargeKw = 11 } = phaseAt(day, second)
  const isThere = atSeconds === 0 || second - atSeconds >= 45
  if (does === 'drive') return isThere ? -0.18 * speedAt(second) : -0.3
  if (does === 'charge' && isThere) return percent < (day.chargeLimitPercent ?? 80) ? chargeKw : 0
  return -0.05
}

/** Streets and lights: up to 60 km/h, and standing once in a while; the same at the same second. */
function speedAt(second: number): number {
  const wave = Math.sin(second / 47) + Math.sin(second / 113 + 2) + Math.sin(second / 23 + 4)
  return Math.max(0, Math.round(28 + 16 * wave))
}

function airCelsius({ fromHour, celsius: [night, noon] }: Day, second: number): number {
  const hourOfDay = fromHour + second / hour
  return (night + noon) / 2 - ((noon - night) / 2) * Math.cos(((hourOfDay - 4) / 12) * Math.PI)
}

function phaseAt({ phases }: Day, second: number): Phase {
  return phases.findLast(({ atSeconds }) => atSeconds <= second)!
}

function half(celsius: number): number {
  return Math.round(celsius * 2) / 2
}
