/**
 * Energy by the hour: all that the work drew, what of it went into shards that were finished, and how long the computer was kept
 * ready. An hour is the grain of tariffs. The difference of the first two is work that was broken off, and what engines take to
 * start.
 */
import type { Tallies, Tally } from './tallies.ts'

const hourMs = 3_600_000

export interface EnergyHour {
  /** Hours since 1970. */
  readonly hour: number
  readonly drawnJoules: number
  readonly doneJoules: number
  readonly readyMs: number
  /** The cost of it by the tariff that held then, with that of an idle computer; in micros, by currency. */
  readonly costMicros: Readonly<Record<string, number>>
}

/** The energy that all work drew on a day, as the watch over the owner's rules counts it. */
export interface DrawnToday {
  readonly day: number
  readonly wattHours: number
}

/** The price of a kilowatt-hour now; null: not known. */
export type PriceNow = () => { readonly currency: string; readonly kwhMicros: number } | null

const joulesPerKwh = 3_600_000

export class EnergyHours {
  readonly #tallies: Tallies
  readonly #idleWatts: number
  readonly #price: PriceNow
  #known: DrawnToday | null = null

  /** `idleWatts`: what the computer draws that is kept awake for work, beside the work. */
  constructor(tallies: Tallies, idleWatts: number, price: PriceNow) {
    this.#tallies = tallies
    this.#idleWatts = idleWatts
    this.#price = price
  }

  /** Counts what was drawn since the last call. The first one only notes where counting begins. */
  drew(drawn: DrawnToday, today: number, nowMs: number): void {
    const known = this.#known
    this.#known = drawn
    if (known === null) return
    const wattHours = drawn.wattHours - (known.day === drawn.day ? known.wattHours : 0)
    if (wattHours <= 0) return
    this.#add(today, 'hour-drawn', nowMs, wattHours * 3_600)
    this.#cost(wattHours * 3_600, today, nowMs)
  }

  done(joules: number, today: number, nowMs: number): void {
    this.#add(today, 'hour-done', nowMs, joules)
  }

  ready(ms: number, today: number, nowMs: number): void {
    this.#add(today, 'hour-ready', nowMs, ms)
    this.#cost((ms / 1_000) * this.#idleWatts, today, nowMs)
  }

  /** In order, those since this day. */
  since(day: number): EnergyHour[] {
    const rows = this.#tallies.since(day).filter(({ kind }) => kind.startsWith('hour-'))
    return [...Map.groupBy(rows, ({ name }) => name)]
      .map(([name, same]) => {
        const of = (kind: string) => same.reduce((sum, row) => sum + (row.kind === kind ? row.value : 0), 0)
        const costs = same.filter(({ kind }) => kind.startsWith(costKind))
        return {
          hour: Number(name),
          drawnJoules: of('hour-drawn'),
          doneJoules: of('hour-done'),
          readyMs: of('hour-ready'),
          // Where midnight is within an hour of the world's time, it has rows of two days.
          costMicros: Object.fromEntries(
            [...Map.groupBy(costs, ({ kind }) => kind.slice(costKind.length))].map(([currency, rows]) => [
              currency,
              rows.reduce((sum, { value }) => sum + value, 0),
            ]),
          ),
        }
      })
      .sort((a, b) => a.hour - b.hour)
  }

  #cost(joules: number, today: number, nowMs: number): void {
    const price = this.#price()
    if (price === null) return
    this.#add(today, `${costKind}${price.currency}`, nowMs, (joules / joulesPerKwh) * price.kwhMicros)
  }

  #add(today: number, kind: string, nowMs: number, value: number): void {
    if (value !== 0) this.#tallies.add(today, kind, `${Math.floor(nowMs / hourMs)}`, value)
  }
}

const costKind = 'hour-cost-'

/** Fewer say little: a first page is slow, since its engine starts. */
const unitsMin = 20
/** Work that was broken off makes a unit so many times as dear at most. */
const lossMax = 3

/** Null: too few units were done. */
export function unitJoulesOf(
  tallies: readonly Tally[],
  hours: readonly EnergyHour[],
  runtime: string,
  idle: { readonly watts: number; readonly slots: number },
): number | null {
  const all = (kind: string) => tallies.reduce((sum, row) => sum + (row.kind === kind ? row.value : 0), 0)
  const of = (kind: string) =>
    tallies.reduce((sum, row) => sum + (row.kind === kind && row.name === runtime ? row.value : 0), 0)
  const units = of('units') || of('pages')
  if (units < unitsMin) return null
  const [drawn, done] = [sumOf(hours, 'drawnJoules'), sumOf(hours, 'doneJoules')]
  const loss = done === 0 ? 1 : Math.min(lossMax, Math.max(1, drawn / done))
  const work = of('measured-joules') + of('estimated-joules')
  // While any work was under way the computer was awake for it; with every slot busy all the while, for as long as a slot's share.
  const wallMs = of('wall-ms')
  const shared = wallMs / Math.max(1, idle.slots)
  const alone = wallMs === 0 ? 0 : all('busy-ms') * (wallMs / all('wall-ms'))
  return (work * loss + (Math.max(shared, alone) / 1_000) * idle.watts) / units
}

function sumOf(hours: readonly EnergyHour[], key: 'drawnJoules' | 'doneJoules'): number {
  return hours.reduce((sum, hour) => sum + hour[key], 0)
}
