/** The owner's pause, as it is kept over restarts. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { type Clock, ClockSteps, systemClock } from '../clock.ts'
import type { Journal } from '../store/journal.ts'

/** Until then; null: until told otherwise. `isDate`: until that time of day, and not for so long. */
export interface Pause {
  readonly untilMs: number | null
  readonly isDate: boolean
}

const setting = 'pause'
const schema = z
  .strictObject({ untilMs: z.int().min(0).nullable(), isDate: z.boolean().default(false) })
  .nullable()

export class PauseNote {
  readonly #journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly #log: Logger
  readonly #steps: ClockSteps

  constructor(
    journal: Pick<Journal, 'getSetting' | 'putSetting'>,
    log: Logger,
    clock: Pick<Clock, 'now' | 'monotonicMs'> = systemClock,
  ) {
    this.#journal = journal
    this.#log = log
    this.#steps = new ClockSteps(clock)
  }

  /** Null: it is not paused. */
  read(): Pause | null {
    const text = this.#journal.getSetting(setting)
    if (text === undefined) return null
    try {
      return schema.parse(JSON.parse(text))
    } catch (error) {
      // An owner who paused is believed also when nobody knows any more for how long.
      this.#log.error(
        { error },
        'the saved pause cannot be read: the vehicle is paused until its owner says otherwise',
      )
      return { untilMs: null, isDate: false }
    }
  }

  /**
   * Call now and then: a pause for so long ends as much later, or sooner, as the clock was set. In a sleep it stands
   * still, too.
   */
  look(): void {
    const byMs = this.#steps.take()
    if (byMs === 0) return
    const pause = this.read()
    if (pause === null || pause.untilMs === null || pause.isDate) return
    try {
      this.write({ ...pause, untilMs: Math.max(0, pause.untilMs + byMs) })
    } catch (error) {
      // Those who act on it know better already; only a restart would not.
      this.#log.warn({ error }, 'the clock was set, and the end of the pause was not saved')
    }
  }

  /** Before anybody acts on it: a pause that was promised holds after a crash, too. Throws StoreError. */
  write(pause: Pause | null): void {
    this.#journal.putSetting(setting, JSON.stringify(pause))
  }
}
