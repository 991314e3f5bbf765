/**
 * Control sums of pay-outs, as banks use them: so many transfers of a currency, and what they come to. They are taken of the debts when a
 * pay-out is made ready, and held against its transfers on the disk and against what the bank says of the whole.
 */
import { formatMoney, type Micros } from '../../protocol/price.ts'
import type { Payout, TransferNews } from './settle-contract.ts'

export interface ControlSum {
  readonly currency: string
  readonly lines: number
  readonly micros: Micros
}

/** By currency, in order. */
export function sumsOf(
  lines: Iterable<{ readonly currency: string; readonly micros: Micros }>,
): ControlSum[] {
  const sums = new Map<string, ControlSum>()
  for (const { currency, micros } of lines) {
    const { lines: count, micros: before } = sums.get(currency) ?? { lines: 0, micros: 0 }
    sums.set(currency, { currency, lines: count + 1, micros: before + micros })
  }
  return [...sums.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1))
}

export function areSame(some: readonly ControlSum[], others: readonly ControlSum[]): boolean {
  return sumsInWords(some) === sumsInWords(others)
}

export function sumsInWords(sums: readonly ControlSum[]): string {
  return sums
    .map(({ currency, lines, micros }) => inWords(lines, formatMoney(micros, currency)))
    .join(' and ')
}

/** Returns why the bank cannot mean this pay-out, or not all of it; null: it names no sum, or the right one. */
export function objectionToSum(payout: Payout, { currency, sum }: TransferNews): string | null {
  if (sum === undefined) return null
  const lines = payout.lines.filter(
    (line) =>
      (currency === undefined || line.currency === currency) &&
      (sum.of === 'all' || (line.state !== 'rejected' && line.state !== 'cancelled')),
  )
  const sums = sumsOf(lines)
  const [only] = sums
  const micros = sums.reduce((all, one) => all + one.micros, 0)
  // One amount in a currency cannot be checked against another's: the bank has converted it.
  const isComparable = sum.inCurrency === undefined || sum.inCurrency === only?.currency
  const isOneOfSeveral = sum.inCurrency !== undefined && sums.length > 1
  const isRight =
    (sum.lines ?? lines.length) === lines.length && (!isComparable || (sum.micros ?? micros) === micros)
  if (isRight && !isOneOfSeveral) return null
  const amount =
    sum.micros === undefined
      ? ''
      : sums.length === 1
        ? formatMoney(sum.micros, only!.currency)
        : `${sum.micros / 1e6}`
  const rest = sum.of === 'all' ? '' : ' that were neither rejected nor cancelled'
  return `the bank names ${inWords(sum.lines, amount)} for ${payout.name}, and there are ${sumsInWords(sums) || 'none'}${rest}: nothing of that was noted; see 'carpool settle show ${payout.name}', and mark its transfers one by one`
}

function inWords(lines: number | undefined, amount: string): string {
  const count = lines === undefined ? '' : `${lines} transfer${lines === 1 ? '' : 's'}`
  return [count, amount].filter((part) => part !== '').join(' of ')
}
