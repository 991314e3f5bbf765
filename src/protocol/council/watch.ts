/**
 * Since when this node has known owners that could be drawn for a job, has been connected to its stewards, and has heard them,
 * without a gap.
 */
import type { OwnerId, PeerId } from '../ids.ts'
import { stewardLeaseMs } from '../limits.ts'

export class Watch {
  #owners = new Map<OwnerId, number>()
  readonly #stewards = new Map<PeerId, number>()
  readonly #heard = new Map<PeerId, { sinceMs: number; lastMs: number }>()

  /** These owners could be drawn now, by this node's roster, and no others. */
  owners(owners: Iterable<OwnerId>, nowMs: number): void {
    this.#owners = new Map([...owners].map((owner) => [owner, earlier(this.#owners.get(owner), nowMs)]))
  }

  connected(peer: PeerId, nowMs: number): void {
    this.#stewards.set(peer, earlier(this.#stewards.get(peer), nowMs))
  }

  left(peer: PeerId): void {
    this.#stewards.delete(peer)
    this.#heard.delete(peer)
  }

  /** A steward says something once a second. One that was silent for half of what makes it silent has paused. */
  heard(peer: PeerId, nowMs: number): void {
    const known = this.#heard.get(peer)
    if (known === undefined || nowMs - known.lastMs > stewardLeaseMs / 2)
      this.#heard.set(peer, { sinceMs: nowMs, lastMs: nowMs })
    else known.lastMs = nowMs
  }

  isHeardSince(peer: PeerId, timeMs: number): boolean {
    const known = this.#heard.get(peer)
    return known !== undefined && known.sinceMs <= timeMs
  }

  /** The clock of this machine was set: forward by so much, or back when negative. */
  clockSet(byMs: number): void {
    for (const times of [this.#owners, this.#stewards])
      for (const [name, sinceMs] of times as Map<string, number>) times.set(name as never, sinceMs + byMs)
    for (const heard of this.#heard.values()) {
      heard.sinceMs += byMs
      heard.lastMs += byMs
    }
  }

  /** The owners that could be drawn at that time and ever since. */
  ownersSince(timeMs: number): OwnerId[] {
    return [...this.#owners].flatMap(([owner, sinceMs]) => (sinceMs <= timeMs ? [owner] : []))
  }

  isConnectedSince(peer: PeerId, timeMs: number): boolean {
    const sinceMs = this.#stewards.get(peer)
    return sinceMs !== undefined && sinceMs <= timeMs
  }
}

function earlier(sinceMs: number | undefined, nowMs: number): number {
  return Math.min(sinceMs ?? nowMs, nowMs)
}
