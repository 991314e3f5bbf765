/** The state that the parts of a worker share: its knowledge, its leases, and the effects that it asks for. */
import type { PeerId } from '../ids.ts'
import type { DeclineReason, Message } from '../message.ts'
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

/** How it is with the vehicle at the moment. */
export interface Condition {
  mode: WorkerMode
  /** The disk has room for more work. */
  hasRoom: boolean
  /** The operator's share that its fleet's charter names: nobody may take more of what it earns. */
  operatorPpm: number
  /** Until when the vehicle will probably be there; null: nobody knows. */
  availableUntilMs: number | null
  readonly paces: Paces
}

export class Desk {
  /** In the order in which they are to be carried out. */
  readonly effects: WorkerEffect[] = []
  readonly bench: Bench
  readonly receipts: Commitments
  readonly jobs = new KnownJobs()
  readonly totals = { shardsDone: 0, leasesReleased: 0 }
  readonly condition: Condition = {
    mode: 'run',
    hasRoom: true,
    operatorPpm: 0,
    availableUntilMs: null,
    paces: new Paces(),
  }

  constructor(options: WorkerOptions, serial: number) {
    this.bench = new Bench(options.slots, this.effects)
    this.receipts = new Commitments(options, serial, this.effects)
  }

  accept({ lease, manifest, steward }: Held): void {
    this.#send(steward, { type: 'accept', job: manifest.id, lease: lease.id })
  }

  decline(
    { lease, manifest }: Pick<Held, 'lease' | 'manifest'>,
    to: PeerId,
    reason: DeclineReason,
    retryMs: number,
  ): void {
    this.#send(to, { type: 'decline', job: manifest.id, lease: lease.id, reason, retryMs })
  }

  progress({ lease, manifest, steward, finished }: Held): void {
    this.#send(steward, { type: 'progress', job: manifest.id, lease: lease.id, done: finished.size })
  }

  #send(to: PeerId, message: Message): void {
    this.effects.push({ type: 'send', to, message })
  }
}
