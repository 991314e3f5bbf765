/**
 * The lease book: every lease of one job, and whether anybody still works on it.
 *
 * offered → running → closed. While the vehicle's connection is down, its leases have a short while to live. A closed
 * lease stays in the book: results that its vehicle finished may still arrive, and are as good as if they had come in
 * time.
 */
import { Places } from '../../base/places.ts'
import type { Cid, LeaseId, PeerId } from '../ids.ts'
import type { Lease } from '../job/lease.ts'
import { leaseTtlMs, offerTtlMs, reconnectGraceMs } from '../limits.ts'
import type { Verified } from '../record/record.ts'

/** Units, by place. */
type Units = ReadonlyMap<number, number>
const none: Units = new Map()

export interface LeaseState {
  readonly lease: Verified<Lease>
  /**
   * The results that receipts claim, by the shard's place in the lease: a second, different claim is equivocation.
   */
  covered: Places<Cid>
  /** The units of covered places whose receipts count fewer than the lease promised. */
  fewer: Units
  /** That was found; once is enough. */
  equivocated: boolean
  state: 'offered' | 'running' | 'closed'
  /** Once it is closed: until when what its vehicle finished is worth waiting for. */
  expectedUntilMs: number
  startedMs: number
  aliveUntilMs: number
  done: number
  /** Known from the records only, until its vehicle speaks of it: nobody can say whether the vehicle still has it. */
  restored: boolean
}

export class LeaseBook {
  readonly #leases = new Map<LeaseId, LeaseState>()
  /** Those under way, by vehicle. */
  readonly #active = new Map<PeerId, Set<LeaseState>>()
  readonly #touched: Set<PeerId>

  /** `touched` gets the vehicles whose work under way has changed. */
  constructor(touched: Set<PeerId> = new Set()) {
    this.#touched = touched
  }

  /** Takes a lease that was just issued. */
  open(lease: Verified<Lease>, nowMs: number, restored = false): LeaseState {
    const state: LeaseState = {
      lease,
      covered: new Places(lease.payload.positions.length),
      fewer: none,
      equivocated: false,
      state: 'offered',
      expectedUntilMs: Number.POSITIVE_INFINITY,
      startedMs: nowMs,
      aliveUntilMs: nowMs + offerTtlMs,
      done: 0,
      restored,
    }
    this.#leases.set(lease.id, state)
    this.#touched.add(lease.payload.vehicle)
    const active = this.#active.get(lease.payload.vehicle)
    if (active === undefined) this.#active.set(lease.payload.vehicle, new Set([state]))
    else active.add(state)
    return state
  }

  get(lease: LeaseId): LeaseState | undefined {
    return this.#leases.get(lease)
  }

  get size(): number {
    return this.#leases.size
  }

  activeOf(peer: PeerId): number {
    return this.#active.get(peer)?.size ?? 0
  }

  /**
   * Returns the work that the vehicle's leases under way still are, in milliseconds of the reference core, as far as
   * was heard.
   */
  costMsOf(peer: PeerId): number {
    let costMs = 0
    for (const { lease, done } of this.#active.get(peer) ?? [])
      costMs += lease.payload.costMs * (1 - done / lease.payload.positions.length)
    return costMs
  }

  /** Those under way: each vehicle's one after another, in the order in which it got them. */
  *active(): Generator<LeaseState> {
    for (const leases of this.#active.values()) yield* leases
  }

  /** Everybody who was ever offered one. */
  vehicles(): Set<PeerId> {
    return new Set([...this.#leases.values()].map((state) => state.lease.payload.vehicle))
  }

  /** The vehicle was heard of. A lease that was given up stays closed: it lives on only in its receipts. */
  renew(state: LeaseState, nowMs: number): void {
    if (state.state === 'closed') return
    if (state.state === 'offered') state.startedMs = nowMs
    state.state = 'running'
    state.aliveUntilMs = nowMs + leaseTtlMs
  }

  /** So many of its shards are done, as far as was heard. */
  progress(state: LeaseState, done: number): void {
    const next = Math.max(state.done, Math.min(done, state.lease.payload.positions.length))
    if (next === state.done) return
    state.done = next
    this.#touched.add(state.lease.payload.vehicle)
  }

  suspend(peer: PeerId, nowMs: number): void {
    for (const state of this.#active.get(peer) ?? [])
      state.aliveUntilMs = Math.min(state.aliveUntilMs, nowMs + reconnectGraceMs)
  }

  /** Returns the leases of which nobody knows whether their offer ever arrived: they wait for an answer anew. */
  resume(peer: PeerId, nowMs: number): LeaseState[] {
    const unanswered: LeaseState[] = []
    for (const state of this.#active.get(peer) ?? []) {
      if (state.state === 'running') this.renew(state, nowMs)
      else {
        state.aliveUntilMs = nowMs + offerTtlMs
        unanswered.push(state)
      }
    }
    return unanswered
  }

  close(state: LeaseState, expectedUntilMs: number): void {
    state.state = 'closed'
    state.expectedUntilMs = expectedUntilMs
    this.#touched.add(state.lease.payload.vehicle)
    const active = this.#active.get(state.lease.payload.vehicle)
    active?.delete(state)
    if (active?.size === 0) this.#active.delete(state.lease.payload.vehicle)
  }

  all(): Iterable<LeaseState> {
    return this.#leases.values()
  }

  *closed(): Generator<LeaseState> {
    for (const state of this.#leases.values()) if (state.state === 'closed') yield state
  }

  clockSet(byMs: number): void {
    for (const state of this.#leases.values()) {
      state.startedMs += byMs
      state.aliveUntilMs += byMs
      state.expectedUntilMs += byMs
    }
  }

  lapsed(nowMs: number): LeaseState[] {
    return [...this.active()].filter((state) => state.aliveUntilMs <= nowMs)
  }
}
