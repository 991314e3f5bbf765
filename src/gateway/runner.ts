/** Runs the batches of all tenants, and tells who watches one of them of each change. */
import { EventEmitter } from 'node:events'
import { Turns } from '../host/turns.ts'
import { BatchRun } from './batch-run.ts'
import type { Batch } from './batches.ts'
import type { RunContext, RunnerParts } from './run-context.ts'

/** How often files whose time is over are looked for. */
const expiryLookMs = 600_000

export class Runner {
  /** Emits 'change' with the id of a batch that has changed. */
  readonly changes = new EventEmitter().setMaxListeners(0)
  readonly #context: RunContext
  readonly #runs = new Map<string, { readonly run: BatchRun; readonly over: Promise<void> }>()
  readonly #turns = new Turns()
  #callOffExpiry = () => {}
  #looking: Promise<void> = Promise.resolve()

  constructor(parts: RunnerParts) {
    this.#context = { ...parts, changed: (batch) => this.changes.emit('change', batch) }
  }

  /** Goes on with all batches that have not ended. */
  start(): void {
    for (const batch of this.#context.batches.underWay()) this.begin(batch)
    this.#expire()
  }

  begin(batch: Batch): void {
    const run = new BatchRun(batch, this.#context)
    // Reading and storing a file keeps the disk busy: one after another, and nobody waits for another tenant's.
    const over = run
      .run((prepare) => this.#turns.inTurn(batch.tenant, prepare))
      .finally(() => this.#runs.delete(batch.id))
    this.#runs.set(batch.id, { run, over })
  }

  cancel(batch: string): void {
    this.#runs.get(batch)?.run.cancel()
  }

  /** Resolves when nothing of them is under way any more. */
  async stop(): Promise<void> {
    this.#callOffExpiry()
    const runs = [...this.#runs.values()]
    for (const { run } of runs) run.stop()
    await Promise.all([...runs.map(({ over }) => over), this.#looking])
  }

  #expire(): void {
    const { clock, files, batches, node, log } = this.#context
    files.expire(clock.now())
    this.#looking = batches.kept.look(clock.now(), node.api).catch((error) => {
      log.warn({ error }, 'jobs of batches that are over cannot be let go')
    })
    this.#callOffExpiry = clock.after(expiryLookMs, () => this.#expire())
  }
}
