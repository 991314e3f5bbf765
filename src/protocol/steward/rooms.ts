/**
 * Rooms: the vehicles that may be drawn for a job, by their owners, and the room that each has for more leases.
 *
 * A room is looked at again only when something was heard of its vehicle, or when its time has come: then a vehicle that was left
 * alone may be asked again, or one has probably left. So a lease costs a look at the owners that are free, and nothing for all
 * the others.
 *
 * An owner is *awaited* if it has room, or had some a short while ago and will probably have some again: its vehicles execute leases,
 * or declined once. Draws are measured by these owners (assignment.ts), since the word "I have room" is free: of an owner that is
 * busy, it would else leave everything to those that say it always.
 */
import { DueTimes } from '../../base/due-times.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import type { CommonSlowness } from '../job/slowness.ts'
import { awaitedMsMin, awaitedSetbacksMax, leasesPerSlot, speculationFactor } from '../limits.ts'
import type { Candidate } from './candidate.ts'
import type { LeaseBook } from './lease-book.ts'
import type { Patience } from './patience.ts'

/** The room that a vehicle has, as far as the steward knows. */
export interface Room {
  /** Leases of this job under way there. */
  readonly active: number
  /** Leases that it could take beside those: none while it is away, unwilling, or asks to be left alone. */
  readonly leases: number
  /**
   * The work it could do beside its leases of this job, while it is probably there, in milliseconds of the reference
   * core.
   */
  readonly costMsMax: number
}

export interface RoomFacts {
  readonly leases: Pick<LeaseBook, 'activeOf' | 'costMsOf'>
  readonly patience: Pick<Patience, 'open' | 'notBeforeMs' | 'isAway' | 'setbacks'>
  readonly slowness: Pick<CommonSlowness, 'value'>
  /** Vehicles of which something was heard that may change their room: taken out here. */
  readonly touched: Set<PeerId>
}

type Vehicles = Map<PeerId, Candidate>

export class Rooms {
  readonly #facts: RoomFacts
  readonly #candidates: Vehicles = new Map()
  readonly #byOwner = new Map<OwnerId, Vehicles>()
  /** Use: vehicles with room, of owners for whom something may be found … */
  readonly #free = new Map<OwnerId, Vehicles>()
  /** … and of owners for whom nothing was found. */
  readonly #barren = new Map<OwnerId, Vehicles>()
  /** Use: those of the barren for whom there was something, and no money. */
  readonly #unpaid = new Set<OwnerId>()
  /** Use: the rooms that have place, as they were last looked at. */
  readonly #rooms = new Map<PeerId, Room>()
  readonly #due = new DueTimes<PeerId>()
  /** Use: vehicles that have room, or will probably have some soon. */
  readonly #awaited = new Map<OwnerId, Vehicles>()
  /** Use: since when each vehicle without room has had none. */
  readonly #fullSinceMs = new Map<PeerId, number>()
  #places = 0
  #arrivals = 0
  #looks = 0

  constructor(facts: RoomFacts) {
    this.#facts = facts
  }

