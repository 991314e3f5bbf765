/** Earnings, bills and settlements as people read them. */
import type {
  BilledShard,
  BillTotals,
  CurrencyEarnings,
  EarningsView,
  JobEarnings,
  PeriodEarnings,
  Work,
} from '../../host/ledger/contract.ts'
import { formatAmount, formatMoney } from '../../protocol/price.ts'
import {
  formatCount,
  formatCounted,
  formatNumber,
  formatUnits,
  shortJob,
  shortOwner,
  shortPeer,
} from '../format.ts'
import { type Column, formatTable } from '../table.ts'

const joulesPerKwh = 3_600_000
const hourMs = 3_600_000

/** `tariff`: a kWh's price in whole units of the currency; null: not known. */
export function describeEarnings(view: EarningsView, tariff: number | null): string[] {
  const { currencies, jobs, damagedAt } = view
  if (currencies.length === 0) return [...damage(damagedAt), 'no work for money so far']
  const unmeasured = jobs.reduce((sum, job) => sum + job.receiptsWithoutEnergy, 0)
  const estimated = jobs.some((job) => job.estimatedJoules > 0)
  return [
    ...damage(damagedAt),
    ...currencies.flatMap((currency) => describeCurrency(currency, tariff)),
    '',
    ...formatTable(jobColumns, jobs),
    ...jobs.flatMap(describeDifferences),
    ...(unmeasured > 0
      ? [`${formatCount(unmeasured, 'receipt')} without a word about energy: not in the kWh`]
      : []),
    ...(estimated ? ['~ in part estimated from a stated power, not measured at the pack'] : []),
  ]
}

function describeCurrency(
  { currency, pendingMicros, owedMicros, periods }: CurrencyEarnings,
  tariff: number | null,
): string[] {
  const money = (micros: number) => formatMoney(micros, currency)
  const columns: Column<PeriodEarnings>[] = [
    { title: currency, cell: ({ name }) => name },
    { title: 'VERIFIED', align: 'right', cell: ({ verifiedMicros }) => money(verifiedMicros) },
    { title: 'PAID', align: 'right', cell: ({ paidMicros }) => money(paidMicros) },
    { title: 'WORK', align: 'right', cell: formatWork },
    { title: 'KWH', align: 'right', cell: formatEnergy },
    { title: 'HOURS', align: 'right', cell: ({ wallMs }) => (wallMs / hourMs).toFixed(2) },
  ]
  if (tariff !== null)
    columns.push({
      title: 'NET',
      align: 'right',
      cell: (period) => money(period.verifiedMicros - Math.round(kwhOf(period) * tariff * 1e6)),
    })
  return [
    ...formatTable(columns, periods),
    owedMicros < 0
      ? `${money(pendingMicros)} pending, and ${money(-owedMicros)} paid beyond what is owed: it counts against the work to come`
      : `${money(pendingMicros)} pending, ${money(owedMicros)} verified and not paid yet`,
  ]
}

const jobColumns: readonly Column<JobEarnings>[] = [
  { title: 'JOB', cell: ({ job }) => shortJob(job) },
  { title: 'PENDING', align: 'right', cell: (job) => formatMoney(job.pendingMicros, job.currency) },
  { title: 'VERIFIED', align: 'right', cell: (job) => formatMoney(job.verifiedMicros, job.currency) },
  { title: 'WORK', align: 'right', cell: formatWork },
  { title: 'IN VAIN', align: 'right', cell: (job) => formatNumber(job.void) },
  { title: 'KWH', align: 'right', cell: formatEnergy },
  { title: 'HOURS', align: 'right', cell: ({ wallMs }) => (wallMs / hourMs).toFixed(2) },
  { title: 'STATEMENTS', cell: describeStatements },
]

function describeStatements({ statements, settled }: JobEarnings): string {
  if (statements.length === 0) return 'none yet'
  if (statements.some(({ agreed }) => agreed === false)) return 'disputed'
  return settled ? 'settled' : statements.some(({ closed }) => closed) ? 'closed' : 'so far'
}

function describeDifferences({ job, currency, differences }: JobEarnings): string[] {
  const say = (micros: number | null) => (micros === null ? 'nothing' : formatMoney(micros, currency))
  return differences.map(
    ({ steward, receipt, place, oursMicros, theirsMicros }) =>
      `${shortJob(job)}: for place ${place} of receipt ${receipt} ${shortPeer(steward)} says ${say(theirsMicros)}, and this node ${say(oursMicros)}`,
  )
}

function kwhOf({ measuredJoules, estimatedJoules }: Work): number {
  return (measuredJoules + estimatedJoules) / joulesPerKwh
}

function formatWork({ units }: Work): string {
  const told = Object.entries(units).map(([unit, count]) => formatUnits(count, unit))
  return told.length === 0 ? '–' : told.join(', ')
}

function formatEnergy(work: Work): string {
  if (work.measuredJoules + work.estimatedJoules === 0) return '–'
  return `${work.estimatedJoules > 0 ? '~' : ''}${kwhOf(work).toFixed(3)}`
}

export function describeBilledShard({ position, outcome, unit, executions }: BilledShard): string[] {
  return executions.map(({ kind, vehicle, owner, units, counted, micros, outcome: became }) =>
    [
      `shard ${position} ${outcome}`,
      kind,
      `${shortPeer(vehicle)} of ${shortOwner(owner)}`,
      formatCounted(units, counted, unit),
      became === 'paid'
        ? formatAmount(micros)
        : became === 'pending'
          ? `${formatAmount(micros)} pending`
          : 'nothing',
    ].join('  '),
  )
}

export function describeBill(totals: BillTotals): string[] {
  const { job, currency, budgetMicros, paid, owedMicros, operatorMicros, pendingMicros, closed, damagedAt } =
    totals
  const money = (micros: number) => formatMoney(micros, currency)
  const names = { replica: 'replicas', audit: 'audits', copy: 'copies' } as const
  const rows = (['replica', 'audit', 'copy'] as const).map((kind) => ({ name: names[kind], ...paid[kind] }))
  return [
    ...damage(damagedAt),
    ...formatTable(
      [
        { title: `JOB ${shortJob(job)}`, cell: ({ name }) => name },
        { title: 'EXECUTIONS', align: 'right', cell: ({ executions }) => formatNumber(executions) },
        {
          title: 'WORK',
          align: 'right',
          cell: ({ units, counted }) => formatCounted(units, counted, totals.unit),
        },
        { title: 'COST', align: 'right', cell: ({ micros }) => money(micros) },
      ],
      rows,
    ),
    `${money(owedMicros)} of a budget of ${money(budgetMicros)}${closed ? '' : ' so far'}; ${money(operatorMicros)} of it the operator's`,
    ...(pendingMicros > 0 ? [`${money(pendingMicros)} pending until verdicts`] : []),
    ...(totals.void > 0 ? [`${formatCount(totals.void, 'execution')} in vain, at no cost`] : []),
  ]
}

export function damage(at: number | null): string[] {
  return at === null ? [] : [`THIS LEDGER WAS CHANGED: entry ${at} does not follow from those before it`]
}
