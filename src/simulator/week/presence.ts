/**
 * Counts what vehicles do at each time of the day: vehicle-hours in bins of a quarter, working days apart from
 * weekends.
 */
import { dayMs } from './trips.ts'

export const presences = ['driving', 'unplugged', 'charging', 'held back', 'waiting', 'working'] as const
export type Presences = (typeof presences)[number]
const binMs = 900_000

export class Presence {
  /** By kind of day and presence: milliseconds in each bin. */
  readonly #ms = new Map<string, Float64Array>()

  /** From and until: since a Monday's midnight. */
  add(fromMs: number, untilMs: number, what: Presences): void {
    for (let atMs = fromMs; atMs < untilMs; ) {
      const endMs = Math.min(untilMs, (Math.floor(atMs / binMs) + 1) * binMs)
      const isWeekend = Math.floor(atMs / dayMs) % 7 >= 5
      this.#bins(isWeekend, what)[Math.floor((atMs % dayMs) / binMs)]! += endMs - atMs
      atMs = endMs
    }
  }

  /** As it crosses from a thread. */
  bins(): ReadonlyMap<string, Float64Array> {
    return this.#ms
  }

  static of(bins: ReadonlyMap<string, Float64Array>): Presence {
    const presence = new Presence()
    for (const [key, ms] of bins) presence.#ms.set(key, ms)
    return presence
  }

  merge(other: Presence): void {
    for (const isWeekend of [false, true])
      for (const what of presences) {
        const bins = this.#bins(isWeekend, what)
        other.#bins(isWeekend, what).forEach((ms, i) => {
          bins[i]! += ms
        })
      }
  }

  /** Returns the share of all vehicles, in each quarter of a day. */
  shares(isWeekend: boolean, what: Presences): number[] {
    const all = presences.map((each) => this.#bins(isWeekend, each))
    return [...this.#bins(isWeekend, what)].map((ms, i) => {
      const total = all.reduce((sum, bins) => sum + bins[i]!, 0)
      return total === 0 ? 0 : ms / total
    })
  }

  #bins(isWeekend: boolean, what: Presences): Float64Array {
    const key = `${isWeekend}/${what}`
    const known = this.#ms.get(key) ?? new Float64Array(dayMs / binMs)
    this.#ms.set(key, known)
    return known
  }
}

/** Names the reason that counts: a vehicle that is unplugged, or low on charge, mostly has another one, too. */
export function reasonOf(reasons: readonly string[]): Presences {
  if (reasons.includes('unplugged')) return 'unplugged'
  return reasons.includes('charge-low') || reasons.includes('reserve') ? 'charging' : 'held back'
}
