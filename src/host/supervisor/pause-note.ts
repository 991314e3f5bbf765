/** The owner's pause, as it is kept over restarts. */
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Journal } from '../store/journal.ts'

/** Until then; null: until told otherwise. */
export interface Pause {
  readonly untilMs: number | null
}

const setting = 'pause'
const schema = z.strictObject({ untilMs: z.int().min(0).nullable() }).nullable()

export class PauseNote {
  readonly #journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly #log: Logger

  constructor(journal: Pick<Journal, 'getSetting' | 'putSetting'>, log: Logger) {
    this.#journal = journal
    this.#log = log
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
      return { untilMs: null }
    }
  }

  /** Before anybody acts on it: a pause that was promised holds after a crash, too. Throws StoreError. */
  write(pause: Pause | null): void {
    this.#journal.putSetting(setting, JSON.stringify(pause))
  }
}
