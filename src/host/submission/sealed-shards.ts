/** A job's shards as vehicles get them. */

import type { ShardEntry } from '../../protocol/job/lists.ts'
import { documentBytesOf, encodeShard, type Shard, unitCountOf } from '../../protocol/job/shard.ts'
import { type PlannedShard, ShardCutter } from '../../protocol/job/split.ts'
import { keyWrapper, shardKey } from '../sealing/sealing.ts'
import { cidOf } from '../store/cid.ts'
import type { Cutting } from './cutting.ts'
import type { InspectedDocument } from './packer.ts'

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
    const wrap = keyWrapper(shardKey(secret, position))
    const shard: Shard = {
      pages: pages.map((page, i) => ({ ...page, key: wrap(keys[i]!) })),
    }
    const bytes = encodeShard(shard)
    const units = unitCountOf(shard)
    const entry = {
      shard: cidOf('dag-cbor', bytes),
      pages: pages.length,
      bytes: documentBytesOf(shard),
      costMs: Math.ceil(costMs),
      ...(units && { units }),
    }
    yield { entry, bytes }
    position += 1
  }
}

/** Each shard with the keys of its pages' documents. */
async function* plannedWithKeys(
  documents: AsyncIterable<InspectedDocument>,
  { bounds, estimated }: Cutting,
): AsyncGenerator<PlannedShard & { readonly keys: readonly Uint8Array[] }> {
  const cutter = new ShardCutter(bounds)
  let keys: Uint8Array[] = []
  for await (const document of documents) {
    for (let page = 0; page < document.pages; page += 1) keys.push(document.key)
    for (const shard of cutter.push(estimated(document))) {
      yield { ...shard, keys: keys.slice(0, shard.pages.length) }
      keys = keys.slice(shard.pages.length)
    }
  }
  for (const shard of cutter.end()) yield { ...shard, keys }
}
