/**
 * Grants: who may read which of a job's blocks, from the steward's side.
 *
 * A lease names a vehicle and shards; as long as it runs, that vehicle may read those shards and the documents
 * that they refer to, and nothing else of the job.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Cid, LeaseId, PeerId } from '../../protocol/ids.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import type { BlockStore } from '../store/blocks.ts'
import { codecOf } from '../store/cid.ts'
import { parseFileRoot } from '../store/files.ts'

/** Shards between their first lease and their second: eight leases of 64. Forgetting one costs a read. A guess. */
const shardsKnownMax = 512
/** A shard of more blocks is read again instead: all together stay below 16 MiB. */
const blocksKnownMax = 256

export class Grants {
  readonly #blocks: BlockStore
  readonly #grants = new Map<PeerId, Map<LeaseId, ReadonlySet<Cid>>>()
  /** The blocks that shards leased lately consist of. */
  readonly #known = new BoundedMap<Cid, readonly Cid[]>(shardsKnownMax)

  constructor(blocks: BlockStore) {
    this.#blocks = blocks
  }

  async grant(peer: PeerId, lease: LeaseId, shards: readonly Cid[]): Promise<void> {
    const readable = new Set<Cid>(shards)
    for (const shard of shards) for (const cid of await this.#blocksOf(shard)) readable.add(cid)
    const leases = this.#grants.get(peer)
    if (leases === undefined) this.#grants.set(peer, new Map([[lease, readable]]))
    else leases.set(lease, readable)
  }

  revoke(peer: PeerId, lease: LeaseId): void {
    const leases = this.#grants.get(peer)
    leases?.delete(lease)
    if (leases?.size === 0) this.#grants.delete(peer)
  }

  /** The documents of a shard, with their parts. Each shard is leased to several vehicles, soon after each other. */
  async #blocksOf(shard: Cid): Promise<readonly Cid[]> {
    const known = this.#known.get(shard)
    if (known !== undefined) return known
    const bytes = await this.#blocks.get(shard)
    if (bytes === undefined) return []
    const found = new Set<Cid>()
    for (const { document } of decodeShard(bytes).pages) {
      if (found.has(document)) continue
      found.add(document)
      if (codecOf(document) === 'raw') continue // a file of one block
      const root = await this.#blocks.get(document)
      if (root !== undefined) for (const part of parseFileRoot(document, root).parts) found.add(part)
    }
    const blocks = [...found]
    if (blocks.length <= blocksKnownMax) this.#known.set(shard, blocks)
    return blocks
  }

  /** Tells whether the lease runs, and is this vehicle's. */
  holds(peer: PeerId, lease: LeaseId): boolean {
    return this.#grants.get(peer)?.has(lease) ?? false
  }

  allows(peer: PeerId, cid: Cid): boolean {
    for (const readable of this.#grants.get(peer)?.values() ?? []) if (readable.has(cid)) return true
    return false
  }
}
