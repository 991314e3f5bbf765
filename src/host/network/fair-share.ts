/**
 * Fair shares of the processor: a peer's messages are handled at once until they have taken more than its share; then
 * its next message waits, while everybody else's are handled. The share is counted in the time that handling took,
 * not in messages, because a beat costs a hundredth of the time of evidence. It is counted for the peer and for its
 * owner, so that an owner gains nothing by many vehicles. Nobody is cut off: a promise that is not resolved yet keeps
 * the peer's stream unread, and from there on everything that it sends waits on its own machine (network/control.ts).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { BoundedMap } from '../../base/bounded-map.ts'
import { systemClock } from '../clock.ts'

/** A peer or an owner may use this share of one core, so that the other half is left for everybody else. A guess. */
const shareMax = 0.5
/** A peer may use this much at once, for example to synchronise a job's records, or to hand in an hour of work. */
const burstMs = 2_000
/** Peers and owners that are remembered; one that is forgotten starts with a full purse again, as everybody does. */
const pursesMax = 4_096

interface Purse {
  leftMs: number
  atMs: number
}

export class FairShare {
  readonly #purses = new BoundedMap<string, Purse>(pursesMax)
  readonly #now: () => number

  /** `now`: milliseconds that only rise. */
  constructor(now: () => number = () => systemClock.monotonicMs()) {
    this.#now = now
  }

  /** Does the work, and says for how many milliseconds these should wait before the next. */
  spend(payers: readonly string[], work: () => void): number {
    const startedMs = this.#now()
    try {
      work()
    } finally {
      const endedMs = this.#now()
      for (const payer of payers) this.#purse(payer, endedMs).leftMs -= endedMs - startedMs
    }
    const least = Math.min(...payers.map((payer) => this.#purses.peek(payer)?.leftMs ?? burstMs))
    return least >= 0 ? 0 : -least / shareMax
  }

  /** The same, and resolves when the next may come. */
  async run(payers: readonly string[], work: () => void): Promise<void> {
    const waitMs = this.spend(payers, work)
    if (waitMs > 0) await delay(waitMs, undefined, { ref: false })
  }

  #purse(payer: string, nowMs: number): Purse {
    const purse = this.#purses.peek(payer) ?? { leftMs: burstMs, atMs: nowMs }
    this.#purses.set(payer, purse) // the last to pay is the last to be forgotten
    purse.leftMs = Math.min(burstMs, purse.leftMs + (nowMs - purse.atMs) * shareMax)
    purse.atMs = nowMs
    return purse
  }
}
