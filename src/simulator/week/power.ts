/** What a vehicle's work costs in electricity, hour by hour, and what its owner asks for it. */
import { askNow, asksAhead, type UnitEnergy } from '../../protocol/energy/own-ask.ts'
import { costOfJoules } from '../../protocol/energy/tariff.ts'
import type { EngineAdvert } from '../../protocol/membership/advert.ts'
import { currency, pagesPerShard, shardMs, workKw } from './cell-world.ts'
import { dayAheadAt, dayAheadKnown } from './day-ahead.ts'
import { hourMs } from './trips.ts'

/** A cell whose work has time, and whose power has a price. */
export interface Market {
  /** Owners ask what power costs and a margin, and jobs wait for cheap hours; else both are as they were without. */
  readonly follows: boolean
  /** Shards of the jobs that come in a day, which is less than vehicles could do. */
  readonly shardsPerDay: number
}

const margin = 0.2
/** Before the first shard: as long as shards take on average, and a little more. */
const firstPageMs = (1.2 * shardMs) / pagesPerShard

export class Power {
  readonly #follows: boolean
  readonly #flatMicros: number
  #workedMs = 0
  #pages = 0
  #costMicros = 0

  constructor(market: Market | undefined, flatMicros: number) {
    this.#follows = market?.follows ?? false
    this.#flatMicros = flatMicros
  }

  get costMicros(): number {
    return this.#costMicros
  }

  /** It worked from then until then, on clocks. */
  worked(fromMs: number, untilMs: number): void {
    this.#workedMs += untilMs - fromMs
    for (let atMs = fromMs; atMs < untilMs; ) {
      const endMs = Math.min(untilMs, (Math.floor(atMs / hourMs) + 1) * hourMs)
      this.#costMicros += costOfJoules(joulesOf(endMs - atMs), dayAheadAt(atMs))
      atMs = endMs
    }
  }

  did(pages: number): void {
    this.#pages += pages
  }

  offer(clockMs: number): Pick<EngineAdvert, 'ahead'> & { readonly ask: NonNullable<EngineAdvert['ask']> } {
    if (!this.#follows) return { ask: { currency, unitMicros: this.#flatMicros } }
    const tariff = dayAheadKnown(clockMs)
    // With all that came to nothing: its energy was drawn as well.
    const pageMs = this.#pages < 10 * pagesPerShard ? firstPageMs : this.#workedMs / this.#pages
    const energy: UnitEnergy = { joules: joulesOf(pageMs), per: 1, margin, operatorPpm: 0 }
    const ahead = asksAhead(tariff, energy, clockMs)
    // At midnight the prices of today are known, so there is always one.
    const unitMicros = askNow(tariff, energy, clockMs) ?? ahead?.unitMicros[0] ?? this.#flatMicros
    return { ask: { currency, unitMicros }, ...(ahead === undefined ? {} : { ahead }) }
  }
}

function joulesOf(ms: number): number {
  return ms * workKw
}
