/**
 * Hours of the week, as an owner writes them, in the vehicle's own time zone.
 *
 * The core may use `Intl`: it is part of the language, takes the time as an argument, and gives the same answer for the
 * same zone data. An offset handed in by the shell would not do, since the rules also look ahead, over the night in which
 * the clocks change. Offsets change on quarters of an hour (UTC) in every zone since 1972; within one, local time is a sum.
 */

/** Minutes from Monday 00:00; `end` is left out, and beyond the week where the span goes over Sunday midnight. */
export interface WeekSpan {
  readonly start: number
  readonly end: number
}

export const weekMinutes = 7 * 24 * 60
export const dayMs = 86_400_000
const quarterMs = 900_000
const dayQuarters = dayMs / quarterMs
/** A forecast asks for some twenty quarters, which move on with the time; asking Intl takes 0.05 ms. A guess. */
const offsetsMax = 4_096

/** '22:00-06:00', 'mon-fri 12:00-13:30', 'sat,sun 00:00-24:00': one span for each day on which it begins; null: not understood. */
export function parseHours(text: string): WeekSpan[] | null {
  const [, days, from, until] = /^(?:([a-z,-]+) +)?(\d\d?:\d\d) ?[-–] ?(\d\d?:\d\d)$/.exec(tidy(text)) ?? []
  const start = minutesOf(from)
  const end = minutesOf(until)
  const weekdays = weekdaysOf(days)
  if (start === null || end === null || weekdays === null || start === end || start === dayMinutes)
    return null
  const length = end > start ? end - start : end - start + dayMinutes
  return weekdays.map((day) => ({ start: day * dayMinutes + start, end: day * dayMinutes + start + length }))
}

/** '07:30', 'mon-fri 07:30', 'sat,sun 10:00': minutes from Monday 00:00; null: not understood. */
export function parseTimes(text: string): number[] | null {
  const [, days, time] = /^(?:([a-z,-]+) +)?(\d\d?:\d\d)$/.exec(tidy(text)) ?? []
  const minutes = minutesOf(time)
  const weekdays = weekdaysOf(days)
  if (minutes === null || weekdays === null || minutes === dayMinutes) return null
  return weekdays.map((day) => day * dayMinutes + minutes)
}

/** Tells whether this minute of the week (it may have a fraction) is within one of the spans. */
export function isWithin(spans: readonly WeekSpan[], minute: number): boolean {
  return spans.some(
    ({ start, end }) =>
      (minute >= start && minute < end) || (minute + weekMinutes >= start && minute + weekMinutes < end),
  )
}

/** Tells whether the spans leave no minute of the week free. */
export function coversWeek(spans: readonly WeekSpan[]): boolean {
  const edges = [0, ...spans.map(({ end }) => end % weekMinutes)]
  return edges.every((minute) => isWithin(spans, minute))
}

/** Minutes from this one until the first of `minutes` comes round, more than 0; null for none. */
export function minutesUntil(minutes: readonly number[], minute: number): number | null {
  if (minutes.length === 0) return null
  return Math.min(
    ...minutes.map((one) => {
      const ahead = (((one - minute) % weekMinutes) + weekMinutes) % weekMinutes
      return ahead === 0 ? weekMinutes : ahead
    }),
  )
}

/** From `beginsMs` until before `endsMs` the local clock is ahead of UTC by `offsetMs`. */
interface Stretch {
  readonly beginsMs: number
  readonly endsMs: number
  readonly offsetMs: number
}

export class LocalTime {
  readonly #format: Intl.DateTimeFormat
  /** By quarter of an hour since 1970. */
  readonly #offsetsMs = new Map<number, number>()
  /** By day of UTC since 1970: when the offset changes within it; null: it does not. */
  readonly #changesMs = new Map<number, number | null>()

  /** `zone`: a name of the IANA data base. Throws RangeError. */
  private constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /**
   * Returns the one instance for each zone, since a format takes tens of kilobytes, and a simulation has thousands of
   * vehicles. Throws RangeError.
   */
  static in(zone: string): LocalTime {
    let known = LocalTime.#known.get(zone)
    if (known === undefined) {
      known = new LocalTime(zone)
      LocalTime.#known.set(zone, known)
    }
    return known
  }

  static readonly #known = new Map<string, LocalTime>()

  /** Returns the time on the local clock, as milliseconds since 1970 of a zone without an offset. */
  toLocal(atMs: number): number {
    return atMs + this.#offsetAt(atMs)
  }

  /**
   * A time that the clocks skip is the instant at which they do. Of one that comes twice it is the first that is not over at
   * `nowMs`: who is expected then finds all in order, whichever was meant.
   */
  toUtc(localMs: number, nowMs = Number.NEGATIVE_INFINITY): number {
    let last: number | undefined
    for (const { beginsMs, endsMs, offsetMs } of this.stretches(localMs - dayMs, localMs + dayMs)) {
      const atMs = localMs - offsetMs
      if (atMs >= endsMs) continue
      // Neither before this stretch nor in it: the clocks skip it here.
      if (atMs < beginsMs) return last ?? beginsMs
      last = atMs
      if (last >= nowMs) break
    }
    return last!
  }

