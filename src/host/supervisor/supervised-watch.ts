/**
 * The node's end of the supervisor (main.ts): starts it, tells it of every slot's process, and hears its judgements.
 *
 * It fails closed. A supervisor that has ended, or has not answered for some seconds, is a verdict to stop; the node
 * freezes its slots itself, then, and starts another one. A node that starts tries so a few times, and then ends with the
 * reason: a vehicle that nobody can watch is of no use.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import type { Preferences } from '../../protocol/rules/preferences.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'
import { systemClock } from '../clock.ts'
import { readKept, writeKept } from './kept.ts'
import { Life, type LifeBounds, lifeBounds, SupervisorRefusal } from './life.ts'
import type { FromSupervisor, ToSupervisor } from './messages.ts'
import type { OwnerWatch, OwnerWatchOptions } from './owner-watch.ts'
import { PauseNote } from './pause-note.ts'

const restartMsMax = 60_000
/** A busy machine gets this many attempts, each of a minute at most, before a node that starts gives up. A guess. */
const startsMax = 3
/** A supervisor that has lived this long does not fail at once. */
const soundMs = 60_000

export class SupervisedWatch implements OwnerWatch {
  readonly #options: OwnerWatchOptions
  readonly #bounds: LifeBounds
  #preferences: Preferences
  readonly #handlers = new Set<(judgement: Judgement) => void>()
  readonly #children = new Map<number, number | null>()
  readonly #pause: PauseNote
  readonly #unheeded: (() => void)[] = []
  #life: Life | undefined
  #judgement = unwatched('it has only just started')
  #energyRate: EnergyRate
  #restartMs: number
  #timer: NodeJS.Timeout | undefined
  #trafficBytes = 0
  #hasStarted = false
  #stopped = false

