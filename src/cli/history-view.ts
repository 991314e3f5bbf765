/** The history of a vehicle as its owner reads it. */
import type { HistoryDay, HistoryView } from '../host/history/contract.ts'
import { formatMoney } from '../protocol/price.ts'
import {
  formatCount,
  formatDuration,
  formatJoules,
  formatNumber,
  formatUnits,
  formatWorkTime,
} from './format.ts'
import { type Column, formatTable } from './table.ts'

/** A table with a row for each day, and below it what held work back, and what else there is to say of a day. */
export function describeHistory({ days, timeZone }: HistoryView): string[] {
  const isEstimated = days.some(({ work }) => work.some(({ estimatedJoules }) => estimatedJoules > 0))
  const remarks = days.flatMap((day) => remarksOn(day).map((remark) => `${day.date}  ${remark}`))
  return [
    ...formatTable(columns, days),
    ...(remarks.length > 0 ? ['', ...remarks] : []),
    '',
    `days are those of ${timeZone}; TIME is that of all slots together`,
    ...(isEstimated ? ['~ in part estimated from a stated power, not measured at the pack'] : []),
  ]
}

const columns: readonly Column<HistoryDay>[] = [
  { title: 'DAY', cell: ({ date }) => date },
  { title: 'ALLOWED', align: 'right', cell: ({ readyMs }) => span(readyMs) },
  { title: 'HELD BACK', align: 'right', cell: (day) => span(sum(day.pauses, ({ ms }) => ms)) },
  { title: 'LEASES', align: 'right', cell: (day) => count(day, ({ leasesTaken }) => leasesTaken) },
  { title: 'SHARDS', align: 'right', cell: (day) => count(day, ({ shards }) => shards) },
  { title: 'PAGES', align: 'right', cell: (day) => count(day, ({ pages }) => pages) },
  {
    title: 'TIME',
    align: 'right',
    cell: ({ work }) => formatWorkTime(sum(work, ({ wallMs }) => wallMs)),
  },
  { title: 'ENERGY', align: 'right', cell: energy },
  {
    title: 'VERIFIED',
    align: 'right',
    cell: ({ money }) => sums(money, ({ verifiedMicros }) => verifiedMicros),
  },
  { title: 'PAID', align: 'right', cell: ({ money }) => sums(money, ({ paidMicros }) => paidMicros) },
]

function remarksOn({ work, pauses, handedBack, aloneMs }: HistoryDay): string[] {
  const held = pauses.map(({ reason, ms, times }) =>
    times === 0
      ? `${reason} ${formatDuration(ms)}`
      : `${reason} ${formatDuration(ms)} (${formatCount(times, 'time')})`,
  )
  const back = handedBack.map(({ reason, leases }) => `${reason} ${formatNumber(leases)}`)
  const runtimes = work.map(
    ({ runtime, leasesDone, leasesTaken, units }) =>
      `${runtime} ${formatNumber(leasesDone)} of ${formatCount(leasesTaken, 'lease')} finished${Object.entries(
        units,
      )
        .map(([unit, count]) => ` (${formatUnits(count, unit)})`)
        .join('')}`,
  )
  return [
    ...(runtimes.length > 0 ? [`work: ${runtimes.join(', ')}`] : []),
    ...(back.length > 0 ? [`leases handed back: ${back.join(', ')}`] : []),
    ...(held.length > 0 ? [`held back by: ${held.join(', ')}`] : []),
    ...(aloneMs >= 1_000 ? [`without another node for ${formatDuration(aloneMs)}`] : []),
  ]
}

function energy({ work }: HistoryDay): string {
  const [measured, estimated] = [
    sum(work, (one) => one.measuredJoules),
    sum(work, (one) => one.estimatedJoules),
  ]
  const text = formatJoules(measured + estimated)
  return estimated > 0 ? `~${text}` : text
}

function count({ work }: HistoryDay, of: (one: HistoryDay['work'][number]) => number): string {
  const all = sum(work, of)
  return all === 0 ? '–' : formatNumber(all)
}

function sums(money: HistoryDay['money'], of: (one: HistoryDay['money'][number]) => number): string {
  const told = money.filter((one) => of(one) !== 0).map((one) => formatMoney(of(one), one.currency))
  return told.length === 0 ? '–' : told.join(' + ')
}

function span(ms: number): string {
  return ms === 0 ? '–' : formatDuration(ms)
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
