/** The view from this node: which records count here, and which others speak of more. */
import type { LeaseId } from '../ids.ts'
import type { JobEnd } from '../job/verdict.ts'
import { type ClaimRecord, decidedClaims } from '../ledger/claims.ts'
import type { Verified } from '../record/record.ts'
import { byDependency, isMoney } from '../records.ts'
import { RecordedView } from '../state/job-view.ts'
import { type Reported, reportedOf } from '../state/reported.ts'
import type { Seat } from './seat.ts'

export type { Reported } from '../state/reported.ts'

export interface Unproven {
  /** Shards that other stewards accepted and that are open here. */
  readonly shards: number
  /** How they say that the job has ended. */
  readonly ends: ReadonlySet<JobEnd['outcome']>
}

/** How the job stands by its records; undefined while its shards are not known here. */
export function recordedView(seat: Seat): RecordedView | undefined {
  const { records, shards, changes } = seat
  if (shards === null) return undefined
  if (records.seen?.size !== records.size || records.seen.changes !== changes)
    records.seen = { size: records.size, changes, view: new RecordedView(records, shards) }
  return records.seen.view
}

/** The end that counts here; undefined while the job's shards are not known here. */
export function endHere({ shards, records }: Seat): JobEnd | undefined {
  return shards === null ? undefined : records.end()?.payload
}

/** The record of the end that counts on this node, and whether the submitter's cancellation is here. */
export function endingHere({
  records,
}: Seat): { readonly end: Verified<JobEnd>; readonly isCancelled: boolean } | undefined {
  const end = records.end()
  return end && { end, isCancelled: records.decisions.isCancelled }
}

/** Tells whether a lease counts on this node. */
export function countsHere({ records }: Seat, lease: LeaseId): boolean {
  return records.counts(lease)
}

/** Tells whether so many units at a place of a lease were not written off. */
export function isOpenHere({ records }: Seat, lease: LeaseId, place: number, units: number): boolean {
  return records.allowances.isOpen(lease, place, units)
}

/** The records that this node's report of the job has. */
export function reportedHere({ records }: Seat): Reported {
  return reportedOf(records)
}

/** The records that money follows from, each after those that it rests on: verdicts and ends as far as they count here. */
export function moneyHere({ records }: Seat): ClaimRecord[] {
  const { verdicts, ends } = records.decisions
  const money = [...records.all()].sort(byDependency).filter(isMoney)
  return [...money, ...decidedClaims({ verdicts: [...verdicts.records.values()], ends })]
}

export function unprovenHere({ records }: Seat): Unproven {
  const open = new Set<number>()
  for (const { verdict } of records.decisions.waiting())
    if (verdict.outcome === 'accepted' && records.standing(verdict.position).state !== 'stands')
      open.add(verdict.position)
  const ends = [...records.decisions.waitingEnds].map(({ payload }) => payload.outcome)
  return { shards: open.size, ends: new Set(ends) }
}
