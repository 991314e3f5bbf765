/**
 * Checks that nobody chose whose voices a verdict rests on: those that another steward than the submitter's node leased come early in the
 * order that the job's secret gives its owners (../job/order.ts), or are so many that it makes no difference.
 */
import type { Manifest } from '../job/manifest.ts'
import type { AreEnough } from '../job/order.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'

/** Verdicts that rest on windows are checked with these (window-checks.ts). */
export function checkOrder(
  { assurance: { replicas, lead } }: Pick<Manifest, 'assurance'>,
  records: AuditedRecords,
  areEnough: AreEnough,
  problems: Problems,
): void {
  for (const decision of records.decisions) {
    const { outcome, because, position, agreeing } = decision.verdict
    if (outcome === 'failed' || records.isSettled(decision)) continue
    if (because !== 'unanimous' && because !== 'lead') continue
    const claims = agreeing.flatMap((id) => records.claims.get(id) ?? [])
    const owners = new Set(claims.map(({ owner }) => owner)).size
    const needed = because === 'unanimous' ? replicas : lead
    // That there are too few is said elsewhere.
    if (owners >= needed && !areEnough(position, claims, needed)) problems.blame(chosen(position, owners))
  }
}

/** The sentence about a verdict whose voices come too late in the order. */
export function chosen(position: number, owners: number): string {
  return `the verdict on shard ${position} rests on ${owners} owners that another steward chose: the job’s secret draws others first`
}
