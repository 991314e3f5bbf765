/** The view from this node: which records count here, and which others speak of more. */
import type { RecordId } from '../ids.ts'
import type { JobEnd } from '../job/verdict.ts'
import type { Seat } from './seat.ts'

export interface Unproven {
  /** Shards that other stewards accepted and that are open here. */
  readonly shards: number
  /** How they say that the job has ended. */
  readonly ends: ReadonlySet<JobEnd['outcome']>
}

/** Tells whether a lease, a verdict (for some shard at least) or an end counts on this node. */
export function countsHere({ records }: Seat, id: RecordId): boolean {
  const { verdicts, ends } = records.decisions
  return records.counts(id) || verdicts.records.has(id) || ends.some((end) => end.id === id)
}

export function unprovenHere({ records }: Seat): Unproven {
  const open = new Set<number>()
  for (const { verdict } of records.decisions.waiting())
    if (records.standing(verdict.position).state !== 'stands') open.add(verdict.position)
  const ends = [...records.decisions.waitingEnds].map(({ payload }) => payload.outcome)
  return { shards: open.size, ends: new Set(ends) }
}
