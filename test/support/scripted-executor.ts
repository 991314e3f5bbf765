/** An executor that starts no process: a function of the test answers for each page, at once or when the test lets it. */
import {
  type Executor,
  type RecordResult,
  type SessionSpec,
  type Slot,
  SlotFailed,
  SlotKilled,
} from '../../src/host/executor/contract.ts'
import { shardCostMsTarget } from '../../src/protocol/limits.ts'
import type { DocumentShape, EngineDescription } from '../../src/runtimes/messages.ts'

/** A whole answer, where a test needs more than a text. */
export type Said = Pick<RecordResult, 'output' | 'text' | 'error' | 'log'>

/**
 * What the slots of one node make of a document's text. A vehicle that is honest gives the text back; one that lies gives
 * another; one whose answer the test holds back is slow; one that throws fails, and its vehicle with it. `engine`: the one
 * that the session was prepared for.
 */
export type Script = (text: string, engine: string) => string | Said | Promise<string | Said>

export const honest: Script = (text) => text

export const scriptedEngine: EngineDescription = {
  runtime: 'wasm',
  engine: 'exact',
  id: 'scripted',
  isa: null,
  agreement: 'bytes',
}

/** The answer of a page that reads so; `more` is what its output says beside that. */
export function said(text: string, more: object = {}): Said {
  return { output: Buffer.from(JSON.stringify({ text, ...more })), text, error: null }
}

/** The answer of a page whose machine ran out of something. */
export function ranOut(code: 'crash' | 'cpu-limit' | 'memory-limit' | 'stack-limit' | 'time-limit'): Said {
  return { output: new Uint8Array(0), text: '', error: { code, message: 'ran out' } }
}

export class ScriptedExecutor implements Executor {
  readonly #script: Script
  readonly #engines: readonly EngineDescription[]
  readonly #slots: ScriptedSlot[] = []

  constructor(script: Script, engines: readonly EngineDescription[] = [scriptedEngine]) {
    this.#script = script
    this.#engines = engines
  }

  async describeEngines(): Promise<readonly EngineDescription[]> {
    return this.#engines
  }

  openSlot(): Slot {
    const slot = new ScriptedSlot(this.#script)
    this.#slots.push(slot)
    return slot
  }

  /** One page, which costs so much that every document is a shard. */
  async inspect(): Promise<DocumentShape> {
    return { pages: 1, pageCostMs: shardCostMsTarget }
  }

  observe(): void {}

  halt(): void {
    for (const slot of this.#slots) slot.freeze()
  }

  proceed(): void {
    for (const slot of this.#slots) slot.resume()
  }

  async close(): Promise<void> {
    for (const slot of this.#slots) await slot.kill()
  }
}

class ScriptedSlot implements Slot {
  readonly #script: Script
  #engine = ''
  #killed = Promise.withResolvers<never>()
  #thawed = Promise.withResolvers<void>()

  constructor(script: Script) {
    this.#script = script
    this.#killed.promise.catch(() => undefined)
    this.#thawed.resolve()
  }

  /** Reads the weights, as a process that loads them would, and forgets them. */
  async prepare({ engine, weights }: SessionSpec): Promise<void> {
    this.#engine = engine
    try {
      for (const { read } of (await weights()).values()) for await (const _ of read());
    } catch (error) {
      throw new SlotFailed(`the weights cannot be read: ${(error as Error).message}`, { cause: error })
    }
  }

  run(document: Uint8Array): Promise<RecordResult> {
    return Promise.race([this.#execute(new TextDecoder().decode(document)), this.#killed.promise])
  }

  freeze(): void {
    this.#thawed = Promise.withResolvers()
  }

  resume(): void {
    this.#thawed.resolve()
  }

  async kill(): Promise<void> {
    this.#killed.reject(new SlotKilled())
    this.#killed = Promise.withResolvers()
    this.#killed.promise.catch(() => undefined)
  }

  async #execute(document: string): Promise<RecordResult> {
    try {
      await this.#thawed.promise
      const answer = await this.#script(document, this.#engine)
      await this.#thawed.promise
      return { ...(typeof answer === 'string' ? said(answer) : answer), cpuMs: 1, wallMs: 1 }
    } catch (error) {
      throw new SlotFailed(`the script failed: ${(error as Error).message}`)
    }
  }
}
