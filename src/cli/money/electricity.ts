/** The cost of electricity, out of the hours in which a vehicle counted it. */
import type { EnergyAccount, PeriodEarnings, Work } from '../../host/ledger/contract.ts'
import { costOfJoules, type Tariff } from '../../protocol/energy/tariff.ts'

const hourMs = 3_600_000

export interface Priced {
  /** By which all is counted, in place of what was noted; null: none. */
  readonly tariff: Tariff | null
  /** That of this machine's configuration. */
  readonly usual: Tariff | null
  readonly nowMs: number
}

/** Energy of a period. All in joules; costs in micros of the currency, null where the price is not known. */
export interface Electricity {
  /** All that the work drew. */
  readonly drawnJoules: number
  /** The part of it that went into no shard that was finished: work that was broken off, and engines that started. */
  readonly lostJoules: number
  /** The energy that the computer drew beside the work while it was kept awake for it. */
  readonly idleJoules: number
  readonly costMicros: number | null
  readonly lostMicros: number | null
}

/**
 * Adds up the hours since then. `tariff` null: the costs that were counted when the energy was drawn, and by the `usual` one where
 * none were. Energy that receipts speak of and no hour has, since it was drawn in this minute or before hours were counted, costs
 * as much as that of the hours does, or has the price of now.
 */
export function electricityOf(
  { idleWatts, hours }: EnergyAccount,
  { sinceMs, ...work }: Pick<PeriodEarnings, 'sinceMs'> & Pick<Work, 'measuredJoules' | 'estimatedJoules'>,
  currency: string,
  { tariff, usual, nowMs }: Priced,
): Electricity {
  const inCurrency = (one: Tariff | null) =>
    one !== null && (one.currency === null || one.currency === currency) ? one : null
  const [priced, fallback] = [inCurrency(tariff), inCurrency(usual)]
  const since = hours.filter(({ hour }) => (hour + 1) * hourMs > sinceMs)
  let [drawn, lost, idle] = [0, 0, 0]
  let cost: number | null = 0
  let lostCost: number | null = 0
  for (const { hour, drawnJoules, doneJoules, readyMs, costMicros } of since) {
    const [lostHere, idleHere] = [Math.max(0, drawnJoules - doneJoules), (readyMs / 1_000) * idleWatts]
    drawn += drawnJoules
    lost += lostHere
    idle += idleHere
    const all = drawnJoules + idleHere
    const noted = costMicros[currency] ?? priceOf(fallback, hour * hourMs, all)
    const micros = tariff === null ? noted : priceOf(priced, hour * hourMs, all)
    if (all === 0) continue
    cost = micros === null || cost === null ? null : cost + micros
    lostCost = micros === null || lostCost === null ? null : lostCost + (micros * lostHere) / all
  }
  const unseen = Math.max(0, work.measuredJoules + work.estimatedJoules - drawn)
  if (unseen > 0) {
    const seen = drawn + idle
    const asBefore = tariff === null && cost !== null && seen > 0 ? (cost * unseen) / seen : null
    const micros = asBefore ?? priceOf(tariff === null ? fallback : priced, nowMs, unseen)
    cost = micros === null || cost === null ? null : cost + micros
  }
  return {
    drawnJoules: drawn + unseen,
    lostJoules: lost,
    idleJoules: idle,
    costMicros: cost === null ? null : Math.round(cost),
    lostMicros: lostCost === null ? null : Math.round(lostCost),
  }
}

function priceOf(tariff: Tariff | null, atMs: number, joules: number): number | null {
  const kwhMicros = tariff?.priceAt(atMs) ?? null
  return kwhMicros === null ? null : costOfJoules(joules, kwhMicros)
}
