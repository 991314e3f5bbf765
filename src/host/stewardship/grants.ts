/**
 * Grants: who may read which of a job's blocks, from the steward's side.
 *
 * A lease names a vehicle and shards; as long as it runs, that vehicle may read those shards and the documents
 * that they refer to, and nothing else of the job.
 */
import type { Cid, LeaseId, PeerId } from '../../protocol/ids.ts'
import { decodeShard } from '../../protocol/job.ts'
import type { BlockStore } from '../store/blocks.ts'
import { parseFileRoot } from '../store/files.ts'

export class Grants {
  readonly #blocks: BlockStore
  readonly #grants = new Map<PeerId, Map<LeaseId, ReadonlySet<Cid>>>()

  constructor(blocks: BlockStore) {
    this.#blocks = blocks
  }

  async grant(peer: PeerId, lease: LeaseId, shards: readonly Cid[]): Promise<void> {
    const readable = new Set<Cid>(shards)
    for (const shard of shards) {
      const bytes = await this.#blocks.get(shard)
      if (bytes === undefined) continue
      for (const { document } of decodeShard(bytes).pages) {
        if (readable.has(document)) continue
        readable.add(document)
        const root = await this.#blocks.get(document)
        if (root !== undefined) for (const part of parseFileRoot(document, root).parts) readable.add(part)
      }
    }
    const leases = this.#grants.get(peer)
    if (leases === undefined) this.#grants.set(peer, new Map([[lease, readable]]))
    else leases.set(lease, readable)
  }

  revoke(peer: PeerId, lease: LeaseId): void {
    const leases = this.#grants.get(peer)
    leases?.delete(lease)
    if (leases?.size === 0) this.#grants.delete(peer)
  }

  allows(peer: PeerId, cid: Cid): boolean {
    for (const readable of this.#grants.get(peer)?.values() ?? []) if (readable.has(cid)) return true
    return false
  }
}
