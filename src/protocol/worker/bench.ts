/** The leases that a vehicle holds, and the slots in which they run one at a time. */
import type { JobId, LeaseId, PeerId } from '../ids.ts'
import type { WorkerEffect } from './contract.ts'
import { FairQueue } from './fair-queue.ts'
import type { Held } from './held.ts'

export class Bench {
  readonly #effects: WorkerEffect[]
  /** In the order in which they were accepted. */
  readonly #held = new Map<LeaseId, Held>()
  readonly #slots: (LeaseId | undefined)[]
  readonly #queue = new FairQueue()
  /** Set before each input. */
  nowMs = 0

  constructor(slots: number, effects: WorkerEffect[]) {
    this.#slots = new Array(slots).fill(undefined)
    this.#effects = effects
  }

  get slots(): number {
    return this.#slots.length
  }

  get free(): number {
    return this.#slots.filter((lease) => lease === undefined).length
  }

  get size(): number {
    return this.#held.size
  }

  /** A copy, so that leases can be handed in while one goes through them. */
  all(): readonly Held[] {
    return [...this.#held.values()]
  }

  ofJob(job: JobId): readonly Held[] {
    return this.all().filter(({ manifest }) => manifest.id === job)
  }

  get(lease: LeaseId): Held | undefined {
    return this.#held.get(lease)
  }

  add(held: Held): void {
    this.#queue.join(held.manifest.signer, new Set(this.all().map(({ manifest }) => manifest.signer)))
    this.#held.set(held.lease.id, held)
  }

  /** Gives each free slot a lease that is ready. */
  fill(): void {
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      if (this.#slots[slot] !== undefined) continue
      const next = this.#queue.next(this.#ready(), submitterOf)
      if (next === undefined) return
      next.state = 'running'
      next.slot = slot
      next.begunMs = this.nowMs
      this.#slots[slot] = next.lease.id
      this.#queue.begin(submitterOf(next), next.lease.payload.costMs)
      this.#effects.push({ type: 'run', lease: next.lease.id, slot })
    }
  }

  /** The shard under way may finish. */
  drain(held: Held): void {
    if (held.state !== 'running' || held.slot === undefined) return
    held.state = 'draining'
    this.#effects.push({ type: 'drain', slot: held.slot })
  }

  /** Tells whether another submitter's lease is ready and waits for a slot. */
  isAwaitedByOthers(held: Held): boolean {
    for (const other of this.#ready()) if (submitterOf(other) !== submitterOf(held)) return true
    return false
  }

  /** It gives its slot back and waits for another. */
  requeue(held: Held): void {
    this.#free(held)
    held.state = 'ready'
    held.isTurnOver = false
  }

  clockSet(byMs: number): void {
    for (const held of this.#held.values()) {
      held.lastReceiptMs += byMs
      held.begunMs += byMs
    }
  }

  abort(held: Held): void {
    if (held.slot === undefined) return
    this.#effects.push({ type: 'abort', slot: held.slot })
    this.#free(held)
  }

  remove(held: Held): void {
    this.#free(held)
    this.#held.delete(held.lease.id)
  }

  /** The cost of a lease is its submitter's word: once it leaves its slot, the time in which nobody else had that counts. */
  #free(held: Held): void {
    if (held.slot === undefined) return
    this.#slots[held.slot] = undefined
    held.slot = undefined
    this.#queue.serve(submitterOf(held), held.lease.payload.costMs, this.nowMs - held.begunMs)
  }

  *#ready(): Generator<Held> {
    for (const held of this.#held.values()) if (held.state === 'ready') yield held
  }
}

function submitterOf({ manifest }: Held): PeerId {
  return manifest.signer
}
