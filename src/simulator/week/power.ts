/** The electricity of a vehicle's work, hour by hour, its cost, and the price that its owner asks. */
import { askNow, hourlyAsks, type UnitEnergy } from '../../protocol/energy/own-ask.ts'
import { costOfJoules } from '../../protocol/energy/tariff.ts'
import type { EngineAdvert } from '../../protocol/membership/advert.ts'
import { currency, pagesPerShard, shardMs, startMs, type VehicleWeek, workKw } from './cell-world.ts'
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
  /** By hour of the day. */
  readonly #kwhByHour = new Array<number>(24).fill(0)
  #offered = ''

  constructor(market: Market | undefined, flatMicros: number) {
    this.#follows = market?.follows ?? false
    this.#flatMicros = flatMicros
  }

  /** The energy and the cost of so much work. */
  week(computedMs: number): Pick<VehicleWeek, 'kwh' | 'costMicros' | 'kwhByHour'> {
    return {
      kwh: (computedMs / hourMs) * workKw,
      costMicros: this.#costMicros,
      kwhByHour: [...this.#kwhByHour],
    }
  }

  /** It worked from then until then, on clocks. */
  worked(fromMs: number, untilMs: number): void {
    this.#workedMs += untilMs - fromMs
    for (let atMs = fromMs; atMs < untilMs; ) {
      const endMs = Math.min(untilMs, (Math.floor(atMs / hourMs) + 1) * hourMs)
      this.#costMicros += costOfJoules(joulesOf(endMs - atMs), dayAheadAt(atMs))
      this.#kwhByHour[Math.floor((atMs - startMs) / hourMs) % 24]! += joulesOf(endMs - atMs) / 3.6e6
      atMs = endMs
    }
  }

  did(pages: number): void {
    this.#pages += pages
  }

  /** The offer, where it is another than the last time; else null. */
  newOffer(clockMs: number): ReturnType<Power['offer']> | null {
    const offer = this.offer(clockMs)
    const text = JSON.stringify(offer)
    if (text === this.#offered) return null
    this.#offered = text
    return offer
  }

  offer(clockMs: number): Pick<EngineAdvert, 'ahead'> & { readonly ask: NonNullable<EngineAdvert['ask']> } {
    if (!this.#follows) return { ask: { currency, unitMicros: this.#flatMicros } }
    const tariff = dayAheadKnown(clockMs)
    // With all that came to nothing: its energy was drawn as well.
    const pageMs = this.#pages < 10 * pagesPerShard ? firstPageMs : this.#workedMs / this.#pages
    const energy: UnitEnergy = { joules: joulesOf(pageMs), per: 1, margin, operatorPpm: 0 }
    const ahead = hourlyAsks(tariff, energy, clockMs)
    // At midnight the prices of today are known, so there is always one.
    const unitMicros = askNow(tariff, energy, clockMs) ?? ahead?.unitMicros[0] ?? this.#flatMicros
    return { ask: { currency, unitMicros }, ...(ahead === undefined ? {} : { ahead }) }
  }
}

function joulesOf(ms: number): number {
  return ms * workKw
}
