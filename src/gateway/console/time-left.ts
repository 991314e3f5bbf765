/**
 * How long a batch will take, as a range: vehicles come and go, so that one number would be wrong and a person would plan by it. The
 * range is what is left at the fastest and at the slowest pace of the last quarter of a minute, the last two minutes, and all the time.
 */

export interface TimeLeft {
  readonly fromMs: number
  readonly toMs: number
  /** At the pace of the last two minutes, or as long as somebody looks. */
  readonly perSecond: number
}

interface Look {
  readonly atMs: number
  readonly done: number
}

const windowsMs = [15_000, 120_000]
/** A pace over less time than that says nothing. */
const spanMsMin = 3_000
const looksMax = 256
/** Batches that are remembered. */
const batchesMax = 64

export class Paces {
  readonly #looks = new Map<string, Look[]>()

  /**
   * Notes that so many lines are done, and says how long the others take; null where nobody knows yet. `beganMs`: when its first line
   * could be done, on the same clock, or null.
   */
  look(
    batch: string,
    {
      done,
      total,
      beganMs,
    }: { readonly done: number; readonly total: number; readonly beganMs: number | null },
    nowMs: number,
  ): TimeLeft | null {
    const looks = this.#looks.get(batch) ?? []
    // The one that was looked at last is the last.
    this.#looks.delete(batch)
    this.#looks.set(batch, looks)
    if (this.#looks.size > batchesMax) this.#looks.delete(this.#looks.keys().next().value!)
    if (looks.at(-1)?.atMs !== nowMs) looks.push({ atMs: nowMs, done })
    while (looks.length > looksMax || nowMs - looks[0]!.atMs > windowsMs.at(-1)! + spanMsMin) looks.shift()
    const first = beganMs === null ? [] : [{ atMs: beganMs, done: 0 }]
    return timeLeft([...first, ...looks], total - done, nowMs)
  }
}

/** `looks`: the oldest first, and the last is now. */
export function timeLeft(looks: readonly Look[], left: number, nowMs: number): TimeLeft | null {
  const last = looks.at(-1)
  if (last === undefined || left <= 0) return null
  const since = (from: Look | undefined) =>
    from === undefined || last.atMs - from.atMs < spanMsMin
      ? []
      : [(last.done - from.done) / (last.atMs - from.atMs)]
  const inWindows = windowsMs.flatMap((ms) => since(looks.find(({ atMs }) => nowMs - atMs <= ms)))
  const paces = [...inWindows, ...since(looks[0])].filter((pace) => pace > 0)
  if (paces.length === 0) return null
  const usual = inWindows.at(-1) ?? paces.at(-1)!
  return {
    fromMs: Math.round(left / Math.max(...paces)),
    toMs: Math.round(left / Math.min(...paces)),
    perSecond: usual * 1000,
  }
}
