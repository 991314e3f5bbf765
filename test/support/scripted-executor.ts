/** An executor that starts no process: a function of the test answers for each page, at once or when the test lets it. */
import {
  type Executor,
  type RecordResult,
  type Slot,
  SlotFailed,
  SlotKilled,
} from '../../src/host/executor/contract.ts'
import { shardCostMsTarget } from '../../src/protocol/limits.ts'
import type { DocumentShape, EngineDescription } from '../../src/runtimes/messages.ts'

/**
 * What the slots of one node make of a document's text. A vehicle that is honest gives the text back; one that lies gives
 * another; one whose answer the test holds back is slow; one that throws fails, and its vehicle with it.
 */
export type Script = (text: string) => string | Promise<string>

export const honest: Script = (text) => text

export const scriptedEngine: EngineDescription = {
  runtime: 'wasm',
  engine: 'exact',
  id: 'scripted',
  isa: null,
  agreement: 'bytes',
}

export class ScriptedExecutor implements Executor {
  readonly #script: Script
  readonly #slots: ScriptedSlot[] = []

  constructor(script: Script) {
    this.#script = script
  }

  async describeEngines(): Promise<readonly EngineDescription[]> {
    return [scriptedEngine]
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
  #killed = Promise.withResolvers<never>()
  #thawed = Promise.withResolvers<void>()

  constructor(script: Script) {
    this.#script = script
    this.#killed.promise.catch(() => undefined)
    this.#thawed.resolve()
  }

  async prepare(): Promise<void> {}

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
      const text = await this.#script(document)
      await this.#thawed.promise
      return { output: Buffer.from(JSON.stringify({ text })), text, error: null, cpuMs: 1, wallMs: 1 }
    } catch (error) {
      throw new SlotFailed(`the script failed: ${(error as Error).message}`)
    }
  }
}