  /** From Monday 00:00, with a fraction. */
  minuteOfWeek(atMs: number): number {
    const localMs = this.toLocal(atMs)
    // 1970 began on a Thursday.
    return ((((localMs + 3 * dayMs) % (7 * dayMs)) + 7 * dayMs) % (7 * dayMs)) / 60_000
  }

  /** When this day is over for good: where the clocks are set back soon after midnight, it comes again. */
  nextMidnight(atMs: number): number {
    const nextLocalMs = (Math.floor(this.toLocal(atMs) / dayMs) + 1) * dayMs
    let midnight: number | null = null
    for (const { beginsMs, endsMs, offsetMs } of this.stretches(atMs, atMs + 2 * dayMs)) {
      const beginMs = Math.max(beginsMs, nextLocalMs - offsetMs)
      if (beginMs > beginsMs) midnight = null
      if (beginMs < endsMs) midnight ??= beginMs
    }
    return midnight!
  }

  /** Until then, local time is a sum. */
  endOfQuarter(atMs: number): number {
    return (Math.floor(atMs / quarterMs) + 1) * quarterMs
  }

  /** The time from one instant to another, cut where the offset changes: in each stretch, local time is a sum. In order. */
  *stretches(fromMs: number, untilMs: number): Generator<Stretch, void, undefined> {
    let beginsMs = fromMs
    for (let day = Math.floor(fromMs / dayMs); day * dayMs < untilMs; day += 1) {
      const changeMs = this.#changeWithin(day)
      if (changeMs === null || changeMs <= beginsMs || changeMs >= untilMs) continue
      yield { beginsMs, endsMs: changeMs, offsetMs: this.#offsetAt(beginsMs) }
      beginsMs = changeMs
    }
    yield { beginsMs, endsMs: untilMs, offsetMs: this.#offsetAt(beginsMs) }
  }

  /** The change of offset after the beginning of this day of UTC and not after its end; null: there is none. No zone has two. */
  #changeWithin(day: number): number | null {
    const known = this.#changesMs.get(day)
    if (known !== undefined) return known
    let [before, after] = [day * dayQuarters, (day + 1) * dayQuarters]
    const offsetMs = this.#offsetAt(before * quarterMs)
    const isChange = this.#offsetAt(after * quarterMs) !== offsetMs
    while (isChange && after - before > 1) {
      const middle = (before + after) >> 1
      if (this.#offsetAt(middle * quarterMs) === offsetMs) before = middle
      else after = middle
    }
    const changeMs = isChange ? after * quarterMs : null
    if (this.#changesMs.size >= offsetsMax) this.#changesMs.clear()
    this.#changesMs.set(day, changeMs)
    return changeMs
  }

  #offsetAt(atMs: number): number {
    const quarter = Math.floor(atMs / quarterMs)
    const known = this.#offsetsMs.get(quarter)
    if (known !== undefined) return known
    const part = new Map(
      this.#format.formatToParts(quarter * quarterMs).map(({ type, value }) => [type, Number(value)]),
    )
    const [year, month, day] = [part.get('year')!, part.get('month')!, part.get('day')!]
    const local = Date.UTC(year, month - 1, day, part.get('hour'), part.get('minute'), part.get('second'))
    const offsetMs = local - quarter * quarterMs
    if (this.#offsetsMs.size >= offsetsMax) this.#offsetsMs.clear()
    this.#offsetsMs.set(quarter, offsetMs)
    return offsetMs
  }
}

export function isTimeZone(zone: string): boolean {
  try {
    LocalTime.in(zone)
    return true
  } catch {
    return false
  }
}

const dayMinutes = 24 * 60
const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

function tidy(text: string): string {
  return text.trim().toLowerCase().replaceAll(/\s+/g, ' ')
}

function minutesOf(text: string | undefined): number | null {
  const [hours, minutes] = (text ?? '').split(':').map(Number)
  if (hours === undefined || minutes === undefined || minutes > 59) return null
  const total = hours * 60 + minutes
  return total <= dayMinutes ? total : null
}

/** From 0 for Monday. */
function weekdaysOf(text: string | undefined): number[] | null {
  if (text === undefined) return [0, 1, 2, 3, 4, 5, 6]
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [first, last = first, ...rest] = part.split('-').map((name) => dayNames.indexOf(name))
    if (first === undefined || last === undefined || first < 0 || last < 0 || rest.length > 0) return null
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === last) break
    }
  }
  return [...days].sort((a, b) => a - b)
}
