/** When the steward that acts last gave out or decided anything, and when something last came back, as far as is known here. */
import type { PeerId } from '../ids.ts'
import { outOfTurnMs } from '../limits.ts'
import type { JobRecord } from '../records.ts'

export class Progress {
  #acting: PeerId | undefined
  /** When it last gave out or decided anything. */
  #newsMs = 0
  /** … and when something last came back. */
  #returnedMs = 0
  /** Since when all has been decided, and the end does not count that it signed. */
  #overSinceMs: number | undefined
  #awaitsUntilMs = 0

  /** Call at every look with the steward that acts as far as is known. */
  watch(acting: PeerId | undefined, nowMs: number): void {
    if (acting === this.#acting) return
    this.#acting = acting
    this.#overSinceMs = undefined
    this.#newsMs = nowMs
    this.#returnedMs = nowMs
  }

  /** This node did not look for a while: what the steward that acts did meanwhile is on its way, and until it is here nothing is known of it. */
  awaitNews(nowMs: number): void {
    this.#awaitsUntilMs = nowMs + outOfTurnMs
  }

  /** A record of the job came. */
  learn({ kind, record }: JobRecord, nowMs: number): void {
    if (kind === 'receipt') this.#returnedMs = nowMs
    if (record.signer === this.#acting && (kind === 'lease' || kind === 'window' || kind === 'verdict'))
      this.#newsMs = nowMs
  }

  /** A verdict counts: that is as good as anything that comes back. */
  decided(nowMs: number): void {
    this.#returnedMs = nowMs
  }

  /** Returns for how long all has been decided, and no end counts, in milliseconds. Call at every look. */
  over(isOver: boolean, nowMs: number): number {
    this.#overSinceMs = isOver ? (this.#overSinceMs ?? nowMs) : undefined
    if (nowMs < this.#awaitsUntilMs) return 0
    return nowMs - (this.#overSinceMs ?? nowMs)
  }

  clockSet(byMs: number): void {
    if (this.#overSinceMs !== undefined) this.#overSinceMs += byMs
    this.#newsMs += byMs
    this.#returnedMs += byMs
    this.#awaitsUntilMs += byMs
  }

  /** How long it has given out and decided nothing, and how long nothing has come back, in milliseconds. */
  silence(nowMs: number): { readonly newsMs: number; readonly returnedMs: number } {
    if (nowMs < this.#awaitsUntilMs) return { newsMs: 0, returnedMs: 0 }
    return { newsMs: nowMs - Math.max(this.#newsMs, this.#returnedMs), returnedMs: nowMs - this.#returnedMs }
  }
}
