/**
 * Counts how long a supervisor has been silent, in ticks of the node and not in time: a machine that slept, or that is so
 * busy that the node itself stands still, blames nobody.
 *
 * Before its first word a supervisor loads its code, which takes a second on an idle machine and may take half a minute on a
 * busy one. So until its first judgement it has long, and only then is silence a sign that it hangs.
 */
export interface SilenceBounds {
  /** Ticks until the first judgement. */
  readonly startTicksMax: number
  /** Ticks without a word, after that. */
  readonly silentTicksMax: number
  /** Ticks after which a start is slow enough to say so. */
  readonly slowTicks: number
}

export class Silence {
  readonly #bounds: SilenceBounds
  #ticks = 0
  #hasSpoken = false
  #hasJudged = false

  constructor(bounds: SilenceBounds) {
    this.#bounds = bounds
  }

  heard(isJudgement: boolean): void {
    this.#hasSpoken = true
    if (isJudgement) this.#hasJudged = true
    if (this.#hasJudged) this.#ticks = 0
  }

  /** The step that it has not done yet. */
  get missing(): string {
    if (this.#hasJudged) return 'an answer'
    return this.#hasSpoken ? 'its first judgement' : 'its first word'
  }

  /** Another tick has passed: tells whether the supervisor is given up, or slow. */
  tick(): 'wait' | 'slow' | 'give up' {
    this.#ticks += 1
    const { startTicksMax, silentTicksMax, slowTicks } = this.#bounds
    if (this.#ticks > (this.#hasJudged ? silentTicksMax : startTicksMax)) return 'give up'
    return !this.#hasJudged && this.#ticks === slowTicks ? 'slow' : 'wait'
  }
}
