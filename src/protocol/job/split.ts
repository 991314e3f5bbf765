/**
 * Splitting: documents, in the submitter's order, into shards.
 *
 * A shard is a run of consecutive pages that stays below five bounds: estimated cost, pages, bytes, estimated bytes of
 * results, and units of work. A page that exceeds a bound by itself is a shard by itself; pages of one large document share its bytes.
 *
 * Small shards keep all vehicles busy until the end, and few shards cost little. So the cost bound is a part of what each
 * slot that is here will have to do, between two limits.
 */

import { shardBytesTarget, shardCostMsTarget, shardPagesMax, shardUnitsMax } from '../limits.ts'
import { totalOf, type UnitCount } from '../price.ts'
import type { DocumentEntry } from './lists.ts'
import type { PageReference, Slice } from './shard.ts'

export interface SplittableDocument extends DocumentEntry {
  readonly pageCostMs: number
  /** The units of work of each page, where they are counted. */
  readonly units?: UnitCount | undefined
  /** Its part of `file`, where that has other documents, too. */
  readonly slice?: Slice | undefined
  /** Bytes that a page's result is expected to have; left out where nobody knows. */
  readonly outputBytes?: number
}

export interface SplitBounds {
  readonly costMsMax: number
  readonly pagesMax: number
}

/** So many shards for each slot: the last ones to be computed are then a small part of the whole. */
const shardsPerSlot = 4
/** … and none is cheaper for the sake of that: each costs its stewards and vehicles some milliseconds. */
const shardCostMsMin = 250

/** A page before its document is sealed. */
type PlannedPage = Omit<PageReference, 'key'>

export interface PlannedShard {
  readonly pages: readonly PlannedPage[]
  readonly costMs: number
}

/** The bounds for documents that cost so much together and are executed so many times, where so many slots are here. */
export function splitBounds(costMs: number, replicas: number, slots: number): SplitBounds {
  const shareMs = (costMs * replicas) / (Math.max(1, slots) * shardsPerSlot)
  const costMsMax = Math.min(shardCostMsTarget, Math.max(shardCostMsMin, shareMs))
  return { costMsMax, pagesMax: shardPagesMax }
}

/** Cuts documents that come one by one: holds the pages of the shard that is still open, and no others. */
export class ShardCutter {
  readonly #bounds: SplitBounds
  #pages: PlannedPage[] = []
  #costMs = 0
  #bytes = 0
  #outputBytes = 0
  #units = 0
  #lastDocument: string | undefined

  constructor(bounds: SplitBounds) {
    this.#bounds = bounds
  }

  /** Yields the shards that close before the document's last page; its last page is in a shard that is open. */
  *push(document: SplittableDocument): Generator<PlannedShard> {
    const { costMsMax, pagesMax } = this.#bounds
    const outputBytes = document.outputBytes ?? 0
    const moreUnits = document.units === undefined ? 0 : totalOf(document.units)
    for (let page = 0; page < document.pages; page += 1) {
      const moreBytes = document.file === this.#lastDocument ? 0 : document.bytes
      const full =
        this.#costMs + document.pageCostMs > costMsMax ||
        this.#pages.length >= pagesMax ||
        this.#units + moreUnits > shardUnitsMax ||
        this.#outputBytes + outputBytes > shardBytesTarget ||
        (moreBytes > 0 && this.#bytes + moreBytes > shardBytesTarget)
      if (full) yield* this.end()
      const { file, bytes, slice, units } = document
      this.#pages.push({ document: file, bytes, ...(slice && { slice }), page, ...(units && { units }) })
      this.#units += moreUnits
      this.#costMs += document.pageCostMs
      this.#outputBytes += outputBytes
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
    this.#outputBytes = 0
    this.#units = 0
    this.#lastDocument = undefined
    if (pages.length > 0) yield { pages, costMs }
  }
}
