/** The state that the parts of a worker share: its knowledge, its leases, and the effects that it asks for. */
import type { PeerId } from '../ids.ts'
import { awaitedMsMin } from '../limits.ts'
import type { DeclineReason, Message } from '../message.ts'
import type { Ask } from '../price.ts'
import { Bench } from './bench.ts'
import { Commitments } from './commitment.ts'
import type { WorkerEffect, WorkerMode, WorkerOptions } from './contract.ts'
import type { Held } from './held.ts'
import { KnownJobs } from './known-jobs.ts'
import { Paces } from './paces.ts'

/** A vehicle that is full asks not to be asked for this long: about one lease (limits.ts). */
export const busyRetryMs = 2_000
/** A vehicle that does not work asks for quiet this long; its advert will say when that changes. */
export const stoppedRetryMs = 60_000
/**
 * A lease that waits for its blocks, or for its steward, for longer gives its place to another where the queue is full: no longer than an owner
 * that is full is waited for (awaitedMsMin).
 */
export const preparingMsMax = awaitedMsMin

/** How it is with the vehicle at the moment. */
export interface Condition {
  mode: WorkerMode
  /** The disk has room for more work. */
  hasRoom: boolean
  /** The operator's share that its fleet's charter names: nobody may take more of what it earns. */
  operatorPpm: number
  /** Until when the vehicle will probably be there; null: nobody knows. */
  availableUntilMs: number | null
  /** The categories of jobs that its owner lets in; null: all. */
  categories: readonly string[] | null
  /** The owner's asks now, by engine id, where that has changed; null: nothing. */
  asks: ReadonlyMap<string, Ask | null>
  readonly paces: Paces
}

export class Desk {
  /** In the order in which they are to be carried out. */
  readonly effects: WorkerEffect[] = []
  readonly bench: Bench
  readonly receipts: Commitments
  readonly jobs = new KnownJobs()
  /** The peers that this vehicle has a connection to. */
  readonly connected = new Set<PeerId>()
  readonly totals = { shardsDone: 0, leasesReleased: 0 }
  readonly condition: Condition

  constructor(options: WorkerOptions, serial: number) {
    this.condition = {
      mode: 'run',
      hasRoom: true,
      operatorPpm: 0,
      availableUntilMs: null,
      categories: options.categories,
      asks: new Map(),
      paces: new Paces(),
    }
    this.bench = new Bench(options.slots, this.effects)
    this.receipts = new Commitments(options, serial, this.effects, (held) => this.guardiansOf(held))
  }

  /** The stewards that are to hear of the lease. */
  guardiansOf({ lease, manifest }: Pick<Held, 'lease' | 'manifest'>): readonly PeerId[] {
    return this.jobs.guardiansOf(manifest.id, lease.signer)
  }

  accept({ lease, manifest }: Held, to: PeerId): void {
    this.#send(to, { type: 'accept', job: manifest.id, lease: lease.id })
  }

  decline(
    { lease, manifest }: Pick<Held, 'lease' | 'manifest'>,
    to: PeerId,
    reason: DeclineReason,
    retryMs: number,
  ): void {
    this.#send(to, { type: 'decline', job: manifest.id, lease: lease.id, reason, retryMs })
  }

  /** Declines to all that look after a lease which was accepted. */
  giveBack(held: Held, reason: DeclineReason, retryMs: number): void {
    for (const to of this.guardiansOf(held)) this.decline(held, to, reason, retryMs)
  }

  progress(held: Held): void {
    const { lease, manifest, finished } = held
    for (const to of this.guardiansOf(held))
      this.#send(to, { type: 'progress', job: manifest.id, lease: lease.id, done: finished.size })
  }

  /** A steward looks after the job from now on. */
  adopt(manifest: Held['manifest'], steward: PeerId): void {
    const givesWay = this.jobs.adopt(manifest, steward)
    if (givesWay !== undefined) this.receipts.dropDue(manifest.id, givesWay)
  }

  #send(to: PeerId, message: Message): void {
    this.effects.push({ type: 'send', to, message })
  }
}
