/** Settlements, pay-outs and payments as people read them. */
import type {
  Debt,
  IncomingPayment,
  Payout,
  PayoutSummary,
  SettleView,
} from '../../host/ledger/settle-contract.ts'
import { formatMoney } from '../../protocol/price.ts'
import { formatCount, formatNumber, shortPeer } from '../format.ts'
import { type Column, formatTable } from '../table.ts'
import { damage } from './views.ts'

export function describeSettlement(view: SettleView): string[] {
  const { owed, payouts, payout, doubt, elsewhere, damagedAt } = view
  const open = payouts.filter(({ sums }) =>
    sums.some(({ state }) => state === 'prepared' || state === 'sent'),
  )
  const waits = (isUnheard: boolean) =>
    owed.some(({ payableMicros, unheard }) => payableMicros === 0 && unheard === isUnheard)
  return [
    ...damage(damagedAt),
    ...(doubt === null ? [] : [doubt]),
    ...(owed.length === 0 ? ['nobody is owed anything'] : formatTable(debtColumns, owed)),
    ...(waits(false)
      ? [
          'waits: below --threshold (one whole unit of the currency unless you say otherwise), or less than its smallest coin; it stays owed, and is paid with what comes',
        ]
      : []),
    ...(waits(true)
      ? [
          'unheard: after the take-over their vehicles have not said yet what they were paid; they are asked each time that you look here (--also-unheard pays them all the same)',
        ]
      : []),
    ...(elsewhere > 0
      ? [
          `${formatCount(elsewhere, 'job')} of this key owe${elsewhere === 1 ? 's' : ''} money, too, and were submitted from another data directory, which pays for them; where that one is gone for good: carpool settle --take-over`,
        ]
      : []),
    ...open.flatMap(describeSummary),
    ...payouts
      .filter(({ sums }) => sums.some(({ missing }) => missing > 0))
      .map(
        ({ name }) => `of pay-out ${name} not all has arrived, say its payees: carpool settle show ${name}`,
      ),
    ...(payout === null ? [] : [`pay-out ${payout.name}: ${formatCount(payout.lines.length, 'payee')}`]),
  ]
}

const debtColumns: readonly Column<Debt>[] = [
  { title: 'PAYEE', cell: ({ payee }) => payee },
  { title: 'VEHICLES', align: 'right', cell: ({ vehicles }) => formatNumber(vehicles) },
  {
    title: 'OWED',
    align: 'right',
    cell: ({ owedMicros, currency }) => formatMoney(owedMicros, currency),
  },
  {
    title: 'PAYABLE',
    align: 'right',
    cell: ({ payableMicros, unheard, currency }) =>
      payableMicros > 0 ? formatMoney(payableMicros, currency) : unheard ? 'unheard' : 'waits',
  },
]

/** A line for each state and currency of a pay-out. */
function describeSummary({ name, executionDate, sums }: PayoutSummary): string[] {
  const day = executionDate === '' ? '' : `, for ${executionDate}`
  return sums.map(
    ({ state, currency, lines, micros, missing }) =>
      `pay-out ${name}${day}: ${formatCount(lines, 'payee')}, ${formatMoney(micros, currency)}, ${state}${missing === 0 ? '' : `, ${formatNumber(missing)} not arrived`}`,
  )
}

export function describePayouts({ payouts }: SettleView): string[] {
  return payouts.length === 0 ? ['no pay-out was made yet'] : payouts.flatMap(describeSummary)
}

/** A pay-out with its lines; of one transfer also its steps. */
export function describePayout({ payout, steps, refused }: SettleView): string[] {
  const { name, executionDate, lines } = payout!
  return [
    `pay-out ${name}${executionDate === '' ? '' : `, for ${executionDate}`}`,
    ...formatTable(lineColumns, lines),
    ...steps.map(
      ({ atMs, state, reference, reason }) =>
        `${new Date(atMs).toISOString().slice(0, 19)}Z  ${[state, reference, reason].filter((part) => part !== '').join('  ')}`,
    ),
    ...refused.map(({ why }) => why),
  ]
}

const lineColumns: readonly Column<Payout['lines'][number]>[] = [
  { title: 'TRANSFER', cell: ({ settlement }) => settlement },
  { title: 'PAYEE', cell: ({ payee }) => payee },
  { title: 'AMOUNT', align: 'right', cell: ({ micros, currency }) => formatMoney(micros, currency) },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'REFERENCE', cell: ({ reference }) => reference || '-' },
  {
    title: 'NOTE',
    cell: ({ reason, missingAtMs }) =>
      [reason, missingAtMs === null ? '' : `not arrived, says its payee since ${dayOf(missingAtMs)}`]
        .filter((part) => part !== '')
        .join('; ') || '-',
  },
]

export function describePayments(payments: readonly IncomingPayment[]): string[] {
  if (payments.length === 0) return ['no payer has named a payment yet']
  return formatTable(
    [
      { title: 'PAYMENT', cell: ({ settlement }) => settlement },
      { title: 'NOTED', cell: ({ atMs }) => dayOf(atMs) },
      { title: 'PAYER', cell: ({ submitter }) => shortPeer(submitter) },
      { title: 'AMOUNT', align: 'right', cell: ({ micros, currency }) => formatMoney(micros, currency) },
      {
        title: 'STATE',
        cell: ({ state, missingAtMs }) =>
          state === 'returned' ? 'sent back' : missingAtMs === null ? 'paid' : 'not arrived',
      },
      { title: 'REFERENCE', cell: ({ reference }) => reference || '-' },
    ],
    payments,
  )
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
