/**
 * Lines of the log about work: one for each event while there are few, and one sum a minute for the rest.
 *
 * A vehicle may get a thousand leases of tiny shards a second. An owner reads the first dozen of them, and then wants to
 * know how many more there were.
 */
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'

/** Lines of one kind within a window; those beyond are summed. A slot that reads pages takes a lease in tens of seconds. A guess. */
export const linesMax = 12
const windowMs = 60_000

interface Unsaid {
  events: number
  /** Null: events of this kind are not counted in shards. */
  shards: number | null
}

export class LogLines {
  readonly #log: Pick<Logger, 'info'>
  readonly #clock: Clock
  readonly #said = new Map<string, number>()
  readonly #unsaid = new Map<string, Unsaid>()
  #callOff: (() => void) | undefined

  constructor(log: Pick<Logger, 'info'>, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /**
   * `kind`: the event in words, such as 'lease taken', which begins the line. `shards`: null for a kind that is not counted in
   * them.
   */
  say(kind: string, shards: number | null, facts: Readonly<Record<string, unknown>>): void {
    this.#callOff ??= this.#clock.after(windowMs, () => this.#endWindow())
    const said = this.#said.get(kind) ?? 0
    if (said < linesMax) {
      this.#said.set(kind, said + 1)
      this.#log.info({ ...(shards === null ? {} : { shards }), ...facts }, kind)
      return
    }
    const unsaid = this.#unsaid.get(kind) ?? { events: 0, shards: null }
    unsaid.events += 1
    if (shards !== null) unsaid.shards = (unsaid.shards ?? 0) + shards
    this.#unsaid.set(kind, unsaid)
  }

  /** Says the sum of what was not said yet. */
  stop(): void {
    this.#callOff?.()
    this.#endWindow()
  }

  #endWindow(): void {
    this.#callOff = undefined
    for (const [kind, { events, shards }] of this.#unsaid)
      this.#log.info(
        { events, ...(shards === null ? {} : { shards }), withinMs: windowMs },
        `${kind}, and more of them than are listed here`,
      )
    this.#said.clear()
    this.#unsaid.clear()
  }
}
