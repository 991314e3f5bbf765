/** A job's shards as vehicles get them. */

import type { Cid } from '../../protocol/ids.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import { documentBytesOf, encodeShard, type Shard } from '../../protocol/job/shard.ts'
import { type PlannedShard, ShardCutter } from '../../protocol/job/split.ts'
import { shardKey, wrapKey } from '../sealing/sealing.ts'
import { cidOf } from '../store/cid.ts'
import type { Cutting } from './cutting.ts'
import type { InspectedDocument } from './inspection.ts'

/**
 * The blocks that vehicles get, one after another: each with the keys of its documents, under a key of its own. Holds what is in one
 * of them.
 */
export async function* sealShards(
  documents: AsyncIterable<InspectedDocument>,
  cutting: Cutting,
  secret: Uint8Array,
): AsyncGenerator<{ readonly entry: ShardEntry; readonly bytes: Uint8Array }> {
  let position = 0
  for await (const { pages, costMs, keys } of plannedWithKeys(documents, cutting)) {
    const wrapping = shardKey(secret, position)
    const shard: Shard = {
      pages: pages.map((page) => ({ ...page, key: wrapKey(wrapping, keys.get(page.document)!) })),
    }
    const bytes = encodeShard(shard)
    const entry = {
      shard: cidOf('dag-cbor', bytes),
      pages: pages.length,
      bytes: documentBytesOf(shard),
      costMs: Math.ceil(costMs),
    }
    yield { entry, bytes }
    position += 1
  }
}

async function* plannedWithKeys(
  documents: AsyncIterable<InspectedDocument>,
  { bounds, estimated }: Cutting,
): AsyncGenerator<PlannedShard & { readonly keys: ReadonlyMap<Cid, Uint8Array> }> {
  const cutter = new ShardCutter(bounds)
  const keys = new Map<Cid, Uint8Array>()
  for await (const document of documents) {
    const { file, key } = document
    keys.set(file, key)
    let hasClosed = false
    for (const shard of cutter.push(estimated(document))) {
      yield { ...shard, keys }
      hasClosed = true
    }
    // The open shard has pages of this document, and of none before it.
    if (hasClosed) keys.clear()
    keys.set(file, key)
  }
  for (const shard of cutter.end()) yield { ...shard, keys }
}
