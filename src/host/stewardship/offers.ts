/** Offers leases to vehicles: with the keys of their shards, and for as long as the lease runs the right to read them. */
import { assert } from '../../base/assert.ts'
import type { Cid, LeaseId, PeerId } from '../../protocol/ids.ts'
import { type Lease, openLease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { wrappedKeyBytes } from '../../protocol/limits.ts'
import { encodeMessage, type WeightsArrived } from '../../protocol/message.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { wrappedAt } from '../sealing/blind-keys.ts'
import { shardKey } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import { type GetBlock, readFileRange } from '../store/files.ts'
import { Grants } from './grants.ts'
import type { CouncilDriverOptions } from './options.ts'

export interface OfferParts {
  /** Throws RequestError where this node may not read the job. */
  readonly secret: () => Uint8Array
  /** The records that make this node a steward of the job. */
  readonly credentials: () => { manifest: SignedRecord; handovers: readonly SignedRecord[] }
  readonly block: GetBlock
  readonly onUndelivered: (lease: LeaseId) => void
}

export class Offers {
  readonly #options: Pick<CouncilDriverOptions, 'store' | 'network' | 'manifest' | 'log'>
  readonly #parts: OfferParts
  readonly #grants: Grants
  /** By vehicle, as the holders of leases say. */
  readonly #arriving = new Map<PeerId, WeightsArrived>()

  constructor(
    options: Pick<CouncilDriverOptions, 'store' | 'network' | 'manifest' | 'log'>,
    parts: OfferParts,
  ) {
    this.#options = options
    this.#parts = parts
    this.#grants = new Grants(options.store.blocks)
  }

  async offer(lease: LeaseId, to: PeerId): Promise<void> {
    const { store, network, log } = this.#options
    const row = store.journal.get(lease)
    if (row === undefined) return // the job was forgotten in the meantime
    const record: SignedRecord = { body: row.body, signature: row.signature }
    const { payload } = openLease(record, sha256, () => true)
    await this.#grants.grant(to, lease, payload.shards)
    const keys = await this.#keysFor(payload)
    const message = encodeMessage({ type: 'offer', ...this.#parts.credentials(), lease: record, keys })
    network.send(to, message).catch((error) => {
      log.debug({ to, lease, error }, 'an offer was not delivered')
      this.#grants.revoke(to, lease)
      this.#parts.onUndelivered(lease)
    })
  }

  revoke(from: PeerId, lease: LeaseId): void {
    if (this.#grants.holds(from, lease)) this.#arriving.delete(from)
    this.#grants.revoke(from, lease)
  }

  /** A vehicle says how far the job's weights have come to it; undefined: it lacks none. Nobody else is listened to. */
  heardWeights(from: PeerId, lease: LeaseId, weights: WeightsArrived | undefined): void {
    if (weights === undefined) this.#arriving.delete(from)
    else if (this.#grants.holds(from, lease)) this.#arriving.set(from, weights)
  }

  /** Weights on their way, by vehicle. */
  get arriving(): ReadonlyMap<PeerId, WeightsArrived> {
    return this.#arriving
  }

  /** Tells whether a lease that runs lets the vehicle read this block. */
  allows(vehicle: PeerId, cid: Cid): boolean {
    return this.#grants.allows(vehicle, cid)
  }

  /** Returns the keys of the lease's shards; those of a blind job as the submitter wrapped them for this vehicle. */
  async #keysFor({ vehicle, positions }: Lease): Promise<Uint8Array[]> {
    const { blind, shards }: Manifest = this.#options.manifest
    if (blind === null) return positions.map((position) => shardKey(this.#parts.secret(), position))
    const index = blind.candidates.findIndex(({ peer }) => peer === vehicle)
    assert(index >= 0, 'only a candidate of a blind job is drawn')
    // The file is of up to 40 MiB, and a lease needs a few keys of it.
    const keys: Uint8Array[] = []
    for (const position of positions) {
      const at = wrappedAt(index, shards.count, position)
      keys.push(await readFileRange(blind.keys, this.#parts.block, at, wrappedKeyBytes))
    }
    return keys
  }
}
