/**
 * Provisions: the blocks that a vehicle needs before it can work on a lease.
 *
 * Shards and documents come from the job's stewards, since only those may hand them out: from the one that looks
 * after the lease, and from the others when it cannot. Weights are public by their CID, so any peer that has them
 * will do, several at once (gathering.ts), and others are asked before the stewards, as long as these bring them: a hundred vehicles that
 * join a job should not all fetch 15 MB from the submitter. Where two jobs want the same weights, the stewards of both may help. Leases of one job ask for the same blocks at the same time; each is fetched once, and no
 * further when none of them wants it any more: a vehicle that drives off has its link to itself.
 */
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid, JobId, PeerId } from '../../protocol/ids.ts'
import { excessOf } from '../../protocol/job/demands.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { FileReference, Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard, documentsOf, type Shard } from '../../protocol/job/shard.ts'
import { shardBlockBytesMax } from '../../protocol/limits.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { Network } from '../network/network.ts'
import { shuffled } from '../shuffled.ts'
import type { BlockStore } from '../store/blocks.ts'
import { missingFileBlocks, partsOfFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { Arrival } from './arrival.ts'
import { Fetching, MissingBlocks, type Use } from './fetching.ts'
import { SharedWork } from './shared-work.ts'

/** Peers asked whether they have weights: each costs one round trip. A guess. */
const peersAskedMax = 16
/** Those that weights come from at once: each may bring 12 MiB that wait in memory. A guess. */
const peersAtOnceMax = 4
/** Shards of 256 pages have some 80 KB each in memory; more than a lease has of these. */
const decodedMax = 32

/** The needs of a lease under way: its blocks, and the peers that may give them, the likeliest first. */
interface Needs {
  readonly manifest: Verified<Manifest>
  readonly lease: Verified<Lease>
  readonly stewards: readonly PeerId[]
}

export class Provisions {
  readonly #network: Network
  readonly #blocks: BlockStore
  readonly #log: Logger
  readonly #fetching: Fetching
  readonly #underWay = new SharedWork()
  /** By file of weights: the stewards of all jobs that wait for it. */
  readonly #reserves = new Map<Cid, Set<PeerId>>()
  /** A shard is asked for when its documents are fetched, and again when it runs; each time takes a millisecond. */
  readonly #decoded = new BoundedMap<Cid, Shard>(decodedMax)

  /** `onGivenUp` and `lateMs` as Fetching's. */
  constructor(
    network: Network,
    blocks: BlockStore,
    log: Logger,
    onGivenUp?: (job: JobId) => void,
    lateMs?: number,
  ) {
    this.#network = network
    this.#blocks = blocks
    this.#log = log
    this.#fetching = new Fetching(network, blocks, log, onGivenUp, lateMs)
  }

  /**
   * Throws MissingBlocks, NetworkError, StoreError (no-room where the job may not have so much of the disk), ProtocolError
   * for blocks that are not what they should be, and the signal's reason.
   */
  async ofLease({ manifest, lease, stewards }: Needs, signal: AbortSignal): Promise<void> {
    refuseExcess(manifest)
    const mine = this.#blocks.of(manifest.id)
    await Promise.all([
      this.#inputs(mine, lease.payload.shards, stewards, signal),
      this.#weights(mine, manifest.payload, stewards, signal),
    ])
  }

  /**
   * Reads all that the lease needs, so that the store notices what is damaged, and fetches that again. False when all
   * was whole. Throws as ofLease.
   */
  async repair(needs: Needs, signal: AbortSignal): Promise<boolean> {
    const { manifest, lease } = needs
    const files = new Map<Cid, FileReference>(manifest.payload.weights.map((weight) => [weight.file, weight]))
    let whole = true
    for (const cid of lease.payload.shards) {
      const bytes = await this.#blocks.get(cid)
      if (bytes === undefined) whole = false
      else for (const document of documentsOf(decodeShard(bytes))) files.set(document.file, document)
    }
    for (const file of files.values())
      for (const cid of new Set([file.file, ...((await partsOfFile(file, this.#blocks)) ?? [])]))
        if ((await this.#blocks.get(cid)) === undefined) whole = false
    if (!whole) await this.ofLease(needs, signal)
    return !whole
  }

  /** The shards of a lease; they are here once `ofLease` has resolved. */
  async shard(cid: Cid): Promise<Shard> {
    const known = this.#decoded.get(cid)
    if (known !== undefined) return known
    const bytes = await this.#blocks.get(cid)
    if (bytes === undefined) throw new MissingBlocks(`shard ${cid}`)
    const shard = decodeShard(bytes)
    this.#decoded.set(cid, shard)
    return shard
  }

  async #inputs(
    mine: JobBlocks,
    shards: readonly Cid[],
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    const use: Use = { mine, kind: 'input' }
    await this.#fetching.blocks(shards, shardBlockBytesMax, use, stewards, signal)
    const documents = new Map<Cid, FileReference>()
    for (const shard of shards)
      for (const document of documentsOf(await this.shard(shard))) documents.set(document.file, document)
    await this.#fetching.files([...documents.values()], use, stewards, signal)
  }

  async #weights(
    mine: JobBlocks,
    { weights }: Manifest,
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(
      weights.map((weight) => {
        const key = `weights/${weight.file}/${mine.job}`
        if (this.#underWay.has(key)) return this.#underWay.join([key], signal)
        return this.#underWay.begin([key], signal, (shared) =>
          this.#weightsOf(mine, weight, stewards, shared),
        )
      }),
    )
  }

  /** Jobs that want the same weights fetch them once, and each takes its own use of them. */
  async #weightsOf(
    mine: JobBlocks,
    weight: FileReference,
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    const key = `weights/${weight.file}`
    const reserves = this.#reserves.get(weight.file) ?? new Set()
    this.#reserves.set(weight.file, reserves)
    for (const steward of stewards) reserves.add(steward)
    while (this.#underWay.has(key))
      // Another job's stewards may not have them; this one's are asked next.
      await this.#underWay.join([key], signal).catch(() => signal.throwIfAborted())
    const use: Use = { mine, kind: 'weights' }
    await this.#underWay.begin([key], signal, (shared) =>
      this.#weightsFile(weight, use, stewards, shared).finally(() => this.#reserves.delete(weight.file)),
    )
  }

  async #weightsFile(
    weight: FileReference,
    use: Use,
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<void> {
    const arrival = new Arrival(weight, this.#log)
    const told = { ...use, told: arrival.came }
    const others = await this.#providers(weight, stewards, signal)
    const reserves = () => new Set([...stewards, ...(this.#reserves.get(weight.file) ?? [])])
    await this.#fetching.files([weight], told, others.length > 0 ? others : stewards, signal, reserves)
    arrival.over()
  }

  /** Connected peers that say that they have it, in random order. */
  async #providers(
    weight: FileReference,
    stewards: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<PeerId[]> {
    const { file } = weight
    if ((await missingFileBlocks(weight, this.#blocks)).length === 0) return []
    const others = this.#network.connectedPeers().filter((peer) => !stewards.includes(peer))
    const asked = shuffled(others).slice(0, peersAskedMax)
    const answers = await Promise.all(
      asked.map(async (peer) => {
        try {
          return (await this.#network.blocks.have(peer, [file], signal)).has(file)
        } catch {
          return false
        }
      }),
    )
    return asked.filter((_, i) => answers[i]).slice(0, peersAtOnceMax)
  }
}

/** Offers are held to these bounds at the door; a lease that an earlier run of this node took was not. Throws ProtocolError. */
function refuseExcess({ payload }: Verified<Manifest>): void {
  const why = excessOf(payload)
  if (why !== undefined) throw new ProtocolError({ code: 'malformed', what: 'manifest', why })
}
