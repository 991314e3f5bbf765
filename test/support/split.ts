/** Cuts documents that are all there. */
import {
  type PlannedShard,
  ShardCutter,
  type SplitBounds,
  type SplittableDocument,
} from '../../src/protocol/job/split.ts'
import { shardCostMsTarget, shardPagesMax } from '../../src/protocol/limits.ts'

const widest: SplitBounds = { costMsMax: shardCostMsTarget, pagesMax: shardPagesMax }

export function splitIntoShards(
  documents: readonly SplittableDocument[],
  bounds: SplitBounds = widest,
): PlannedShard[] {
  const cutter = new ShardCutter(bounds)
  return [...documents.flatMap((document) => [...cutter.push(document)]), ...cutter.end()]
}
