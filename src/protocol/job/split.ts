/**
 * Splitting: documents, in the submitter's order, into shards.
 *
 * A shard is a run of consecutive pages that stays below three bounds: estimated cost, pages and bytes. The
 * split depends on the documents alone, so that the same submission always has the same shards. A page that
 * exceeds a bound by itself is a shard by itself; pages of one large document share its bytes.
 */

import { shardBytesTarget, shardCostMsTarget, shardPagesMax } from '../limits.ts'
import type { DocumentEntry } from './lists.ts'
import type { PageReference } from './shard.ts'

export interface SplittableDocument extends DocumentEntry {
  readonly pageCostMs: number
}

/** A page before its document is sealed. */
type PlannedPage = Omit<PageReference, 'key'>

export interface PlannedShard {
  readonly pages: readonly PlannedPage[]
  readonly costMs: number
}

export function splitIntoShards(documents: readonly SplittableDocument[]): PlannedShard[] {
  const shards: PlannedShard[] = []
  let pages: PlannedPage[] = []
  let costMs = 0
  let bytes = 0
  let lastDocument: string | undefined

  const close = () => {
    if (pages.length > 0) shards.push({ pages, costMs })
    pages = []
    costMs = 0
    bytes = 0
    lastDocument = undefined
  }

  for (const document of documents) {
    for (let page = 0; page < document.pages; page += 1) {
      const moreBytes = document.file === lastDocument ? 0 : document.bytes
      const full =
        costMs + document.pageCostMs > shardCostMsTarget ||
        pages.length >= shardPagesMax ||
        (moreBytes > 0 && bytes + moreBytes > shardBytesTarget)
      if (full) close()
      pages.push({ document: document.file, bytes: document.bytes, page })
      costMs += document.pageCostMs
      bytes += document.file === lastDocument ? 0 : document.bytes
      lastDocument = document.file
    }
  }
  close()
  return shards
}
