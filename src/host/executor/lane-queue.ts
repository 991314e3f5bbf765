/** The requests that wait for a child's answer, in order, bounded by their number and their bytes. */
import type {
  FromChild,
  Inspecting,
  RecordErrorCode,
  RuntimeOptions,
  ToChild,
} from '../../runtimes/messages.ts'
import { type RunLimits, SlotFailed } from './contract.ts'
import type { ExecutorLimits } from './limits.ts'
import type { Overrun } from './watch.ts'

export type Request =
  | { readonly type: 'run'; readonly page: number; readonly unitsMax?: number }
  | {
      readonly type: 'score'
      readonly page: number
      readonly documentBytes: number
      readonly unitsMax?: number
    }
  | { readonly type: 'count' }
  | ({ readonly type: 'inspect'; readonly runtime: string } & Inspecting)
  | {
      readonly type: 'cut'
      readonly runtime: string
      readonly passwords: readonly string[]
      readonly groups: readonly (readonly number[])[]
    }
  | { readonly type: 'draw'; readonly runtime: string; readonly page: number; readonly dpi: number | null }
  | {
      readonly type: 'try'
      readonly runtime: string
      readonly name: string
      readonly options: RuntimeOptions
    }

export interface Answer {
  /** The child's answer, or the code under which the supervisor ended the request. */
  readonly said:
    | (FromChild & { type: 'record' | 'scored' | 'shape' | 'tried' | 'pieces' | 'drawn' })
    | { readonly type: 'fault'; readonly code: Fault }
  readonly body: Uint8Array
  readonly cpuMs: number
  readonly wallMs: number
}

export type Fault = Overrun | Extract<RecordErrorCode, 'crash'>

export interface Pending {
  readonly header: ToChild & { id: number }
  readonly body: Uint8Array
  readonly limits: RunLimits
  readonly answer: PromiseWithResolvers<Answer>
  /** Children that have ended while it was at the head. */
  crashes: number
}

export class LaneQueue {
  readonly #limits: Pick<ExecutorLimits, 'queuedRunsMax' | 'queuedBytesMax'>
  readonly #pending: Pending[] = []
  #bytes = 0
  #nextId = 0
  #idle: PromiseWithResolvers<void> | null = null

  constructor(limits: Pick<ExecutorLimits, 'queuedRunsMax' | 'queuedBytesMax'>) {
    this.#limits = limits
  }

  get length(): number {
    return this.#pending.length
  }

  get head(): Pending | undefined {
    return this.#pending[0]
  }

  [Symbol.iterator](): Iterator<Pending> {
    return this.#pending.values()
  }

  /** Throws SlotFailed when the queue is full. A single request fits in any case. */
  add(request: Request, body: Uint8Array, limits: RunLimits): Pending {
    const { queuedRunsMax, queuedBytesMax } = this.#limits
    const bytes = this.#bytes + body.byteLength
    if (this.length >= queuedRunsMax || (bytes > queuedBytesMax && this.length > 0))
      throw new SlotFailed('the queue is full')
    const header = { ...request, id: this.#nextId++ }
    const pending = { header, body, limits, answer: Promise.withResolvers<Answer>(), crashes: 0 }
    this.#pending.push(pending)
    this.#bytes = bytes
    return pending
  }

  settleHead(answer: Answer): void {
    const head = this.#pending.shift()!
    this.#bytes -= head.body.byteLength
    head.answer.resolve(answer)
    if (this.length === 0) this.#becomeIdle()
  }

  rejectAll(error: Error): void {
    for (const { answer } of this.#pending.splice(0)) answer.reject(error)
    this.#bytes = 0
    this.#becomeIdle()
  }

  /** Resolves when nothing waits for an answer. */
  async idle(): Promise<void> {
    if (this.length === 0) return
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  #becomeIdle(): void {
    this.#idle?.resolve()
    this.#idle = null
  }
}
