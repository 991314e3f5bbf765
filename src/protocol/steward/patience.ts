/**
 * Patience: decides which vehicles a steward may ask, and when again.
 *
 * A vehicle that declines, cannot be reached, or lets a lease come to nothing is left alone as long as it asks
 * for, and with each setback in a row at least twice as long as before; one result that it delivers makes up
 * for all. Otherwise the vehicle that fails fastest is always the idle one and draws lease after lease, each a
 * record in the journal.
 */
import type { PeerId } from '../ids.ts'
import { setbackMsMax, setbackMsMin } from '../limits.ts'

interface Setbacks {
  inARow: number
  notBeforeMs: number
}

export class Patience {
  readonly #away = new Set<PeerId>()
  readonly #setbacks = new Map<PeerId, Setbacks>()
  readonly #touched: Set<PeerId>

  /** `touched` gets the vehicles whose answer may have changed. */
  constructor(touched: Set<PeerId> = new Set()) {
    this.#touched = touched
  }

  left(peer: PeerId): void {
    this.#away.add(peer)
    this.#touched.add(peer)
  }

  returned(peer: PeerId): void {
    this.#away.delete(peer)
    this.#touched.add(peer)
  }

  isAway(peer: PeerId): boolean {
    return this.#away.has(peer)
  }

  setback(peer: PeerId, askedMs: number, nowMs: number): void {
    const inARow = (this.#setbacks.get(peer)?.inARow ?? 0) + 1
    const leastMs = Math.min(setbackMsMax, setbackMsMin * 2 ** (inARow - 1))
    this.#setbacks.set(peer, { inARow, notBeforeMs: nowMs + Math.max(askedMs, leastMs) })
    this.#touched.add(peer)
  }

  /** Takes over the setbacks that another steward on this node saw; who is away, it knows itself. */
  follow(before: Patience): void {
    for (const [peer, setbacks] of before.#setbacks) {
      this.#setbacks.set(peer, setbacks)
      this.#touched.add(peer)
    }
  }

  /** It said that what kept it from working is over: it may be asked at once, but its setbacks still count. */
  ready(peer: PeerId): void {
    const setbacks = this.#setbacks.get(peer)
    if (setbacks === undefined) return
    setbacks.notBeforeMs = Number.NEGATIVE_INFINITY
    this.#touched.add(peer)
  }

  /** It delivered: its setbacks count no more, but the time that it asked for still does. */
  forgive(peer: PeerId): void {
    const setbacks = this.#setbacks.get(peer)
    if (setbacks !== undefined) setbacks.inARow = 0
  }

  /** Setbacks in a row, since it last delivered. */
  setbacks(peer: PeerId): number {
    return this.#setbacks.get(peer)?.inARow ?? 0
  }

  clockSet(byMs: number): void {
    for (const setbacks of this.#setbacks.values()) setbacks.notBeforeMs += byMs
  }

  /** May it be asked now? */
  open(peer: PeerId, nowMs: number): boolean {
    return !this.#away.has(peer) && this.notBeforeMs(peer) <= nowMs
  }

  /** It is left alone until then. */
  notBeforeMs(peer: PeerId): number {
    return this.#setbacks.get(peer)?.notBeforeMs ?? Number.NEGATIVE_INFINITY
  }
}
