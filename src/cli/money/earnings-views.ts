/** Earnings as people read them: of one vehicle, of an owner's vehicles, and of an operator. */
import type {
  CurrencyEarnings,
  EarningsView,
  EnergyAccount,
  JobEarnings,
  OperatorsAccounts,
  OwnersAccounts,
  PeriodEarnings,
  Work,
} from '../../host/ledger/contract.ts'
import { formatMoney } from '../../protocol/price.ts'
import {
  formatCount,
  formatJoules,
  formatNumber,
  formatUnits,
  formatWorkTime,
  shortJob,
  shortOwner,
  shortPeer,
} from '../format.ts'
import { type Column, formatTable } from '../table.ts'
import { electricityOf, type Priced } from './electricity.ts'
import { damage } from './views.ts'

export function describeEarnings(view: EarningsView, shown: Priced): string[] {
  const { currencies, jobs, damagedAt, energy } = view
  if (currencies.length === 0) return [...damage(damagedAt), 'no work for money so far']
  const unmeasured = jobs.reduce((sum, job) => sum + job.receiptsWithoutEnergy, 0)
  const estimated = jobs.some((job) => job.estimatedJoules > 0)
  return [
    ...damage(damagedAt),
    ...currencies.flatMap((currency) => describeCurrency(currency, energy, shown)),
    '',
    ...formatTable(jobColumns, jobs),
    ...jobs.flatMap(describeDifferences),
    ...(unmeasured > 0
      ? [`${formatCount(unmeasured, 'receipt')} without a word about energy: not in what the work took`]
      : []),
    ...(estimated ? ['~ in part estimated from a stated power, not measured at the pack'] : []),
  ]
}

/** Each row is a vehicle, and below them all of them together. */
export function describeOwner({ owner, vehicles }: OwnersAccounts, shown: Priced): string[] {
  const told = vehicles.filter(({ accounts }) => accounts !== null)
  const silent = vehicles.filter(({ accounts }) => accounts === null)
  const names = [
    ...new Set(told.flatMap(({ accounts }) => accounts!.currencies.map(({ currency }) => currency))),
  ]
  const lines = names.sort().flatMap((currency) => {
    const rows = told.flatMap(({ peer, name, accounts }) => {
      const one = accounts!.currencies.find((each) => each.currency === currency)
      return one === undefined ? [] : [rowOf(name || shortPeer(peer), one, accounts!.energy, shown)]
    })
    return formatTable(vehicleColumns(currency, rows), rows.length > 1 ? [...rows, sumOf(rows)] : rows)
  })
  return [
    `owner ${shortOwner(owner)}: ${formatCount(vehicles.length, 'vehicle')}`,
    ...(lines.length === 0 ? ['no work for money so far'] : lines),
    ...silent.map(({ peer, name }) => `${name || shortPeer(peer)} does not answer, and is not in it`),
  ]
}

/** Each row is a vehicle's work for a job. */
export function describeOperator({ shares, silent }: OperatorsAccounts): string[] {
  const currencies = [...new Set(shares.map(({ currency }) => currency))].sort()
  const totals = currencies.map((currency) => {
    const own = shares.filter((share) => share.currency === currency)
    const names = own[0]!.periods.map(({ name }) => name)
    const sums = names.map((name, i) => {
      const micros = own.reduce((sum, { periods }) => sum + (periods[i]?.verifiedMicros ?? 0), 0)
      return `${name} ${formatMoney(micros, currency)}`
    })
    const pending = own.reduce((sum, { pendingMicros }) => sum + pendingMicros, 0)
    return `${sums.join(', ')}; ${formatMoney(pending, currency)} pending`
  })
  return [
    ...(shares.length === 0 ? ['no work for money so far'] : []),
    ...totals,
    ...formatTable(
      [
        { title: 'VEHICLE', cell: ({ vehicle }) => shortPeer(vehicle) },
        { title: 'JOB', cell: ({ job }) => (job === null ? 'earlier ones' : shortJob(job)) },
        {
          title: 'PENDING',
          align: 'right',
          cell: ({ pendingMicros, currency }) => formatMoney(pendingMicros, currency),
        },
        {
          title: 'SHARE',
          align: 'right',
          cell: ({ verifiedMicros, currency }) => formatMoney(verifiedMicros, currency),
        },
      ],
      shares,
    ),
    ...silent.map(({ peer, name }) => `${name || shortPeer(peer)} does not answer, and is not in it`),
  ]
}