  /** Takes a vehicle that may be drawn, as it is now; undefined: it may not be drawn any more. */
  put(peer: PeerId, candidate: Candidate | undefined): void {
    const before = this.#candidates.get(peer)
    if (before !== undefined && before.owner !== candidate?.owner) {
      this.#setRoom(before, undefined)
      remove(this.#byOwner, before)
      remove(this.#awaited, before)
      this.#fullSinceMs.delete(peer)
    }
    if (before?.owner !== candidate?.owner) this.#arrivals += 1
    if (candidate === undefined) this.#candidates.delete(peer)
    else {
      this.#candidates.set(peer, candidate)
      add(this.#byOwner, candidate)
      const home = this.#rooms.has(peer) ? this.#homeOf(candidate.owner) : undefined
      home?.get(candidate.owner)?.set(peer, candidate)
    }
    this.#facts.touched.add(peer)
  }

  get(peer: PeerId): Candidate | undefined {
    return this.#candidates.get(peer)
  }

  all(): Iterable<Candidate> {
    return this.#candidates.values()
  }

  get size(): number {
    return this.#candidates.size
  }

  get owners(): ReadonlyMap<OwnerId, ReadonlyMap<PeerId, Candidate>> {
    return this.#byOwner
  }

  /** Rises whenever a vehicle comes or goes. */
  get arrivals(): number {
    return this.#arrivals
  }

  /** How many rooms were looked at so far. */
  get looks(): number {
    return this.#looks
  }

  /** Leases that all vehicles together could take now, by the last look at each. */
  get places(): number {
    return this.#places
  }

  /** The owners with room, but for those for whom nothing was found, and their vehicles that have it. */
  get free(): ReadonlyMap<OwnerId, ReadonlyMap<PeerId, Candidate>> {
    return this.#free
  }

  /**
   * The owners that have room, or will probably have some soon. Those for whom nothing was found are not waited for, but for those
   * for whom there was no money.
   */
  *awaited(): Generator<OwnerId> {
    for (const owner of this.#awaited.keys())
      if (!this.#barren.has(owner) || this.#unpaid.has(owner)) yield owner
  }

  /** Tells whether this owner has room, or will probably have some soon, whatever was found for it. */
  isAwaited(owner: OwnerId): boolean {
    return this.#awaited.has(owner)
  }

  /** Nothing was found for this owner; `isUnpaid`: but for work that there was no money for. */
  shelve(owner: OwnerId, isUnpaid: boolean): void {
    const vehicles = this.#free.get(owner)
    if (vehicles === undefined) return
    this.#free.delete(owner)
    this.#barren.set(owner, vehicles)
    if (isUnpaid) this.#unpaid.add(owner)
  }

  /** Something may be found for everybody again. */
  unshelve(): void {
    for (const [owner, vehicles] of this.#barren) this.#free.set(owner, vehicles)
    this.#barren.clear()
    this.#unpaid.clear()
  }

  /** Looks again at the rooms of which something was heard, or whose time has come. */
  refresh(nowMs: number): void {
    const { touched } = this.#facts
    for (const peer of this.#due.take(nowMs)) touched.add(peer)
    for (const peer of touched) this.#look(peer, nowMs)
    touched.clear()
  }

  /** The clock was set: every room is looked at again. */
  clockSet(byMs: number): void {
    this.#due.clear()
    for (const [peer, sinceMs] of this.#fullSinceMs) this.#fullSinceMs.set(peer, sinceMs + byMs)
    for (const peer of this.#candidates.keys()) this.#facts.touched.add(peer)
  }

  /** The room of a vehicle now. How long one stays of which nobody knows that does not change by itself. */
  roomOf(candidate: Candidate, nowMs: number): Room {
    const known = candidate.availableUntilMs === null ? this.#rooms.get(candidate.peer) : undefined
    return known ?? this.#measure(candidate, nowMs)
  }

  #look(peer: PeerId, nowMs: number): void {
    this.#looks += 1
    const candidate = this.#candidates.get(peer)
    if (candidate === undefined) return
    const room = this.#measure(candidate, nowMs)
    this.#setRoom(candidate, room.leases > 0 ? room : undefined)
    const notBeforeMs = this.#facts.patience.notBeforeMs(peer)
    if (notBeforeMs > nowMs) this.#due.put(peer, notBeforeMs)
    // Its room ends when the work that it has takes all of its time.
    if (room.leases > 0) this.#due.put(peer, nowMs + room.costMsMax * this.#facts.slowness.value)
    this.#setAwaited(candidate, room, nowMs)
  }

  #setAwaited(candidate: Candidate, room: Room, nowMs: number): void {
    const { peer, mode, availableUntilMs } = candidate
    const { patience } = this.#facts
    if (room.leases > 0) this.#fullSinceMs.delete(peer)
    const sinceMs = this.#fullSinceMs.get(peer) ?? nowMs
    if (room.leases === 0) this.#fullSinceMs.set(peer, sinceMs)
    const isHere = mode === 'run' && !patience.isAway(peer)
    const leavesMs = availableUntilMs ?? Number.POSITIVE_INFINITY
    const untilMs = Math.min(leavesMs, sinceMs + this.#awaitedMs(candidate))
    const notBeforeMs = patience.notBeforeMs(peer)
    const isWilling = patience.setbacks(peer) <= awaitedSetbacksMax && notBeforeMs < untilMs
    const isSoon = isHere && isWilling && nowMs < untilMs
    if (room.leases > 0 || isSoon) add(this.#awaited, candidate)
    else remove(this.#awaited, candidate)
    if (room.leases === 0 && isSoon) this.#due.put(peer, notBeforeMs > nowMs ? notBeforeMs : untilMs)
  }

  /** How long a vehicle that is full may be so: as long as its work takes, with the patience that stragglers have. */
  #awaitedMs({ peer, slots }: Candidate): number {
    const { leases, slowness } = this.#facts
    const workMs = (leases.costMsOf(peer) / slots) * slowness.value
    return Math.max(awaitedMsMin, speculationFactor * workMs)
  }

  #measure({ peer, slots, mode, availableUntilMs }: Candidate, nowMs: number): Room {
    const { leases, patience, slowness } = this.#facts
    const remainingMs = availableUntilMs === null ? Number.POSITIVE_INFINITY : availableUntilMs - nowMs
    const active = leases.activeOf(peer)
    const costMsMax = remainingMs / slowness.value - leases.costMsOf(peer) / slots
    const isFree = patience.open(peer, nowMs) && mode === 'run' && costMsMax > 0
    return { active, costMsMax, leases: isFree ? Math.max(0, slots * leasesPerSlot - active) : 0 }
  }

  #setRoom(candidate: Candidate, room: Room | undefined): void {
    const { peer, owner } = candidate
    const before = this.#rooms.get(peer)
    this.#places += (room?.leases ?? 0) - (before?.leases ?? 0)
    if (room !== undefined && before === undefined) add(this.#homeOf(owner), candidate)
    if (room === undefined && before !== undefined) remove(this.#homeOf(owner), candidate)
    if (room !== undefined) this.#rooms.set(peer, room)
    else this.#rooms.delete(peer)
  }

  #homeOf(owner: OwnerId): Map<OwnerId, Vehicles> {
    return this.#barren.has(owner) ? this.#barren : this.#free
  }
}

function add(owners: Map<OwnerId, Vehicles>, candidate: Candidate): void {
  const vehicles = owners.get(candidate.owner)
  if (vehicles === undefined) owners.set(candidate.owner, new Map([[candidate.peer, candidate]]))
  else vehicles.set(candidate.peer, candidate)
}

function remove(owners: Map<OwnerId, Vehicles>, { owner, peer }: Candidate): void {
  const vehicles = owners.get(owner)
  vehicles?.delete(peer)
  if (vehicles?.size === 0) owners.delete(owner)
}
