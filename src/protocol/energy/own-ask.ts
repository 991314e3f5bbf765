/**
 * Prices that follow power: what an owner asks for a unit is what its energy costs, and a margin.
 *
 * A lease is executed after its price was agreed, so that the dearest time of the next half hour counts, and never less than
 * the energy costs then. Prices are rounded up to two digits: a price that moves with every measurement would be news to the
 * whole mesh.
 */
import type { Micros } from '../price.ts'
import type { AsksAhead } from './cheap-hours.ts'
import { costOfJoules, type Tariff } from './tariff.ts'

const hourMs = 3_600_000
/** Leases are cut to minutes, and a vehicle has two for each slot. A guess. */
const leaseAheadMs = 30 * 60_000
/** An advert has room for so many. */
export const asksAheadMax = 24

export interface UnitEnergy {
  /** The energy of one unit, with the share of the computer that is awake for it. */
  readonly joules: number
  /** A price is for so many units. */
  readonly per: number
  /** A share of the cost of energy: 0.2 for 20 %. */
  readonly margin: number
  /** The operator keeps so much of the price. */
  readonly operatorPpm: number
}

/** The ask at this price of a kilowatt-hour; 1 at least, since what costs nothing is work for nothing. */
export function askAt(kwhMicros: Micros, { joules, per, margin, operatorPpm }: UnitEnergy): Micros {
  const cost = costOfJoules(joules * per, kwhMicros) * (1 + margin)
  const kept = 1 - operatorPpm / 1e6
  return roundedUp(Math.max(1, kept <= 0 ? Number.POSITIVE_INFINITY : cost / kept))
}

/** The ask now; null: nobody knows what power costs until a lease that is taken now is done. */
export function askNow(tariff: Tariff, energy: UnitEnergy, nowMs: number): Micros | null {
  return askWithin(tariff, energy, nowMs, nowMs + leaseAheadMs)
}

/** The asks of this hour and the next ones, as far as prices are known; undefined: those of no further hour are. */
export function hourlyAsks(tariff: Tariff, energy: UnitEnergy, nowMs: number): AsksAhead | undefined {
  const hour = Math.floor(nowMs / hourMs)
  const unitMicros: Micros[] = []
  for (let i = 0; i < asksAheadMax; i += 1) {
    const fromMs = (hour + i) * hourMs
    const micros = askWithin(tariff, energy, Math.max(fromMs, nowMs), fromMs + hourMs)
    if (micros === null) break
    unitMicros.push(micros)
  }
  return unitMicros.length < 2 ? undefined : { hour, unitMicros }
}

function askWithin(tariff: Tariff, energy: UnitEnergy, fromMs: number, untilMs: number): Micros | null {
  let dearest = Number.NEGATIVE_INFINITY
  for (let atMs: number | null = fromMs; atMs !== null && atMs < untilMs; atMs = tariff.nextChange(atMs)) {
    const kwhMicros = tariff.priceAt(atMs)
    if (kwhMicros === null) return null
    dearest = Math.max(dearest, kwhMicros)
  }
  return askAt(dearest, energy)
}

/** Up to two digits that count. */
function roundedUp(micros: number): Micros {
  if (!Number.isFinite(micros)) return Number.MAX_SAFE_INTEGER
  const step = 10 ** Math.max(0, Math.floor(Math.log10(micros)) - 1)
  // A float that is a little too high must not cost a whole step.
  return Math.ceil(micros / step - 1e-9) * step
}
