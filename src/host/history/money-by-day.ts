/** Adds up what a vehicle's ledger says of each day. The ledger keeps the dates; nothing is counted a second time. */
import type { PeerId } from '../../protocol/ids.ts'
import type { Entry } from '../../protocol/ledger/entry.ts'
import type { HistoryMoney } from './contract.ts'

interface Sum {
  verifiedMicros: number
  paidMicros: number
}

/** By day, which `dayOf` makes of a time. */
export function moneyByDay(
  entries: Iterable<Entry>,
  self: PeerId,
  dayOf: (atMs: number) => number,
): Map<number, HistoryMoney[]> {
  const sums = new Map<number, Map<string, Sum>>()
  for (const { claim, debit, kind, atMs, currency, credits } of entries) {
    if (claim === null ? !debit.endsWith(`:${self}`) : claim.vehicle !== self) continue
    const { micros } = credits[0]!
    const day = dayOf(atMs)
    const byCurrency = sums.get(day) ?? new Map<string, Sum>()
    sums.set(day, byCurrency)
    const sum = byCurrency.get(currency) ?? { verifiedMicros: 0, paidMicros: 0 }
    byCurrency.set(currency, sum)
    if (kind === 'posted') sum.verifiedMicros += micros
    else if (kind === 'reversed') sum.verifiedMicros -= micros
    else if (kind === 'paid') sum.paidMicros += micros
    else if (kind === 'unpaid') sum.paidMicros -= micros
  }
  return new Map(
    [...sums].map(([day, byCurrency]) => [
      day,
      [...byCurrency].map(([currency, sum]) => ({ currency, ...sum })),
    ]),
  )
}
