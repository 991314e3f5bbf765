/**
 * Who watches over the owner's rules (src/protocol/rules) for a node: gives them what there is to know and the time, and
 * tells of each new judgement.
 */
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Judgement } from '../protocol/rules/judgement.ts'
import type { PreferenceName, Preferences } from '../protocol/rules/preferences.ts'
import { OwnerRules, type RulesInput } from '../protocol/rules/rules.ts'
import type { Journal } from './store/journal.ts'

export interface OwnerWatch {
  judgement(): Judgement
  /** Called after each change of the judgement. The answer ends it. */
  onChange(handler: (judgement: Judgement) => void): () => void
  /** Until then; null: until `resume`. Outlives a restart. */
  pause(untilMs: number | null): void
  resume(): void
  stop(): Promise<void>
}

/** What the owner asks for. */
export interface OwnersWish {
  readonly preferences: Preferences
  /** Where each of them was said, in words for `carpool why`. */
  readonly origins: Readonly<Record<PreferenceName, string>>
}

interface DeskWatchOptions {
  readonly preferences: Preferences
  readonly journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly log: Logger
}

/** Watches over a machine that nothing tells of a vehicle: its owner's word, the hours and the caps are all there is. */
export class DeskWatch implements OwnerWatch {
  readonly #options: DeskWatchOptions
  readonly #rules: OwnerRules
  readonly #handlers = new Set<(judgement: Judgement) => void>()
  #judgement: Judgement
  #timer: NodeJS.Timeout | undefined

  constructor(options: DeskWatchOptions) {
    this.#options = options
    this.#rules = new OwnerRules(options.preferences, { vehicle: false })
    const pause = readPause(options)
    this.#judgement = this.#judge(pause === null ? { type: 'look' } : { type: 'pause', ...pause })
  }

  judgement(): Judgement {
    return this.#judgement
  }

  onChange(handler: (judgement: Judgement) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  pause(untilMs: number | null): void {
    // Kept first: a pause that was promised holds after a crash, too.
    this.#options.journal.putSetting(pauseSetting, JSON.stringify({ untilMs }))
    this.#handle({ type: 'pause', untilMs })
  }

  resume(): void {
    this.#options.journal.putSetting(pauseSetting, 'null')
    this.#handle({ type: 'resume' })
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#handlers.clear()
  }

  #handle(input: RulesInput): void {
    const before = JSON.stringify(this.#judgement)
    const judgement = this.#judge(input)
    if (JSON.stringify(judgement) === before) return
    this.#judgement = judgement
    for (const handler of this.#handlers) handler(judgement)
  }

  #judge(input: RulesInput): Judgement {
    const nowMs = Date.now()
    const { judgement, wakeAtMs } = this.#rules.handle(input, nowMs)
    clearTimeout(this.#timer)
    if (wakeAtMs !== null)
      this.#timer = setTimeout(
        () => this.#handle({ type: 'look' }),
        Math.min(wakeAtMs - nowMs, timerMsMax),
      ).unref()
    return judgement
  }
}

/** setTimeout takes 31 bits. */
const timerMsMax = 2 ** 31 - 1

const pauseSetting = 'pause'
const pauseSchema = z.object({ untilMs: z.number().nullable() }).nullable()

function readPause({ journal, log }: DeskWatchOptions): { readonly untilMs: number | null } | null {
  const text = journal.getSetting(pauseSetting)
  if (text === undefined) return null
  try {
    return pauseSchema.parse(JSON.parse(text))
  } catch (error) {
    // An owner who paused is believed also when nobody knows any more for how long.
    log.error({ error }, 'the pause that was kept cannot be read: paused until told otherwise')
    return { untilMs: null }
  }
}
