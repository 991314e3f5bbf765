/**
 * The node's end of the supervisor (main.ts): starts it, tells it of every slot's process, and hears its judgements.
 *
 * It fails closed. A supervisor that has ended, or has not answered for some seconds, is a verdict to stop; the node
 * freezes its slots itself, then, and starts another one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { extname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'
import { systemClock } from '../clock.ts'
import { LineReader } from '../local/lines.ts'
import { readKept, writeKept } from './kept.ts'
import { type FromSupervisor, fromSupervisorSchema, messageBytesMax, type ToSupervisor } from './messages.ts'
import type { OwnerWatch, OwnerWatchOptions } from './owner-watch.ts'
import { PauseNote } from './pause-note.ts'

const program = join(import.meta.dirname, `main${extname(import.meta.filename)}`)

/** It holds a few hundred readings and as much code as it needs; a heap that may grow grows. Measured: it runs in half. */
const nodeOptions = ['--max-old-space-size=64', '--max-semi-space-size=1']

const tickMs = 2_000
/** Ticks without an answer, counted and not timed, so that a machine that slept blames nobody. */
const silentTicksMax = 3
/** Loading takes it a second at most, on a busy machine ten times that. */
const startMsMax = 20_000
const [restartMsMin, restartMsMax] = [1_000, 60_000]
/** A supervisor that has lived this long does not fail at once. */
const soundMs = 60_000

export class SupervisedWatch implements OwnerWatch {
  readonly #options: OwnerWatchOptions
  readonly #handlers = new Set<(judgement: Judgement) => void>()
  readonly #children = new Map<number, number | null>()
  readonly #pause: PauseNote
  readonly #unheeded: (() => void)[] = []
  #life: Life | undefined
  #judgement = unwatched('it has only just started')
  #energyRate: EnergyRate
  #restartMs = restartMsMin
  #timer: NodeJS.Timeout | undefined
  #trafficBytes = 0
  #hasStarted = false
  #stopped = false

  /** Resolves with the first judgement. Throws Error of one sentence when a source of signals is not understood. */
  static async start(options: OwnerWatchOptions): Promise<SupervisedWatch> {
    const watch = new SupervisedWatch(options)
    try {
      await watch.#begin()
      return watch
    } catch (error) {
      await watch.stop()
      throw error
    }
  }

  private constructor(options: OwnerWatchOptions) {
    this.#options = options
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

  async #begin(): Promise<void> {
    const { preferences, signals, network, slotWatts, journal, log } = this.#options
    const sinceMs = systemClock.monotonicMs()
    const life = new Life({
      hear: (message) => this.#hear(message),
      ended: (why) => this.#ended(life, why, systemClock.monotonicMs() - sinceMs),
      trafficBytes: () => this.#newTraffic(),
    })
    this.#life = life
    life.say({
      type: 'begin',
      preferences,
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
      default: // its life's affair
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
    if (livedMs >= soundMs) this.#restartMs = restartMsMin
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

interface LifeHandlers {
  hear(message: FromSupervisor): void
  /** Once, unless it was told to end. */
  ended(why: string): void
  trafficBytes(): number
}

/** A process of the supervisor, from its start to its end. */
class Life {
  readonly judged: Promise<void>
  readonly #process: ChildProcess
  readonly #socket: Duplex
  readonly #gone = Promise.withResolvers<void>()
  readonly #tick: NodeJS.Timeout
  #why: string | null = null
  #silentTicks = 0

  constructor(handlers: LifeHandlers) {
    const child = spawn(process.execPath, [...nodeOptions, program], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    })
    const first = Promise.withResolvers<void>()
    first.promise.catch(() => undefined)
    const late = setTimeout(() => this.#kill('it did not start in time'), startMsMax)
    this.judged = first.promise.finally(() => clearTimeout(late))
    this.#process = child
    this.#socket = child.stdio[socketFd] as Duplex
    const reader = new LineReader(messageBytesMax)
    this.#socket.on('data', (chunk: Uint8Array) => {
      try {
        for (const line of reader.push(chunk)) {
          if (this.#why !== null) return
          const message = fromSupervisorSchema.parse(JSON.parse(line))
          if (message.type === 'tock') this.#silentTicks = 0
          if (message.type === 'failed') this.#kill(message.message)
          if (message.type === 'judged') first.resolve()
          handlers.hear(message)
        }
      } catch (error) {
        this.#kill(`it says what cannot be understood: ${(error as Error).message}`)
      }
    })
    // Its end says all that there is to say.
    this.#socket.on('error', () => undefined)
    child.on('error', (error) => this.#kill(error.message))
    const end = (why: string) => {
      clearInterval(this.#tick)
      const because = this.#why ?? why
      first.reject(new Error(because))
      this.#gone.resolve()
      handlers.ended(because)
    }
    if (child.pid === undefined) child.once('error', ({ message }) => end(message))
    else child.once('exit', (code, signal) => end(`it ended with ${signal ?? `exit code ${code}`}`))
    this.#tick = setInterval(() => {
      this.#silentTicks += 1
      if (this.#silentTicks > silentTicksMax) this.#kill('it does not answer')
      else this.say({ type: 'tick', trafficBytes: handlers.trafficBytes() })
    }, tickMs)
    this.#tick.unref()
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  say(message: ToSupervisor): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`)
  }

  /** Resolves when it is gone. */
  async end(): Promise<void> {
    this.#socket.end()
    await this.#gone.promise
  }

  #kill(why: string): void {
    this.#why ??= why
    this.#process.kill('SIGKILL')
  }
}

const socketFd = 3

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
