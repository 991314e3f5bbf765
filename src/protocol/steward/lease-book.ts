/**
 * The lease book: every lease of one job, and whether anybody still works on it.
 *
 * offered → running → closed, with `suspended` while the vehicle's connection is down. A closed lease stays in
 * the book: what its vehicle finished may still arrive, and is as good as if it had come in time.
 */
import type { LeaseId, PeerId } from '../ids.ts'
import type { Lease } from '../lease.ts'
import { leaseTtlMs, offerTtlMs, reconnectGraceMs } from '../limits.ts'
import type { Verified } from '../record.ts'

export interface LeaseState {
  readonly lease: Verified<Lease>
  /** Which of them, by their place in the lease, a receipt covers. */
  readonly covered: Set<number>
  state: 'offered' | 'running' | 'suspended' | 'closed'
  startedMs: number
  aliveUntilMs: number
  done: number
}

export class LeaseBook {
  readonly #leases = new Map<LeaseId, LeaseState>()
  /** Those under way, by vehicle. */
  readonly #active = new Map<PeerId, Set<LeaseState>>()

  /** Takes a lease that was just issued. */
  open(lease: Verified<Lease>, nowMs: number): LeaseState {
    const state: LeaseState = {
      lease,
      covered: new Set(),
      state: 'offered',
      startedMs: nowMs,
      aliveUntilMs: nowMs + offerTtlMs,
      done: 0,
    }
    this.#leases.set(lease.id, state)
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

  *active(): Generator<LeaseState> {
    for (const leases of this.#active.values()) yield* leases
  }

  /** Everybody who was ever offered one. */
  vehicles(): Set<PeerId> {
    return new Set([...this.#leases.values()].map((state) => state.lease.payload.vehicle))
  }

  /** The vehicle was heard of. A lease that was given up comes back to life only by its receipts. */
  renew(state: LeaseState, nowMs: number): void {
    if (state.state === 'closed') return
    if (state.state === 'offered') state.startedMs = nowMs
    state.state = 'running'
    state.aliveUntilMs = nowMs + leaseTtlMs
  }

  suspend(peer: PeerId, nowMs: number): void {
    for (const state of this.#active.get(peer) ?? []) {
      state.state = 'suspended'
      state.aliveUntilMs = Math.min(state.aliveUntilMs, nowMs + reconnectGraceMs)
    }
  }

  resume(peer: PeerId, nowMs: number): void {
    for (const state of this.#active.get(peer) ?? [])
      if (state.state === 'suspended') this.renew(state, nowMs)
  }

  close(state: LeaseState): void {
    state.state = 'closed'
    const active = this.#active.get(state.lease.payload.vehicle)
    active?.delete(state)
    if (active?.size === 0) this.#active.delete(state.lease.payload.vehicle)
  }

  lapsed(nowMs: number): LeaseState[] {
    return [...this.active()].filter((state) => state.aliveUntilMs <= nowMs)
  }

  /** When the next lease lapses unless somebody is heard of; Infinity with none under way. */
  nextLapseMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const state of this.active()) next = Math.min(next, state.aliveUntilMs)
    return next
  }
}
