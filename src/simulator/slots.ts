/** The slots of a simulated vehicle: a lease's shards run one after the other, as src/host/executor runs them in processes. */
import type { Cid, LeaseId } from '../protocol/ids.ts'
import type { Lease } from '../protocol/job/lease.ts'
import type { Verified } from '../protocol/record/record.ts'
import type { Done } from '../protocol/worker/contract.ts'
import type { SimJob } from './sim-job.ts'

export interface TakenLease {
  readonly job: SimJob
  readonly lease: Verified<Lease>
}

interface Run {
  readonly taken: TakenLease
  isDraining: boolean
}

export interface SlotOwner {
  /** A shard of this job begins: returns how long it takes. */
  begin(job: SimJob): number
  later(delayMs: number, happen: () => void): void
  answer(job: SimJob, position: number, lease: Verified<Lease>): Cid
  /** The result is here, and is to be noted before anybody hears of it. */
  done(lease: LeaseId, done: Done): void
  ended(lease: LeaseId): void
}

export class Slots {
  readonly #owner: SlotOwner
  #runs = new Map<number, Run>()
  /** The places of each lease whose shards are done. */
  readonly #finished = new Map<LeaseId, Set<number>>()

  constructor(owner: SlotOwner) {
    this.#owner = owner
  }

  get running(): number {
    return this.#runs.size
  }

  run(slot: number, taken: TakenLease): void {
    const run = { taken, isDraining: false }
    this.#runs.set(slot, run)
    this.#runNext(slot, run)
  }

  drain(slot: number): void {
    this.#runs.get(slot)!.isDraining = true
  }

  abort(slot: number): void {
    this.#runs.delete(slot)
  }

  /** After a crash nothing runs, and only what is noted counts as finished. */
  restart(finished: Iterable<{ readonly lease: LeaseId; readonly place: number }>): void {
    this.#runs = new Map()
    this.#finished.clear()
    for (const { lease, place } of finished) this.#finishedOf(lease).add(place)
  }

  /** The lease is over: nothing of it runs again. */
  forget(lease: LeaseId): void {
    this.#finished.delete(lease)
  }

  #runNext(slot: number, run: Run): void {
    const { lease, job } = run.taken
    const finished = this.#finishedOf(lease.id)
    const place = lease.payload.positions.findIndex((_, i) => !finished.has(i))
    if (place < 0) {
      this.#end(slot, lease.id)
      return
    }
    const costMs = this.#owner.begin(job)
    this.#owner.later(costMs, () => {
      if (this.#runs.get(slot) !== run) return
      const result = this.#owner.answer(job, lease.payload.positions[place]!, lease)
      finished.add(place)
      this.#owner.done(lease.id, { place, result, cpuMs: costMs, wallMs: costMs })
      if (this.#runs.get(slot) !== run) return
      if (run.isDraining) this.#end(slot, lease.id)
      else this.#runNext(slot, run)
    })
  }

  #end(slot: number, lease: LeaseId): void {
    this.#runs.delete(slot)
    this.#owner.ended(lease)
  }

  #finishedOf(lease: LeaseId): Set<number> {
    const known = this.#finished.get(lease) ?? new Set()
    this.#finished.set(lease, known)
    return known
  }
}
