/** Bills as people read them. */
import type { BilledShard, BillTotals } from '../../host/ledger/contract.ts'
import { formatAmount, formatMoney } from '../../protocol/price.ts'
import { formatCount, formatCounted, formatNumber, shortJob, shortOwner, shortPeer } from '../format.ts'
import { formatTable } from '../table.ts'

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
