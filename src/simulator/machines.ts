/** The machines that nodes run on: up or down, asleep, with a clock that may be wrong and a disk that may be full. */
import type { PeerId } from '../protocol/ids.ts'
import type { Timeline } from './timeline.ts'

export interface Condition {
  up: boolean
  /** Rises with each crash: all work under way is gone. */
  life: number
  /** A sleeping process does nothing until then. */
  pausedUntilMs: number
  /** How far its clock is off. */
  skewMs: number
  diskIsFull: boolean
  /** The machine never comes back. */
  lost: boolean
}

export class Machines {
  readonly #timeline: Timeline
  readonly #conditions = new Map<PeerId, Condition>()

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  add(peer: PeerId): void {
    this.#conditions.set(peer, {
      up: true,
      life: 0,
      pausedUntilMs: 0,
      skewMs: 0,
      diskIsFull: false,
      lost: false,
    })
  }

  of(peer: PeerId): Condition {
    return this.#conditions.get(peer)!
  }

  isUp(peer: PeerId): boolean {
    return this.of(peer).up
  }

  clockOf(peer: PeerId): number {
    return this.#timeline.nowMs + this.of(peer).skewMs
  }

  /** In this machine's process: not after a crash, and only when it wakes from a pause. */
  later(peer: PeerId, delayMs: number, happen: () => void): void {
    const condition = this.of(peer)
    const { life } = condition
    this.#timeline.at(this.#timeline.nowMs + Math.max(0, delayMs), () => {
      if (!condition.up || condition.life !== life) return
      const sleepsMs = condition.pausedUntilMs - this.#timeline.nowMs
      if (sleepsMs > 0) this.later(peer, sleepsMs, happen)
      else happen()
    })
  }
}
