/**
 * Closing: the submitter's node has the last word on shards of which stewards that were apart say different things after the
 * end (../state/last-word.ts). It speaks once nothing new has come for a while and what others decided was looked at.
 */
import { packVerdicts, type ShardVerdict } from '../job/verdict.ts'
import { proofWaitMs } from '../limits.ts'
import { lastWords } from '../state/last-word.ts'
import { isJudging } from './ending.ts'
import { hasEnded, isReader, issue, pathsTo, type Seat } from './seat.ts'

/** Tells whether there is a shard of which this node has to say more. Walks over all verdicts where records have come since it was last asked. */
export function owesLastWord(seat: Seat): boolean {
  const { options, records, shards, closing } = seat
  if (options.self !== options.manifest.stewards[0]?.peer || isReader(seat)) return false
  if (!hasEnded(seat) || shards === null) return false
  if (closing.size !== records.size || closing.changes !== seat.changes) {
    closing.isOpen = wordsOf(seat).length > 0
    closing.size = records.size
    closing.changes = seat.changes
  }
  return closing.isOpen
}

/** Call it at every look. */
export function sayLastWord(seat: Seat, nowMs: number): void {
  const { closing, records, options } = seat
  if (!hasEnded(seat) || options.self !== options.manifest.stewards[0]?.peer) return
  if (closing.seenSize !== records.size || seat.closingSinceMs === undefined) {
    closing.seenSize = records.size
    seat.closingSinceMs = nowMs
  }
  if (nowMs - seat.closingSinceMs < proofWaitMs || isJudging(seat, nowMs) || !owesLastWord(seat)) return
  const epoch = pathsTo(seat, [options.self]).at(-1)?.epoch ?? 0
  for (const shards of packVerdicts(wordsOf(seat))) issue(seat, 'verdict', { shards }, epoch)
}

function wordsOf({ records, options, shards }: Seat): ShardVerdict[] {
  return lastWords(records, options.self, shards ?? [])
}
