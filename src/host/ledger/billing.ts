/** The bill of a job: every execution of every shard, and what it came to. */
import { pushTo } from '../../base/push-to.ts'
import type { JobId, RecordId } from '../../protocol/ids.ts'
import { openLease, openReceipt } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { ShardVerdict } from '../../protocol/job/verdict.ts'
import { type ClaimOutcome, type Entry, subjectOf } from '../../protocol/ledger/entry.ts'
import { sumOfUnits, type UnitCount } from '../../protocol/price.ts'
import { sha256 } from '../sha256.ts'
import type { Journal } from '../store/journal.ts'
import type { Books } from './books.ts'
import type { BilledShard, BilledWork, BillTotals, ExecutionKind } from './contract.ts'

interface BilledJob extends Pick<Manifest, 'assurance'> {
  readonly payment: NonNullable<Manifest['payment']>
}

export type AboutBill = readonly [
  job: JobId,
  manifest: BilledJob,
  verdicts: readonly ShardVerdict[],
  closed: boolean,
  isForgotten?: boolean,
]

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

export async function* billOf(
  store: { readonly journal: Journal; readonly books: Books },
  ...[job, { assurance, payment }, verdicts, closed, isForgotten = false]: AboutBill
): AsyncGenerator<BilledShard, BillTotals, undefined> {
  const { books, journal } = store
  const damagedAt = await books.check()
  const leasesOf = new Map<number, RecordId[]>()
  const leaseOf = new Map<RecordId, RecordId>()
  const counts = new Map<string, UnitCount>()
  for (const { id, kind, ...record } of journal.ofJob(job))
    if (kind === 'receipt') {
      const { lease, covers, units } = openReceipt(record, sha256, () => true).payload
      leaseOf.set(id, lease)
      for (const [i, count] of (units ?? []).entries())
        counts.set(subjectOf({ receipt: id, place: covers[i]! }), count)
    } else if (kind === 'lease')
      for (const position of openLease(record, sha256, () => true).payload.positions)
        pushTo(leasesOf, position, id)
  const decided = new Map(verdicts.map((verdict) => [verdict.position, verdict]))
  const voices = assurance.audits?.replicas ?? assurance.replicas
  const byPosition = Map.groupBy(books.standingOf(job), ({ claim }) => claim!.position)
  const paid: Record<ExecutionKind, Mutable<BilledWork>> = {
    ...{ replica: { ...none }, audit: { ...none }, copy: { ...none } },
  }
  const totals = { owedMicros: 0, operatorMicros: 0, pendingMicros: 0, void: 0 }
  for (const [position, entries] of [...byPosition].sort(([a], [b]) => a - b)) {
    const verdict = decided.get(position)
    // Those that brought something, in the order in which they were given out: a lease that came to nothing was nobody's turn.
    const brought = new Set(entries.map(({ claim }) => leaseOf.get(claim!.receipt)))
    const turns = (leasesOf.get(position) ?? []).filter((lease) => brought.has(lease))
    const inOrder = entries.map(({ claim }) => claim!.receipt)
    const kindOf = (receipt: RecordId): ExecutionKind => {
      const rank = verdict?.agreeing.indexOf(receipt) ?? -1
      if (rank >= voices) return assurance.audits === null ? 'copy' : 'audit'
      const turn = isForgotten ? inOrder.indexOf(receipt) : turns.indexOf(leaseOf.get(receipt)!)
      return turn >= voices ? 'copy' : 'replica'
    }
    const executions = entries.map((entry) => ({
      kind: kindOf(entry.claim!.receipt),
      ...executionOf(entry),
      counted: counts.get(subjectOf(entry.claim!)) ?? null,
    }))
    for (const { kind, outcome, units, counted, micros, operatorMicros } of executions)
      if (outcome === 'paid') {
        const work = paid[kind]
        work.executions += 1
        work.units += units
        if (counted !== null) work.counted = sumOfUnits([work.counted ?? noUnits, counted])
        work.micros += micros
        totals.owedMicros += micros
        totals.operatorMicros += operatorMicros
      } else if (outcome === 'pending') totals.pendingMicros += micros
      else totals.void += 1
    yield {
      position,
      outcome: verdict?.outcome ?? (isForgotten ? 'forgotten' : 'open'),
      unit: payment.unit,
      executions,
    }
  }
  const { currency, unit, budgetMicros } = payment
  return { job, currency, unit, budgetMicros, paid, ...totals, closed, damagedAt }
}

const noUnits: UnitCount = { input: 0, output: 0 }
const none: BilledWork = { executions: 0, units: 0, counted: null, micros: 0 }

function executionOf({ kind, claim, credits }: Entry) {
  const { vehicle, owner, receipt, units } = claim!
  const outcome: ClaimOutcome = kind === 'pending' ? 'pending' : kind === 'posted' ? 'paid' : 'void'
  const operatorMicros = credits[1]?.micros ?? 0
  return {
    vehicle,
    owner,
    receipt,
    units,
    micros: credits[0]!.micros + operatorMicros,
    operatorMicros,
    outcome,
  }
}
