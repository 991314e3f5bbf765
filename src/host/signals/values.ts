/**
 * Turns the texts of servers, programs and files into values of the right type: the one gate for all providers.
 *
 * A text that is not understood gives no reading, never a guess: the rules treat a signal without one as unknown.
 * Ranges are far wider than any road vehicle's, and catch most of what buses send for "not available" (all bits set); what
 * falls within a range is listed.
 */
import { z } from 'zod'
import type { Reading, SignalPath, SignalValues } from '../../protocol/rules/signals.ts'

/** A signal is a plain value, a few levels down in a server's message. */
export const signalDepthMax = 16

const boolean = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
const percent = number(0, 100)
const celsius = number(-80, 150)

const schemas: { readonly [Path in SignalPath]: z.ZodType<SignalValues[Path]> } = {
  'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed': percent,
  'Vehicle.Powertrain.TractionBattery.Charging.IsCharging': boolean,
  'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected': boolean,
  'Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit': percent,
  'Vehicle.Powertrain.TractionBattery.CurrentPower': number(-2e6, 2e6),
  'Vehicle.Powertrain.TractionBattery.Temperature.Average': celsius,
  'Vehicle.LowVoltageSystemState': z.enum(['UNDEFINED', 'LOCK', 'OFF', 'ACC', 'ON', 'START']),
  'Vehicle.Speed': number(-500, 500),
  'Vehicle.IsMoving': boolean,
  'Vehicle.Powertrain.Transmission.SelectedGear': number(-127, 127).pipe(z.int()),
  'Vehicle.Powertrain.Transmission.IsParkLockEngaged': boolean,
  'Vehicle.Chassis.ParkingBrake.IsEngaged': boolean,
  'Vehicle.Exterior.AirTemperature': celsius,
  'Vehicle.Cabin.HVAC.AmbientAirTemperature': celsius,
  'Vehicle.LowVoltageBattery.CurrentVoltage': number(0, 100),
  'Vehicle.Connectivity.IsConnectivityAvailable': boolean,
  'Carpool.Network.IsMetered': boolean,
  'Carpool.Network.MeteredBytesThisMonth': number(0, Number.MAX_SAFE_INTEGER).pipe(z.int()),
  'Carpool.Compute.PowerWatts': number(0, 1e6),
  'Carpool.Compute.EnergyTodayWh': number(0, 1e9),
  'Carpool.Energy.SurplusWatts': number(-1e7, 1e7),
}

/**
 * Values within the range that a gateway makes of "not available": all bits of the field set, or none, in the usual
 * scalings (SAE J1939-71, ISO 15031-5). −40 °C is no bits with the offset of 40 °C: weather may be so cold, a pack that is to
 * work is not. 87.5 °C is 255 at half a degree, 6553.5 and 32767 are 16 bits.
 */
const unavailableValues: { readonly [Path in SignalPath]?: readonly number[] } = {
  'Vehicle.Powertrain.TractionBattery.Temperature.Average': [-40, 87.5],
  'Vehicle.Exterior.AirTemperature': [87.5],
  'Vehicle.Cabin.HVAC.AmbientAirTemperature': [-40, 87.5],
  'Vehicle.LowVoltageBattery.CurrentVoltage': [25.5, 51, 65.535],
  'Vehicle.Speed': [255, 255.996, 327.67],
  'Vehicle.Powertrain.TractionBattery.CurrentPower': [32_767, -32_768, 65_535, 327_670, -327_680, 655_350],
}

/** VSS 4 and 5 have one charging port and no instances of it. */
const olderNames: Readonly<Record<string, SignalPath>> = {
  'Vehicle.Powertrain.TractionBattery.Charging.IsChargingCableConnected':
    'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected',
}

/** The signals to ask a server for: all that vehicles know themselves, by every name. */
export const serverSignals: readonly string[] = [...Object.keys(schemas), ...Object.keys(olderNames)].filter(
  (name) => name.startsWith('Vehicle.'),
)

/** A clock that is ahead by more than this is wrong; by less, it is the way from one computer to the next. A guess. */
const clockSkewMsMax = 2_000

/** Undefined: Carpool has no use for it. `name` may be that of an older VSS. */
export function signalPathOf(name: string): SignalPath | undefined {
  if (Object.hasOwn(olderNames, name)) return olderNames[name]
  return Object.hasOwn(schemas, name) ? (name as SignalPath) : undefined
}

/**
 * Its value is null where the source says null, or what a bus sends for "not available". Throws Error that says what is wrong,
 * in words that follow the signal's name. `value` is untrusted.
 */
export function readingOf(
  path: SignalPath,
  value: unknown,
  atMs: number,
  nowMs: number,
): Reading<never | null> {
  if (value === null) return unavailable(atMs, nowMs)
  const parsed = schemas[path].safeParse(value)
  if (!parsed.success) throw new Error(`is not ${excerpt(value)}`)
  if (!Number.isFinite(atMs)) throw new Error('has no time')
  if (atMs > nowMs + clockSkewMsMax)
    throw new Error(`was read ${Math.round((atMs - nowMs) / 1000)} s ahead of this clock`)
  const isUnavailable = unavailableValues[path]?.includes(parsed.data as number) ?? false
  return { value: isUnavailable ? null : (parsed.data as never), atMs: Math.min(atMs, nowMs) }
}

/** Null, by the time that the source gave it; 0 where it gave none that is possible, which is as old as what it takes back. */
export function unavailable(atMs: number, nowMs: number): Reading<null> {
  return { value: null, atMs: atMs <= nowMs ? atMs : 0 }
}

/** Shortens a value that somebody sent, so that it fits into a line of the log. */
export function excerpt(value: unknown): string {
  const text = typeof value === 'string' ? value.slice(0, 100) : (JSON.stringify(value) ?? String(value))
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

function number(least: number, most: number): z.ZodType<number> {
  // As JSON and VISS write numbers; Number('') would be 0.
  const digits = z
    .string()
    .max(40)
    .regex(/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/)
    .transform(Number)
  return z.union([z.number(), digits]).pipe(z.number().min(least).max(most))
}