  /**
   * Resolves with the first judgement. Throws Error of one sentence when a source of signals is not understood, or the
   * supervisor does not start. `bounds`: other ones than the default, for tests.
   */
  static async start(options: OwnerWatchOptions, bounds: Partial<LifeBounds> = {}): Promise<SupervisedWatch> {
    const watch = new SupervisedWatch(options, { ...lifeBounds, ...bounds })
    try {
      for (let attempt = 1; !(await watch.#starts(attempt)); attempt += 1)
        await delay(watch.#bounds.restartMsMin * attempt)
      return watch
    } catch (error) {
      await watch.stop()
      throw error
    }
  }

  private constructor(options: OwnerWatchOptions, bounds: LifeBounds) {
    this.#options = options
    this.#bounds = bounds
    this.#preferences = options.preferences
    this.#restartMs = bounds.restartMsMin
    this.#pause = new PauseNote(options.journal, options.log)
    this.#energyRate = { joulesPerCpuSecond: options.slotWatts, basis: 'estimated' }
  }

  judgement(): Judgement {
    return this.#judgement
  }

  get energyRate(): EnergyRate {
    return this.#energyRate
  }

  /** The process id of the supervisor; undefined while there is none. */
  get pid(): number | undefined {
    return this.#life?.pid
  }

  onChange(handler: (judgement: Judgement) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  async pause(untilMs: number | null, isDate = false): Promise<void> {
    this.#pause.write({ untilMs, isDate })
    await this.#heeded({ type: 'pause', untilMs, isDate })
  }

  async resume(): Promise<void> {
    this.#pause.write(null)
    await this.#heeded({ type: 'resume' })
  }

  async setPreferences(preferences: Preferences): Promise<void> {
    this.#preferences = preferences
    await this.#heeded({ type: 'preferences', preferences })
  }

  began(pid: number, startedTicks: number | null): void {
    this.#children.set(pid, startedTicks)
    this.#life?.say({ type: 'child', pid, startedTicks })
  }

  ended(pid: number): void {
    this.#children.delete(pid)
    this.#life?.say({ type: 'gone', pid })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#handlers.clear()
    clearTimeout(this.#timer)
    for (const resolve of this.#unheeded.splice(0)) resolve()
    await this.#life?.end()
  }

  /** Tells whether the supervisor has judged; otherwise it is worth another attempt. Throws Error where it is not. */
  async #starts(attempt: number): Promise<boolean> {
    try {
      await this.#begin()
      return true
    } catch (error) {
      const why = (error as Error).message
      if (error instanceof SupervisorRefusal) throw new Error(why, { cause: error })
      if (attempt === startsMax)
        throw new Error(
          `the supervisor, a process that watches the vehicle's signals for this node, did not start in ${attempt} attempts: ${why}`,
          { cause: error },
        )
      this.#options.log.warn({ why, attempt }, 'the supervisor did not start, and is started again')
      return false
    }
  }

  async #begin(): Promise<void> {
    const { signals, network, slotWatts, journal, log } = this.#options
    const sinceMs = systemClock.monotonicMs()
    const life = new Life(this.#bounds, {
      hear: (message) => this.#hear(message),
      slow: (seconds, missing) =>
        this.#options.log.warn(
          { seconds, missing },
          'the supervisor takes long to start: this machine is busy, and nothing works until then',
        ),
      ended: (why) => this.#ended(life, why, systemClock.monotonicMs() - sinceMs),
      trafficBytes: () => this.#newTraffic(),
    })
    this.#life = life
    life.say({
      type: 'begin',
      preferences: this.#preferences,
      signals: [...signals],
      network,
      slotWatts,
      kept: readKept(journal, log),
      pause: this.#pause.read(),
      logLevel: log.level,
    })
    for (const [pid, startedTicks] of this.#children) life.say({ type: 'child', pid, startedTicks })
    await life.judged
    this.#hasStarted = true
  }

  /** A supervisor that ends before it has heeded this hears of it at its next start, and meanwhile all stands still. */
  async #heeded(message: ToSupervisor): Promise<void> {
    if (this.#life === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#unheeded.push(resolve)
    this.#life.say(message)
    await promise
  }

  #hear(message: FromSupervisor): void {
    switch (message.type) {
      case 'heeded':
        this.#unheeded.shift()?.()
        break
      case 'judged':
        this.#energyRate = message.energyRate
        this.#judge(message.judgement)
        break
      case 'keep':
        writeKept(this.#options.journal, message.kept, this.#options.log)
        break
      case 'log':
        this.#repeat(message.line)
        break
      case 'tock':
      case 'failed':
        break // its life's affair
    }
  }

  #judge(judgement: Judgement): void {
    this.#judgement = judgement
    for (const handler of this.#handlers) handler(judgement)
  }

  #repeat(line: string): void {
    try {
      const { level, time: _, msg, ...facts } = JSON.parse(line)
      const { log } = this.#options
      const method = level >= 50 ? 'error' : level >= 40 ? 'warn' : level >= 30 ? 'info' : 'debug'
      log[method](facts, String(msg))
    } catch {
      // Cut off: it was longer than any line of a log should be.
    }
  }

  #ended(life: Life, why: string, livedMs: number): void {
    if (this.#life !== life || this.#stopped) return
    this.#life = undefined
    this.#judge(unwatched(why))
    for (const resolve of this.#unheeded.splice(0)) resolve()
    if (!this.#hasStarted) return // whoever starts it hears why
    if (livedMs >= soundMs) this.#restartMs = this.#bounds.restartMsMin
    this.#options.log.error(
      { why, restartMs: this.#restartMs },
      'nobody watches the vehicle’s signals: everything stands still until the supervisor has started again',
    )
    this.#timer = setTimeout(() => void this.#begin().catch(() => undefined), this.#restartMs)
    this.#restartMs = Math.min(restartMsMax, this.#restartMs * 2)
  }

  /** At every tick. */
  #newTraffic(): number {
    this.#pause.look()
    const bytes = this.#options.trafficBytes()
    const news = bytes - this.#trafficBytes
    this.#trafficBytes = bytes
    return Math.max(0, news)
  }
}

/** Returns the judgement that holds while nobody watches. */
function unwatched(why: string): Judgement {
  const rule = {
    code: 'unwatched',
    verdict: 'stop',
    value: `nobody watches the signals: ${why}`.slice(0, 256),
    limit: 'the supervisor runs',
    preference: null,
  } as const
  return { verdict: 'stop', reasons: [rule.code], rules: [rule], availableUntilMs: null }
}
