/**
 * Attendance: which of a job's stewards live, and whose turn it is to act. There is no election: the stewards have an
 * order, and the first of those that live acts when nobody else does. Two that do not hear each other may both act; that
 * wastes work and nothing else, and the later one stands down as soon as they meet.
 */
import type { PeerId } from '../ids.ts'
import type { StewardPlace } from '../job/manifest.ts'
import { reconnectGraceMs, stewardLeaseMs, stewardLostMs, successionStepMs } from '../limits.ts'

interface Presence {
  aliveUntilMs: number
  lastHeardMs: number
  acting: boolean
  /** When it was heard again after so long that each may have taken the other for lost. */
  metAgainMs: number | undefined
}

export class Attendance {
  readonly #self: PeerId
  readonly #presences = new Map<PeerId, Presence>()
  #order: readonly PeerId[] = []
  #vacantSinceMs: number | undefined
  /** Use: stewards that say they act and do not get on with the job. */
  readonly #passed = new Set<PeerId>()

  constructor(self: PeerId) {
    this.#self = self
  }

  /**
   * Stewards not heard of yet are believed to live, and to act, for a while: a node that has just started knows
   * nothing.
   */
  seat(stewards: readonly StewardPlace[], nowMs: number): void {
    this.#order = stewards.map(({ peer }) => peer)
    for (const peer of this.#order)
      if (peer !== this.#self && !this.#presences.has(peer))
        this.#presences.set(peer, {
          aliveUntilMs: nowMs + stewardLeaseMs,
          lastHeardMs: nowMs,
          acting: true,
          metAgainMs: undefined,
        })
  }

  /**
   * Starts anew after this node was started again or its machine was suspended, or its clock jumped: stewards that it did not
   * hear may have lived all the same, and may have taken this one for lost.
   */
  seatAnew(nowMs: number): void {
    for (const presence of this.#presences.values()) {
      presence.aliveUntilMs = nowMs + stewardLeaseMs
      presence.lastHeardMs = nowMs
      presence.acting = true
      presence.metAgainMs = nowMs
    }
    this.#vacantSinceMs = undefined
  }

  /** The clock was set: what is left of each time stays as it was. */
  clockSet(byMs: number): void {
    for (const presence of this.#presences.values()) {
      presence.aliveUntilMs += byMs
      presence.lastHeardMs += byMs
      if (presence.metAgainMs !== undefined) presence.metAgainMs += byMs
    }
    if (this.#vacantSinceMs !== undefined) this.#vacantSinceMs += byMs
  }

  /** It does not get on with the job, and has no turn until it has decided something. */
  pass(peer: PeerId): void {
    this.#passed.add(peer)
  }

  decided(peer: PeerId): void {
    this.#passed.delete(peer)
  }

  heard(peer: PeerId, acting: boolean, nowMs: number): void {
    const presence = this.#presences.get(peer)
    if (presence === undefined) return
    if (this.isLost(peer, nowMs)) presence.metAgainMs = nowMs
    presence.aliveUntilMs = nowMs + stewardLeaseMs
    presence.lastHeardMs = nowMs
    presence.acting = acting
  }

  /** The connection is down: it has a moment to come back. */
  left(peer: PeerId, nowMs: number): void {
    const presence = this.#presences.get(peer)
    if (presence !== undefined)
      presence.aliveUntilMs = Math.min(presence.aliveUntilMs, nowMs + reconnectGraceMs)
  }

  lives(peer: PeerId, nowMs: number): boolean {
    return (this.#presences.get(peer)?.aliveUntilMs ?? Number.NEGATIVE_INFINITY) > nowMs
  }

  /** Returns the first steward in order, this one left out, that acts as far as is known. */
  acting(nowMs: number): PeerId | undefined {
    return this.#order.find((peer) => this.#acts(peer, nowMs))
  }

  /** Silent for so long that it is replaced. */
  isLost(peer: PeerId, nowMs: number): boolean {
    const presence = this.#presences.get(peer)
    return presence !== undefined && nowMs - presence.lastHeardMs >= stewardLostMs
  }

  /**
   * Tells whether the others may have taken this node for lost: it heard none of them for long enough, and that was not
   * long ago.
   */
  wasApart(nowMs: number): boolean {
    return this.#order.every((peer) => {
      const metAgainMs = this.#presences.get(peer)?.metAgainMs
      const isNewlyMet = metAgainMs !== undefined && nowMs - metAgainMs < stewardLostMs
      return peer === this.#self || isNewlyMet || this.isLost(peer, nowMs)
    })
  }

  /**
   * Should this steward act? `acting`: whether it does now; `isAside`: it leaves its turn to any other that takes it
   * (reaching.ts).
   */
  myTurn(acting: boolean, nowMs: number, isAside = false): boolean {
    const others = this.#order.filter((peer) => peer !== this.#self)
    const before = this.#order.slice(0, this.#order.indexOf(this.#self))
    if (acting) this.#vacantSinceMs = undefined
    if (acting) return !isAside && !before.some((peer) => this.#acts(peer, nowMs))
    if (this.#order.some((peer) => this.#acts(peer, nowMs))) {
      this.#vacantSinceMs = undefined
      return false
    }
    this.#vacantSinceMs ??= nowMs
    const first = isAside ? others : before
    // The others count those before them, this one among them.
    const rank = first.filter((peer) => this.lives(peer, nowMs)).length + 2 * Number(isAside)
    return nowMs >= this.#vacantSinceMs + rank * successionStepMs
  }

  #acts(peer: PeerId, nowMs: number): boolean {
    return this.#presences.get(peer)?.acting === true && this.lives(peer, nowMs) && !this.#passed.has(peer)
  }
}
