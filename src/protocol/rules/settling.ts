/**
 * Settling: strict at once, lenient late. A verdict grows stricter with the reading that makes it so, and milder only when
 * all that rests on signals has been good for the settling time. So however a sensor flaps, work begins at most once in
 * that time. A debounce on the signals themselves was declined: it would delay the stop, too.
 */
import type { RuleFinding, RuleVerdict } from './judgement.ts'
import type { LocalTime } from './week.ts'
import { clockTime, duration } from './wording.ts'

export class Settling {
  /** The time for which all must have been good; its owner may change it. */
  settleMs: number
  /** When what rests on signals last said stop, and last said anything but run. */
  #lastStopMs: number
  #lastHoldMs: number

  /** Nothing is known of the time before; on a desk, a rule that was never broken need not settle. */
  constructor(settleMs: number, isVehicle: boolean) {
    this.settleMs = settleMs
    this.#lastStopMs = isVehicle ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
    this.#lastHoldMs = this.#lastStopMs
  }

  /** The verdict, from the one by what the signals say now. */
  settle(bySignals: RuleVerdict, nowMs: number): RuleVerdict {
    const { settleMs } = this
    // Before the first look, and after a clock was set back.
    this.#lastStopMs = Math.min(this.#lastStopMs, nowMs)
    this.#lastHoldMs = Math.min(this.#lastHoldMs, nowMs)
    if (bySignals === 'stop') this.#lastStopMs = nowMs
    if (bySignals !== 'run') this.#lastHoldMs = nowMs
    if (bySignals === 'stop' || nowMs - this.#lastStopMs < settleMs) return 'stop'
    return bySignals === 'drain' || nowMs - this.#lastHoldMs < settleMs ? 'drain' : 'run'
  }

  /** The clock was set. */
  clockSet(byMs: number): void {
    this.#lastStopMs += byMs
    this.#lastHoldMs += byMs
  }

  finding(bySignals: RuleVerdict, settled: RuleVerdict, local: LocalTime): RuleFinding {
    const beginsMs = this.settleMs + (settled === 'stop' ? this.#lastStopMs : this.#lastHoldMs)
    return {
      code: 'settling',
      // It holds back only what nothing else does.
      verdict: bySignals === settled ? 'run' : settled,
      value:
        settled === 'run'
          ? 'settled'
          : bySignals === settled
            ? 'not yet'
            : // When, and not for how long yet: a countdown would be news every second.
              `all well, and work begins ${clockTime(local.minuteOfWeek(beginsMs))}`,
      limit: `all well for ${duration(this.settleMs)}`,
      preference: 'settleMs',
    }
  }

  /** When time alone may change the verdict, or what is said about it; null among them: never. */
  changesMs(nowMs: number): (number | null)[] {
    return [this.#lastStopMs, this.#lastHoldMs].flatMap((sinceMs) => [
      sinceMs + this.settleMs,
      // `carpool why` counts the minutes.
      nowMs - sinceMs < this.settleMs ? sinceMs + Math.floor((nowMs - sinceMs) / 60_000 + 1) * 60_000 : null,
    ])
  }
}
