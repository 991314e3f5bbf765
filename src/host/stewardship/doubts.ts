/** Why what others say of a job is not shown as so, and why its report would not pass an audit: a sentence each. */
import type { Council } from '../../protocol/council/council.ts'

export function doubtsOf({ unproven, hasEnded, isComplete }: Council): string[] {
  const doubts: string[] = []
  const { shards, ends } = unproven
  if (shards > 0)
    doubts.push(
      `${shards} ${shards === 1 ? 'shard is' : 'shards are'} decided by another steward alone: the receipts and results behind that are not here, or do not prove it`,
    )
  if (!hasEnded)
    for (const outcome of ends)
      doubts.push(`another steward says that the job is ${outcome}, which does not follow from what is here`)
  if (hasEnded && !isComplete)
    doubts.push(
      'its report would not pass an audit yet: receipts, verdicts, lists of candidates, promises of money or results of it are not here',
    )
  return doubts
}
