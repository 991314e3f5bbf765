/**
 * Notices: what the owner of a node should know of the mesh around it and cannot see there, a sentence each.
 *
 * Strangers cause most of them, so they are bounded: a few of each kind are kept, for an hour each, and each is said in
 * the log once. A stranger that comes from ever new addresses fills its own kind only, and the log at a slow pace.
 */
import type { Logger } from 'pino'
import { systemClock } from './clock.ts'

export type NoticeKind = 'mesh-key' | 'fleet' | 'version' | 'clone' | 'clock' | 'bootstrap' | 'relay'

export interface Notice {
  readonly kind: NoticeKind
  /** The peer or host that it is about; '' for this node itself. */
  readonly about: string
  readonly text: string
}

/** Notices of one kind that are kept; the oldest makes room. */
const keptPerKindMax = 16
/** How long a notice is shown after it was last true. */
const keptMs = 3_600_000
/** Lines in the log for each kind at once … */
const linesMax = 16
/** … and how long it takes until there is one more. */
const lineEveryMs = 600_000

interface Kept extends Notice {
  readonly untilMs: number
}

export class Notices {
  readonly #log: Logger
  readonly #now: () => number
  readonly #kept = new Map<NoticeKind, Map<string, Kept>>()
  readonly #lines = new Map<NoticeKind, { readonly left: number; readonly atMs: number }>()

  /** `now`: milliseconds that only rise. */
  constructor(log: Logger, now: () => number = () => systemClock.monotonicMs()) {
    this.#log = log
    this.#now = now
  }

  /** Takes note of something that is true now; the log hears of it unless it was said already. */
  tell(notice: Notice): void {
    const { kind, about, text } = notice
    const kept = this.#kept.get(kind) ?? new Map<string, Kept>()
    this.#kept.set(kind, kept)
    const isNew = kept.get(about)?.text !== text
    kept.delete(about)
    kept.set(about, { ...notice, untilMs: this.#now() + keptMs })
    const [oldest] = kept.keys()
    if (kept.size > keptPerKindMax) kept.delete(oldest!)
    if (isNew && this.#mayLog(kind)) this.#log.warn({ kind, about }, text)
  }

  /** It is true no more. */
  drop(kind: NoticeKind, about: string): void {
    this.#kept.get(kind)?.delete(about)
  }

  /** Returns the notices of the last hour, those of a kind together, the newest last. */
  list(): Notice[] {
    const nowMs = this.#now()
    return [...this.#kept.values()]
      .flatMap((kept) => [...kept.values()])
      .filter(({ untilMs }) => untilMs > nowMs)
      .map(({ kind, about, text }) => ({ kind, about, text }))
  }

  #mayLog(kind: NoticeKind): boolean {
    const nowMs = this.#now()
    const { left, atMs } = this.#lines.get(kind) ?? { left: linesMax, atMs: nowMs }
    const now = Math.min(linesMax, left + (nowMs - atMs) / lineEveryMs)
    this.#lines.set(kind, { left: now < 1 ? now : now - 1, atMs: nowMs })
    return now >= 1
  }
}
