/**
 * Hours of the week, and when they begin and end as instants.
 *
 * The clocks may skip the beginning of a span, jump into the middle of one, or come back to one that was over. So the next
 * beginning is looked for in each stretch of a constant offset, and not by adding minutes to now: a vehicle that says until
 * when it will be there must not be held by its own rules before.
 */
import { type LocalTime, minutesUntil, type WeekSpan, weekMinutes } from './week.ts'

const minuteMs = 60_000
/** A week, and the day that the clocks may take from it or add to it. */
const lookMs = weekMinutes * minuteMs + 86_400_000

export class Hours {
  /** In order, apart from each other, within one week. */
  readonly #spans: readonly WeekSpan[]
  /** Minutes of the week. */
  readonly #beginnings: readonly number[]
  readonly #ends: readonly number[]

  constructor(spans: readonly WeekSpan[]) {
    this.#spans = joined(spans)
    const [begins, ends] = [
      this.#spans.map(({ start }) => start),
      this.#spans.map(({ end }) => end % weekMinutes),
    ]
    // A span over Sunday midnight is two here, and neither ends nor begins there.
    this.#beginnings = begins.filter((minute) => !ends.includes(minute))
    this.#ends = ends.filter((minute) => !begins.includes(minute))
  }

  get isEmpty(): boolean {
    return this.#spans.length === 0
  }

  /** How many of a week they are. */
  get minutes(): number {
    return this.#spans.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  /** Tells whether this minute of the week (it may have a fraction) is within. */
  has(minute: number): boolean {
    return this.#spans.some(({ start, end }) => minute >= start && minute < end)
  }

  /** The first instant after now at which the clock shows one of these hours, and just before did not; null: never. */
  nextBeginning(local: LocalTime, nowMs: number): number | null {
    return this.#next(true, local, nowMs)
  }

  /** The first instant after now at which the clock shows none of these hours, and just before did; null: never. */
  nextEnd(local: LocalTime, nowMs: number): number | null {
    return this.#next(false, local, nowMs)
  }

  #next(isWithin: boolean, local: LocalTime, nowMs: number): number | null {
    if (this.isEmpty) return null
    const minutes = isWithin ? this.#beginnings : this.#ends
    let was = this.has(local.minuteOfWeek(nowMs))
    for (const { beginsMs, endsMs } of local.stretches(nowMs, nowMs + lookMs)) {
      const first = local.minuteOfWeek(beginsMs)
      // The clock has jumped here.
      if (was !== isWithin && this.has(first) === isWithin) return beginsMs
      const ahead = minutesUntil(minutes, first)
      const edgeMs = ahead === null ? endsMs : beginsMs + Math.round(ahead * minuteMs)
      if (edgeMs < endsMs) return edgeMs
      was = this.has(local.minuteOfWeek(endsMs - 1))
    }
    return null
  }
}

function joined(spans: readonly WeekSpan[]): WeekSpan[] {
  const cut = spans.flatMap(({ start, end }) =>
    end <= weekMinutes
      ? [{ start, end }]
      : [
          { start, end: weekMinutes },
          { start: 0, end: Math.min(end - weekMinutes, weekMinutes) },
        ],
  )
  const result: { start: number; end: number }[] = []
  for (const { start, end } of cut.sort((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else result.push({ start, end })
  }
  return result
}
