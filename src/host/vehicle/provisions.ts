/**
 * Provisions: the blocks that a vehicle needs before it can work on a lease.
 *
 * Shards and documents come from the job's stewards, since only those may hand them out: from the one that looks
 * after the lease, and from the others when it cannot. Weights are public by their CID, so any peer that has them
 * will do, several at once (../gathering.ts), and others are asked before the stewards, as long as these bring them: a hundred vehicles that
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
import { blockBytesMax, shardBlockBytesMax } from '../../protocol/limits.ts'
import type { WeightsArrived } from '../../protocol/message.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { providersOf } from '../gathering.ts'
import type { Network } from '../network/network.ts'
import type { BlockStore } from '../store/blocks.ts'
import { missingFileBlocks, partsOfFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { Arrival, type WeightsOnTheWay } from './arrival.ts'
import { Fetching, MissingBlocks, type Use } from './fetching.ts'
import { SharedWork } from './shared-work.ts'

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
  /** By file of weights: the stewards of each job that waits for it. */
  readonly #reserves = new Map<Cid, Map<JobId, readonly PeerId[]>>()
  readonly #arrivals = new Set<Arrival>()
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

  /** Lists the weights that are on their way, in the order in which they were asked for. */
  arrivals(): WeightsOnTheWay[] {
    return [...this.#arrivals].map(({ view }) => view)
  }

  /** As a steward is told of the weights of its job; undefined: none of them are on their way. */
  arrivedOf({ payload }: Verified<Manifest>): WeightsArrived | undefined {
    const files = new Set(payload.weights.map(({ file }) => file))
    const coming = this.arrivals().filter(({ file }) => files.has(file))
    if (coming.length === 0) return undefined
    const sum = (key: 'bytes' | 'of') => coming.reduce((total, one) => total + one[key], 0)
    return { bytes: sum('bytes'), of: sum('of'), peers: Math.max(...coming.map(({ peers }) => peers)) }
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
    const reserves = this.#reserves.get(weight.file) ?? new Map<JobId, readonly PeerId[]>()
    this.#reserves.set(weight.file, reserves.set(mine.job, stewards))
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
    const lacking = await missingFileBlocks(weight, this.#blocks)
    const isRootHere = lacking[0] !== weight.file
    const hereBytes = isRootHere ? Math.max(0, weight.bytes - lacking.length * blockBytesMax) : 0
    const arrival = new Arrival(weight, hereBytes, this.#log)
    if (lacking.length > 0) this.#arrivals.add(arrival)
    try {
      const told = { ...use, told: arrival.came }
      // In random order.
      const others =
        lacking.length === 0 ? [] : await providersOf(weight.file, this.#network, stewards, signal)
      const reserves = () => inTurn([...(this.#reserves.get(weight.file)?.values() ?? [stewards])])
      await this.#fetching.files([weight], told, others.length > 0 ? others : stewards, signal, reserves)
      arrival.over()
    } finally {
      this.#arrivals.delete(arrival)
    }
  }
}

/** The first of each list, then the second of each, and so on: no job's stewards come before those of another. */
function* inTurn(lists: readonly (readonly PeerId[])[]): Generator<PeerId> {
  for (let i = 0; lists.some(({ length }) => i < length); i += 1)
    for (const list of lists) if (i < list.length) yield list[i]!
}

/** Offers are held to these bounds at the door; a lease that an earlier run of this node took was not. Throws ProtocolError. */
function refuseExcess({ payload }: Verified<Manifest>): void {
  const why = excessOf(payload)
  if (why !== undefined) throw new ProtocolError({ code: 'malformed', what: 'manifest', why })
}