function describeCurrency(
  { currency, pendingMicros, owedMicros, beyondMicros = 0, periods }: CurrencyEarnings,
  energy: EnergyAccount,
  prices: Priced,
): string[] {
  const money = (micros: number) => formatMoney(micros, currency)
  const used = new Map(
    periods.map((period) => [period, electricityOf(energy, period, currency, prices)] as const),
  )
  const columns: Column<PeriodEarnings>[] = [
    { title: currency, cell: ({ name }) => name },
    { title: 'VERIFIED', align: 'right', cell: ({ verifiedMicros }) => money(verifiedMicros) },
    { title: 'PAID', align: 'right', cell: ({ paidMicros }) => money(paidMicros) },
    { title: 'WORK', align: 'right', cell: formatWork },
    { title: 'ENERGY', align: 'right', cell: formatEnergy },
    { title: 'TIME', align: 'right', cell: ({ wallMs }) => formatWorkTime(wallMs) },
  ]
  if (
    [...used.values()].some(({ costMicros }) => costMicros !== null && costMicros !== 0) ||
    prices.tariff !== null
  )
    columns.push({
      title: 'NET',
      align: 'right',
      cell: (period) => {
        const { costMicros } = used.get(period)!
        return costMicros === null ? 'not known' : money(period.verifiedMicros - costMicros)
      },
    })
  return [
    ...formatTable(columns, periods),
    `${money(pendingMicros)} pending, ${money(owedMicros)} verified and not paid yet`,
    ...(beyondMicros > 0
      ? [
          `${money(beyondMicros)} paid beyond what its payers owe, as they say: it counts against the work to come for them`,
        ]
      : []),
    ...describeElectricity([...used], money),
  ]
}

/** Describes the longest time in which anything was counted. */
function describeElectricity(
  used: readonly (readonly [PeriodEarnings, ReturnType<typeof electricityOf>])[],
  money: (micros: number) => string,
): string[] {
  const [period, all] = used.at(-1) ?? []
  if (period === undefined || all === undefined || all.drawnJoules + all.idleJoules === 0) return []
  const lost = all.lostMicros === null || all.lostMicros === 0 ? '' : ` (${money(all.lostMicros)})`
  return [
    `${period.name}, all work drew ${formatJoules(all.drawnJoules)}${
      all.lostJoules === 0
        ? ''
        : `, of which ${formatJoules(all.lostJoules)}${lost} went into work that was broken off and engines that started`
    }${all.idleJoules === 0 ? '' : `; the computer that was awake for it drew ${formatJoules(all.idleJoules)}`}`,
  ]
}

interface VehicleRow {
  readonly name: string
  readonly verified: readonly { readonly name: string; readonly micros: number }[]
  readonly owedMicros: number
  readonly joules: number
  readonly netMicros: number | null
}

function rowOf(
  name: string,
  { currency, owedMicros, periods }: CurrencyEarnings,
  energy: EnergyAccount,
  prices: Priced,
): VehicleRow {
  const last = periods.at(-1)
  const used = last === undefined ? null : electricityOf(energy, last, currency, prices)
  const costMicros = used?.costMicros ?? null
  return {
    name,
    verified: periods.map((period) => ({ name: period.name, micros: period.verifiedMicros })),
    owedMicros,
    joules: (used?.drawnJoules ?? 0) + (used?.idleJoules ?? 0),
    netMicros: costMicros === null ? null : (last?.verifiedMicros ?? 0) - costMicros,
  }
}

function sumOf(rows: readonly VehicleRow[]): VehicleRow {
  const nets = rows.map(({ netMicros }) => netMicros)
  return {
    name: 'all',
    verified: rows[0]!.verified.map(({ name }, i) => ({
      name,
      micros: rows.reduce((sum, { verified }) => sum + verified[i]!.micros, 0),
    })),
    owedMicros: rows.reduce((sum, one) => sum + one.owedMicros, 0),
    joules: rows.reduce((sum, one) => sum + one.joules, 0),
    netMicros: nets.includes(null) ? null : nets.reduce<number>((sum, net) => sum + net!, 0),
  }
}

function vehicleColumns(currency: string, rows: readonly VehicleRow[]): Column<VehicleRow>[] {
  const money = (micros: number) => formatMoney(micros, currency)
  return [
    { title: 'VEHICLE', cell: ({ name }) => name },
    ...(rows[0]?.verified ?? []).map(
      ({ name }, i): Column<VehicleRow> => ({
        title: name.toUpperCase(),
        align: 'right',
        cell: ({ verified }) => money(verified[i]!.micros),
      }),
    ),
    { title: 'OWED', align: 'right', cell: ({ owedMicros }) => money(owedMicros) },
    { title: 'ENERGY', align: 'right', cell: ({ joules }) => formatJoules(joules) },
    {
      title: 'NET',
      align: 'right',
      cell: ({ netMicros }) => (netMicros === null ? 'not known' : money(netMicros)),
    },
  ]
}

const jobColumns: readonly Column<JobEarnings>[] = [
  { title: 'JOB', cell: ({ job }) => (job === null ? 'earlier ones' : shortJob(job)) },
  { title: 'PENDING', align: 'right', cell: (job) => formatMoney(job.pendingMicros, job.currency) },
  { title: 'VERIFIED', align: 'right', cell: (job) => formatMoney(job.verifiedMicros, job.currency) },
  { title: 'WORK', align: 'right', cell: formatWork },
  { title: 'IN VAIN', align: 'right', cell: (job) => formatNumber(job.void) },
  { title: 'ENERGY', align: 'right', cell: formatEnergy },
  { title: 'TIME', align: 'right', cell: ({ wallMs }) => formatWorkTime(wallMs) },
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

function formatWork({ units }: Work): string {
  const told = Object.entries(units).map(([unit, count]) => formatUnits(count, unit))
  return told.length === 0 ? '–' : told.join(', ')
}

function formatEnergy({ measuredJoules, estimatedJoules }: Work): string {
  return `${estimatedJoules > 0 ? '~' : ''}${formatJoules(measuredJoules + estimatedJoules)}`
}
