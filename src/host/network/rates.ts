/**
 * Rates: how often somebody may do something, counted for each who and what. A few go at once, as bursts do after a connection was lost;
 * then one more each time that so much time has passed. Nobody is cut off: whoever is told to wait is heard again after that. Several that share
 * one count, such as the streams of one peer, wait for their turns.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { advertSpacingMs } from '../../protocol/limits.ts'

export interface Rate {
  /** So many go at once. */
  readonly burst: number
  readonly perSecond: number
}

/** Those that are remembered; one that is forgotten may do its burst again, as everybody may. */
const knownMax = 8_192

export class Rates {
  readonly #left = new BoundedMap<string, { left: number; atMs: number }>(knownMax)
  readonly #now: () => number

  /** `now`: milliseconds that only rise. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Counts so many more, and says for how many milliseconds the next should wait: 0 within the rate; for one at a time
   * `1000 / perSecond` at most, for several that do not wait for each other as long as a burst takes.
   */
  spend(key: string, { burst, perSecond }: Rate, count = 1): number {
    const atMs = this.#now()
    const known = this.#left.peek(key)
    const had = known === undefined ? burst : known.left + ((atMs - known.atMs) * perSecond) / 1_000
    const left = Math.max(-burst, Math.min(burst, had) - count)
    this.#left.set(key, { left, atMs }) // the last to spend is the last to be forgotten
    return left >= 0 ? 0 : (-left / perSecond) * 1_000
  }
}

const authorRate: Rate = { burst: 16, perSecond: 1_000 / advertSpacingMs }

/**
 * Adverts of one vehicle that are believed and passed on: an honest one leaves a second between two of its own, and a few may have waited on
 * their way. Whoever signs more is heard by its neighbours, and by nobody else. The burst is a guess. `again`: the same advert in another
 * channel, where a node moves between cells; one body may have many good signatures.
 */
export const authorRates = { advert: authorRate, again: authorRate } as const

/** A door for messages of one protocol: it counts those of each peer and kind, each kind at the rate that its table says. */
export class Door<Kind extends string> {
  readonly #table: Readonly<Record<Kind, Rate>>
  readonly #rates: Rates

  /** `now`: milliseconds that only rise. */
  constructor(table: Readonly<Record<Kind, Rate>>, now: () => number) {
    this.#table = table
    this.#rates = new Rates(now)
  }

  /** A message of this kind came from the peer: its next one waits for so many milliseconds. */
  took(from: PeerId, kind: Kind): number {
    return this.#rates.spend(`${from} ${kind}`, this.#table[kind])
  }
}
