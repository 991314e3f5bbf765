/**
 * Since when this node has known owners that could be drawn for a job, has been connected to its stewards, and has been heard by
 * them, without a gap; and which vehicles its offers did not reach.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { LeaseId, OwnerId, PeerId } from '../ids.ts'
import type { StewardPlace } from '../job/manifest.ts'
import { stewardLeaseMs } from '../limits.ts'
import type { CandidateRules } from '../steward/candidate.ts'
import { Ready } from './ready.ts'

interface Beat {
  readonly count: number
  readonly heard: number | null
}

/** A steward says once a second what it heard last. One of which that is longer ago may be about to take its turn. */
const gapMsMax = stewardLeaseMs / 2
/** As many as are counted in that time, and some to spare. */
const countsKept = 16

/** Offers whose vehicle is remembered: more are not under way at once. */
const offeredMax = 1_024

export class Watch {
  /** Use: says of vehicles whether they could be drawn, while the job's stewards are these. */
  drawable: { readonly stewards: readonly StewardPlace[]; readonly rules: CandidateRules } | undefined
  /** Use: the owners that could work, by what was last heard of their vehicles. */
  readonly ready = new Ready()
  readonly #owners = new Map<OwnerId, { sinceMs: number; vehicles: number }>()
  readonly #ownerOf = new Map<PeerId, OwnerId>()
  readonly #stewards = new Map<PeerId, number>()
  /** Use: the count of a steward's last beat. */
  readonly #beats = new Map<PeerId, number>()
  /** Use: when this node's own beats had each of the last counts. */
  readonly #counted = new Map<number, number>()
  /** Use: since when, and until when, a steward has said that it hears this node. */
  readonly #hearing = new Map<PeerId, { sinceMs: number; lastMs: number }>()

  readonly #offered = new BoundedMap<LeaseId, PeerId>(offeredMax)
  readonly #outOfReach = new Set<PeerId>()
  /** Use: peers that only a relay connects, which carries little. */
  readonly #relayed = new Set<PeerId>()
  /** Since when it has reached too few vehicles; undefined while it reaches enough (reaching.ts). */
  tooFewSinceMs: number | undefined
  /** It has left its turn to others since one of them acted. */
  hasSteppedAside = false

  /** This vehicle could be drawn now for that owner, by this node's roster; undefined: it could not. */
  vehicle(peer: PeerId, owner: OwnerId | undefined, nowMs: number): void {
    const before = this.#ownerOf.get(peer)
    if (before === owner) return
    if (owner === undefined) this.#ownerOf.delete(peer)
    else {
      this.#ownerOf.set(peer, owner)
      const known = this.#owners.get(owner)
      if (known === undefined) this.#owners.set(owner, { sinceMs: nowMs, vehicles: 1 })
      else {
        known.sinceMs = earlier(known.sinceMs, nowMs)
        known.vehicles += 1
      }
    }
    const left = before === undefined ? undefined : this.#owners.get(before)
    if (left === undefined) return
    left.vehicles -= 1
    if (left.vehicles === 0) this.#owners.delete(before!)
  }

  /** Those that could be drawn. */
  vehicles(): PeerId[] {
    return [...this.#ownerOf.keys()]
  }

  connected(peer: PeerId, nowMs: number, isRelayed = false): void {
    if (isRelayed) this.#relayed.add(peer)
    else this.#relayed.delete(peer)
    this.#stewards.set(peer, earlier(this.#stewards.get(peer), nowMs))
    this.#outOfReach.delete(peer)
    this.ready.touch(peer)
  }

  left(peer: PeerId): void {
    this.#relayed.delete(peer)
    this.#stewards.delete(peer)
    this.#beats.delete(peer)
    this.#hearing.delete(peer)
    this.ready.touch(peer)
  }

  /** From now on beats of this node have this count. */
  counts(count: number, nowMs: number): void {
    this.#counted.set(count, nowMs)
    this.#counted.delete(count - countsKept)
  }

  /** A steward's beat has its own count, and the one of the last beat that it has from this node. */
  beat(peer: PeerId, { count, heard }: Beat, nowMs: number): void {
    this.#beats.set(peer, count)
    const saidMs = heard === null ? undefined : this.#counted.get(heard)
    if (saidMs === undefined || nowMs - saidMs > gapMsMax) return
    const known = this.#hearing.get(peer)
    if (known === undefined || nowMs - known.lastMs > gapMsMax)
      this.#hearing.set(peer, { sinceMs: nowMs, lastMs: nowMs })
    else known.lastMs = nowMs
  }

  /** The count of this steward's last beat, for it to hear how far it was heard. */
  lastBeatOf(peer: PeerId): number | null {
    return this.#beats.get(peer) ?? null
  }

  /** This steward has said that it hears this node, at that time and ever since. */
  hearsUsSince(peer: PeerId, timeMs: number, nowMs: number): boolean {
    const known = this.#hearing.get(peer)
    return known !== undefined && known.sinceMs <= timeMs && nowMs - known.lastMs < gapMsMax
  }

  offered(lease: LeaseId, to: PeerId): void {
    this.#offered.set(lease, to)
  }

  undelivered(lease: LeaseId): void {
    const vehicle = this.#offered.get(lease)
    if (vehicle === undefined || this.#stewards.has(vehicle)) return
    this.#outOfReach.add(vehicle)
    this.ready.touch(vehicle)
  }

  /** An offer to it was not delivered, and it has not been connected since. */
  isOutOfReach(vehicle: PeerId): boolean {
    return this.#outOfReach.has(vehicle)
  }

  /** Nothing but a relay connects it. */
  isRelayed(peer: PeerId): boolean {
    return this.#relayed.has(peer)
  }

  /** The clock of this machine was set: forward by so much, or back when negative. */
  clockSet(byMs: number): void {
    if (this.tooFewSinceMs !== undefined) this.tooFewSinceMs += byMs
    for (const known of this.#owners.values()) known.sinceMs += byMs
    for (const [peer, sinceMs] of this.#stewards) this.#stewards.set(peer, sinceMs + byMs)
    for (const [count, atMs] of this.#counted) this.#counted.set(count, atMs + byMs)
    for (const hearing of this.#hearing.values()) {
      hearing.sinceMs += byMs
      hearing.lastMs += byMs
    }
  }

  /** This node did not look for a while: nothing is known of that time. */
  watchAnew(nowMs: number): void {
    this.tooFewSinceMs = undefined
    for (const known of this.#owners.values()) known.sinceMs = nowMs
    for (const peer of this.#stewards.keys()) this.#stewards.set(peer, nowMs)
    this.#hearing.clear()
  }

  /** The owners that could be drawn at that time and ever since. */
  ownersSince(timeMs: number): OwnerId[] {
    return [...this.#owners].flatMap(([owner, { sinceMs }]) => (sinceMs <= timeMs ? [owner] : []))
  }

  isConnectedSince(peer: PeerId, timeMs: number): boolean {
    const sinceMs = this.#stewards.get(peer)
    return sinceMs !== undefined && sinceMs <= timeMs
  }
}

function earlier(sinceMs: number | undefined, nowMs: number): number {
  return Math.min(sinceMs ?? nowMs, nowMs)
}
