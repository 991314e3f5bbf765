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
  const cutter = new ShardCutter()
  return [...documents.flatMap((document) => [...cutter.push(document)]), ...cutter.end()]
}

/** The same for documents that come one by one: holds the pages of the shard that is still open, and no others. */
export class ShardCutter {
  #pages: PlannedPage[] = []
  #costMs = 0
  #bytes = 0
  #lastDocument: string | undefined;

  /** Yields the shards that close before the document's last page; its last page is in a shard that is open. */
  *push(document: SplittableDocument): Generator<PlannedShard> {
    for (let page = 0; page < document.pages; page += 1) {
      const moreBytes = document.file === this.#lastDocument ? 0 : document.bytes
      const full =
        this.#costMs + document.pageCostMs > shardCostMsTarget ||
        this.#pages.length >= shardPagesMax ||
        (moreBytes > 0 && this.#bytes + moreBytes > shardBytesTarget)
      if (full) yield* this.end()
      this.#pages.push({ document: document.file, bytes: document.bytes, page })
      this.#costMs += document.pageCostMs
      this.#bytes += document.file === this.#lastDocument ? 0 : document.bytes
      this.#lastDocument = document.file
    }
  }

  /** Yields the shard that is open, if any. */
  *end(): Generator<PlannedShard> {
    const [pages, costMs] = [this.#pages, this.#costMs]
    this.#pages = []
    this.#costMs = 0
    this.#bytes = 0
    this.#lastDocument = undefined
    if (pages.length > 0) yield { pages, costMs }
  }
}
