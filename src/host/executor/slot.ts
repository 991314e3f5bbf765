/**
 * A slot: room for one child at a time, which keeps its session warm until another one is asked for.
 *
 * Switching sessions means another process, never a second `load` in the same one: a module that has
 * escaped from V8's sandbox unnoticed must not meet the next job's documents.
 */
import { concat } from 'uint8arrays'
import type { ScoredClaim } from '../../runtimes/messages.ts'
import type { Child, ChildHandlers } from './child.ts'
import {
  type ExecutorLog,
  type PageLimits,
  type RecordResult,
  type SessionSpec,
  type Slot,
  SlotFailed,
  SlotKilled,
} from './contract.ts'
import type { GivenFile } from './isolation.ts'
import { Lane } from './lane.ts'
import type { Answer, Fault, Request } from './lane-queue.ts'
import type { ExecutorLimits } from './limits.ts'

export interface SlotOptions {
  readonly spawn: (
    session: SessionSpec,
    handlers: ChildHandlers,
    files: readonly GivenFile[],
  ) => Promise<Child>
  readonly limits: ExecutorLimits
  readonly log: ExecutorLog
}

/** Stable, since they are part of a record: no number that differs between vehicles. */
const faultMessages: Readonly<Record<Fault, string>> = {
  'cpu-limit': 'took too much CPU time',
  'time-limit': 'took too long',
  'memory-limit': 'needed too much memory',
  crash: 'ended the process',
}

export class ProcessSlot implements Slot {
  readonly #options: SlotOptions
  #lane: Lane | null = null
  #key: string | null = null
  #frozen = false
  /** Nothing runs on this machine, even if somebody resumes the slot. */
  #halted = false
  /** Prepares are taken one after another; a kill makes the ones that wait void. */
  #turn: Promise<unknown> = Promise.resolve()
  #kills = 0

  constructor(options: SlotOptions) {
    this.#options = options
  }

  /**
   * Makes sure that this slot's child has the session loaded. Runs of the session before are finished first.
   * Rejects with SessionRefused (the weights' or options' fault), SlotFailed (this vehicle's) or SlotKilled.
   */
  prepare(session: SessionSpec): Promise<void> {
    const kills = this.#kills
    const prepared = this.#turn.then(() => this.#prepare(session, kills))
    this.#turn = prepared.catch(() => undefined)
    return prepared
  }

  /**
   * Runs one page, counted from 0, in the session that was prepared last. May be called many times without waiting:
   * the child takes them in order. A fault of the document is in the result; the promise rejects with SlotKilled or
   * SlotFailed only, which say nothing about the document.
   */
  async run(document: Uint8Array, page: number, asked?: Partial<PageLimits>): Promise<RecordResult> {
    const answer = await this.#ask({ type: 'run', page }, document, asked)
    const { said, body: output, cpuMs, wallMs } = answer
    if (said.type === 'record') {
      const { text, error, units, log } = said
      const more = { ...(units && { units }), ...(log === undefined ? {} : { log }) }
      return { output, text, error, cpuMs, wallMs, ...more }
    }
    if (said.type !== 'fault') throw new SlotFailed(`a run was answered by '${said.type}'`)
    const error = { code: said.code, message: faultMessages[said.code] }
    return { output, text: '', error, cpuMs, wallMs }
  }

  /** As `run`. */
  async score(
    document: Uint8Array,
    page: number,
    claimed: Uint8Array,
    asked?: Partial<PageLimits>,
  ): Promise<ScoredClaim | null> {
    const request = { type: 'score', page, documentBytes: document.byteLength } as const
    const { said } = await this.#ask(request, concat([document, claimed]), asked)
    if (said.type === 'fault') return null
    if (said.type !== 'scored') throw new SlotFailed(`a claim was answered by '${said.type}'`)
    return said.score
  }

  #ask(
    request: Extract<Request, { readonly unitsMax?: number }>,
    body: Uint8Array,
    { unitsMax, ...limits }: Partial<PageLimits> = {},
  ): Promise<Answer> {
    if (this.#lane === null)
      throw this.#kills > 0 ? new SlotKilled() : new SlotFailed('no session is prepared')
    const { cpuMsMax, wallMsMax } = this.#options.limits
    const asked = unitsMax === undefined ? request : { ...request, unitsMax }
    return this.#lane.ask(asked, body, { cpuMsMax, wallMsMax, ...limits })
  }

  holdBack(isHeld: boolean): void {
    this.#lane?.holdBack(isHeld)
  }

  /** The child computes nothing from here on, keeps its memory, and is not held to the clock meanwhile. */
  freeze(): void {
    this.#frozen = true
    this.#lane?.freeze()
  }

  resume(): void {
    this.#frozen = false
    if (!this.#halted) this.#lane?.resume()
  }

  /**
   * Freezes the slot, with no memory in use, until `proceed`; it then does all pending requests from their beginning.
   */
  halt(): void {
    this.#halted = true
    this.#lane?.freeze()
    this.#lane?.evict()
  }

  proceed(): void {
    this.#halted = false
    if (!this.#frozen) this.#lane?.resume()
  }

  /** Rejects what is pending with SlotKilled; resolves when the child's memory is free. The slot may be prepared again. */
  async kill(): Promise<void> {
    this.#kills += 1
    const lane = this.#lane
    this.#lane = null
    this.#key = null
    await lane?.kill()
  }

  async #prepare(session: SessionSpec, kills: number): Promise<void> {
    if (this.#key !== session.key || this.#lane === null || this.#lane.failure !== null) {
      await this.#lane?.idle()
      await this.#lane?.kill()
      if (kills !== this.#kills) throw new SlotKilled()
      const { spawn, limits, log } = this.#options
      this.#key = session.key
      this.#lane = new Lane({
        spawn: (handlers, files) => spawn(session, handlers, files),
        session,
        limits,
        log,
        frozen: this.#frozen || this.#halted,
      })
    }
    return this.#lane.ready()
  }
}
