/** A process of the supervisor, as its node sees it: from its start to its end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { extname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { LineReader } from '../local/lines.ts'
import { type FromSupervisor, fromSupervisorSchema, messageBytesMax, type ToSupervisor } from './messages.ts'
import { Silence, type SilenceBounds } from './silence.ts'

/** It holds a few hundred readings and as much code as it needs; a heap that may grow grows. Measured: it runs in half. */
const nodeOptions = ['--max-old-space-size=64', '--max-semi-space-size=1']

const socketFd = 3

export interface LifeBounds extends SilenceBounds {
  readonly program: string
  readonly tickMs: number
  /** The first wait before it is started again. */
  readonly restartMsMin: number
}

export const lifeBounds: LifeBounds = {
  program: join(import.meta.dirname, `main${extname(import.meta.filename)}`),
  tickMs: 2_000,
  // A minute: loading takes a second at most, and took more than 8 s at a load of 12 to 16 on two cores (measured).
  startTicksMax: 30,
  slowTicks: 5,
  // A guess.
  silentTicksMax: 3,
  restartMsMin: 1_000,
}

export interface LifeHandlers {
  hear(message: FromSupervisor): void
  /** Its start takes long; `missing`: what it has not done yet. */
  slow(seconds: number, missing: string): void
  /** Once, unless it was told to end. */
  ended(why: string): void
  /** Asked at every tick. */
  trafficBytes(): number
}

/** The supervisor said itself that it cannot do what it is asked for: another attempt would not help. */
export class SupervisorRefusal extends Error {}

export class Life {
  /** Resolves with the first judgement. Rejects with SupervisorRefusal, or Error. */
  readonly judged: Promise<void>
  readonly #process: ChildProcess
  readonly #socket: Duplex
  readonly #gone = Promise.withResolvers<void>()
  readonly #tick: NodeJS.Timeout
  readonly #silence: Silence
  #why: Error | null = null

  constructor(bounds: LifeBounds, handlers: LifeHandlers) {
    const { program, tickMs } = bounds
    const child = spawn(process.execPath, [...nodeOptions, program], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      // A session of its own, which goes before all others (main.ts). It ends with its socket.
      detached: true,
    })
    const first = Promise.withResolvers<void>()
    first.promise.catch(() => undefined)
    this.judged = first.promise
    this.#process = child
    this.#socket = child.stdio[socketFd] as Duplex
    this.#silence = new Silence(bounds)
    const reader = new LineReader(messageBytesMax)
    this.#socket.on('data', (chunk: Uint8Array) => {
      try {
        for (const line of reader.push(chunk)) {
          if (this.#why !== null) return
          const message = fromSupervisorSchema.parse(JSON.parse(line))
          this.#silence.heard(message.type === 'judged')
          if (message.type === 'failed') this.#kill(new SupervisorRefusal(message.message))
          if (message.type === 'judged') first.resolve()
          handlers.hear(message)
        }
      } catch (error) {
        this.#kill(new Error(`it says what cannot be understood: ${(error as Error).message}`))
      }
    })
    // Its end says all that there is to say.
    this.#socket.on('error', () => undefined)
    child.on('error', (error) => this.#kill(error))
    const end = (why: string) => {
      clearInterval(this.#tick)
      const because = this.#why ?? new Error(why)
      this.#why = because
      first.reject(because)
      this.#gone.resolve()
      handlers.ended(because.message)
    }
    if (child.pid === undefined) child.once('error', ({ message }) => end(message))
    else child.once('exit', (code, signal) => end(`it ended with ${signal ?? `exit code ${code}`}`))
    // After what it has said meanwhile was read.
    this.#tick = setInterval(() => setImmediate(() => this.#count(bounds, handlers)), tickMs)
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

  #count({ startTicksMax, silentTicksMax, slowTicks, tickMs }: LifeBounds, handlers: LifeHandlers): void {
    if (this.#why !== null) return
    const { missing } = this.#silence
    const found = this.#silence.tick()
    if (found === 'slow') handlers.slow((slowTicks * tickMs) / 1_000, missing)
    if (found !== 'give up') {
      this.say({ type: 'tick', trafficBytes: handlers.trafficBytes() })
      return
    }
    const ticks = missing === 'an answer' ? silentTicksMax : startTicksMax
    this.#kill(new Error(`the node waited ${(ticks * tickMs) / 1_000} s for ${missing}`))
  }

  #kill(why: Error): void {
    this.#why ??= why
    this.#process.kill('SIGKILL')
  }
}
