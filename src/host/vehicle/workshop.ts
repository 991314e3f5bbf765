/** The workshop: fetches what leases need, and runs one at a time in each slot. */
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { JobId, LeaseId } from '../../protocol/ids.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { documentBytesOf, unitCountOf } from '../../protocol/job/shard.ts'
import { totalOf, unitsOf } from '../../protocol/price.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { UnpreparedReason, WorkerInput } from '../../protocol/worker/contract.ts'
import type { Worker } from '../../protocol/worker/worker.ts'
import { type Executor, type Slot, SlotKilled } from '../executor/contract.ts'
import type { WorkNews } from '../history/contract.ts'
import type { Network } from '../network/network.ts'
import { StoreError } from '../store/errors.ts'
import type { Store } from '../store.ts'
import { MissingBlocks } from './fetching.ts'
import { LeaseRun, type LeaseRunOptions } from './lease-run.ts'
import { Provisions } from './provisions.ts'
import type { Room } from './room.ts'
import { documentMemory } from './runtime-session.ts'
import type { Speedometer } from './speedometer.ts'

export interface WorkshopOptions {
  readonly slots: number
  readonly executor: Executor
  readonly network: Network
  readonly store: Store
  readonly room: Room
  readonly speed: Speedometer
  readonly news: WorkNews
  readonly log: Logger
  /** A lease that the worker still holds. */
  readonly leaseOf: Worker['lease']
  /** Keys of the lease's shards. */
  readonly keysOf: (lease: LeaseId) => readonly Uint8Array[]
  readonly tell: (input: WorkerInput) => void
  /** The stderr of modules while they worked on a shard of this lease. */
  readonly onLogs: (lease: LeaseId, logs: Parameters<LeaseRunOptions['onShard']>[2]) => void
  /** The blocks that nobody wants any more have stopped to come for this job. */
  readonly onGivenUp: (job: JobId) => void
}

export class Workshop {
  readonly #options: WorkshopOptions
  readonly #provisions: Provisions
  readonly #memory = documentMemory()
  readonly #slots: readonly Slot[]
  readonly #runs: (LeaseRun | undefined)[]
  /** The abort controllers of fetches, by the lease whose blocks are being fetched. */
  readonly #fetching = new Map<LeaseId, AbortController>()

  constructor(options: WorkshopOptions) {
    this.#options = options
    const { network, store, log, onGivenUp } = options
    this.#provisions = new Provisions(network, store.blocks, log, onGivenUp)
    this.#slots = Array.from({ length: options.slots }, () => options.executor.openSlot())
    this.#runs = this.#slots.map(() => undefined)
  }

  /** As Provisions'. */
  arrivals() {
    return this.#provisions.arrivals()
  }

  /** Words about a lease, with what is known of its job's weights on their way. */
  withWeights<Said extends { readonly lease: LeaseId }>(said: Said) {
    const held = this.#options.leaseOf(said.lease)
    const weights = held && this.#provisions.arrivedOf(held.manifest)
    return { ...said, ...(weights && { weights }) }
  }

  async prepare(id: LeaseId): Promise<void> {
    const { leaseOf, log, tell } = this.#options
    const held = leaseOf(id)
    if (held === undefined) return
    const { signal } = this.#fetch(id)
    try {
      await this.#provisions.ofLease(held, signal)
      await this.#checkUnits(held)
      tell({ type: 'prepared', lease: id })
    } catch (error) {
      if (signal.aborted) return
      log.info({ lease: id, error }, 'a lease could not be prepared')
      tell({ type: 'unprepared', lease: id, why: this.#whyUnprepared(error) })
    }
  }

  /** Tells of each shard that is done, and of the end. */
  async run(id: LeaseId, index: number, isRepaired = false): Promise<void> {
    const { store, room, speed, news, log, leaseOf, keysOf, tell, onLogs } = this.#options
    const held = leaseOf(id)
    if (held === undefined) return
    const { manifest, lease, finished } = held
    const run = new LeaseRun({
      slot: this.#slots[index]!,
      manifest,
      lease,
      keys: keysOf(id),
      finished,
      blocks: store.blocks.of(manifest.id),
      memory: this.#memory,
      journal: store.journal,
      provisions: this.#provisions,
      onShard: (done, pages, logs, errors) => {
        if (this.#runs[index] !== run) return
        onLogs(id, logs)
        // What cannot be read is refused in no time, and says nothing of how fast the rest is.
        if (errors === 0)
          speed.measure(manifest.payload, done.units === undefined ? pages : totalOf(done.units), done.wallMs)
        news.shardDone(manifest, id, { pages, ...done })
        tell({ type: 'shard-done', lease: id, ...done })
      },
    })
    this.#runs[index] = run
    let failed = false
    try {
      await run.run()
    } catch (error) {
      failed = !(error instanceof SlotKilled) && !room.lostBy(error)
      if (failed) log.warn({ lease: id, error }, 'a lease failed on this vehicle')
    }
    if (this.#runs[index] !== run) return
    // A block that the disk has damaged is fetched again before the lease is given up, and that only once.
    if (failed && !isRepaired && (await this.#repair(id)) && this.#runs[index] === run)
      return this.run(id, index, true)
    if (this.#runs[index] !== run) return
    this.#runs[index] = undefined
    tell({ type: 'run-ended', lease: id })
  }

  /** The shard under way in this slot is its lease's last one. */
  drain(index: number): void {
    this.#runs[index]?.drain()
  }

  /** Frozen first: that takes effect within a millisecond, the end of a process within tens. */
  abort(index: number): void {
    this.#runs[index] = undefined
    const slot = this.#slots[index]!
    slot.freeze()
    void slot.kill().then(() => slot.resume())
  }

  /** The lease is over: nothing is fetched for it any more. */
  release(lease: LeaseId): void {
    this.#fetching.get(lease)?.abort(new Error('the lease is over'))
    this.#fetching.delete(lease)
  }

  async #repair(id: LeaseId): Promise<boolean> {
    const { leaseOf, log } = this.#options
    const held = leaseOf(id)
    if (held === undefined) return false
    const { signal } = this.#fetch(id)
    try {
      return await this.#provisions.repair(held, signal)
    } catch (error) {
      log.info({ lease: id, error }, 'damaged blocks could not be fetched again')
      return false
    }
  }

  #whyUnprepared(error: unknown): UnpreparedReason {
    if (error instanceof MissingBlocks) return 'missing-blocks'
    const isShort = error instanceof StoreError && error.code === 'no-room'
    return isShort || this.#options.room.lostBy(error) ? 'no-space' : 'wrong-blocks'
  }

  #fetch(id: LeaseId): AbortController {
    const known = this.#fetching.get(id) ?? new AbortController()
    this.#fetching.set(id, known)
    return known
  }

  /** Throws ProtocolError when the lease would pay for other work than its shards are. */
  async #checkUnits({
    manifest,
    lease,
  }: {
    readonly manifest: Verified<Manifest>
    readonly lease: Verified<Lease>
  }): Promise<void> {
    const unit = manifest.payload.payment?.unit ?? 'page'
    for (const [place, cid] of lease.payload.shards.entries()) {
      const shard = await this.#provisions.shard(cid)
      const stated = unitCountOf(shard)
      const facts = {
        pages: shard.pages.length,
        bytes: documentBytesOf(shard),
        ...(stated && { units: stated }),
      }
      const units = unitsOf(facts, unit)
      const counted = lease.payload.units[place]
      if (counted !== units)
        throw new ProtocolError({
          code: 'malformed',
          what: 'lease',
          why: `it counts ${counted} units in shard ${cid}, which has ${units}`,
        })
    }
  }
}
