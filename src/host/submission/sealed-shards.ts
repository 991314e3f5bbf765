/** A job's shards as vehicles get them. */

import type { ShardEntry } from '../../protocol/job/lists.ts'
import { documentBytesOf, encodeShard, type Shard } from '../../protocol/job/shard.ts'
import type { PlannedShard } from '../../protocol/job/split.ts'
import { shardKey, wrapKey } from '../sealing/sealing.ts'
import { cidOf } from '../store/cid.ts'
import type { InspectedDocument } from './inspection.ts'

/** The blocks that vehicles get, one after another: each with the keys of its documents, under a key of its own. */
export function* sealShards(
  shards: readonly PlannedShard[],
  documents: readonly InspectedDocument[],
  secret: Uint8Array,
): Generator<{ readonly entry: ShardEntry; readonly bytes: Uint8Array }> {
  const keys = new Map(documents.map(({ file, key }) => [file, key]))
  for (const [position, { pages, costMs }] of shards.entries()) {
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
  }
}
