/** Runs the batches of all tenants, and tells who watches one of them of each change. */
import { EventEmitter } from 'node:events'
import { Turns } from '../host/turns.ts'
import { BatchRun } from './batch-run.ts'
import { type Batch, isOver } from './batches.ts'
import type { RunContext, RunnerParts } from './run-context.ts'

/** How often files whose time is over are looked for. */
const expiryLookMs = 600_000
/** … and where there were more of them than one look removes. */
const moreLookMs = 1_000
/** How long a batch waits whose run the disk has broken off. A guess. */
const againMs = 60_000

export class Runner {
  /** Emits 'change' with the id of a batch that has changed. */
  readonly changes = new EventEmitter().setMaxListeners(0)
  readonly #context: RunContext
  readonly #runs = new Map<string, { readonly run: BatchRun; readonly over: Promise<void> }>()
  readonly #turns = new Turns()
  /** Batches that are tried again. */
  readonly #waiting = new Map<string, { readonly run: BatchRun; readonly callOff: () => void }>()
  #isStopped = false
  #callOffExpiry = () => {}
  #callOffFiles = () => {}
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
      .catch((error) => this.#tryLater(batch, run, error))
      .finally(() => this.#runs.delete(batch.id))
    this.#runs.set(batch.id, { run, over })
  }

  /** A disk that is full has room again some time, and what is noted by then is where the batch goes on. */
  #tryLater({ id }: Batch, run: BatchRun, error: unknown): void {
    if (this.#isStopped) return
    const { clock, log } = this.#context
    log.error({ batch: id, error }, 'a batch waits, since it cannot be noted; it is tried again in a minute')
    const callOff = clock.after(againMs, () => this.#again(id))
    this.#waiting.set(id, { run, callOff })
  }

  /** Tries a batch again that waits. */
  #again(id: string): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    waiting.callOff()
    const batch = this.#context.batches.byId(id)
    if (batch !== undefined && !isOver(batch.status)) this.begin(batch)
    // Only now: the next run keeps the input by itself.
    waiting.run.letGo()
  }

  cancel(batch: string): void {
    this.#again(batch)
    this.#runs.get(batch)?.run.cancel()
  }

  /** Resolves when nothing of them is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#callOffExpiry()
    this.#callOffFiles()
    for (const { callOff } of this.#waiting.values()) callOff()
    const runs = [...this.#runs.values()]
    for (const { run } of runs) run.stop()
    await Promise.all([...runs.map(({ over }) => over), this.#looking])
  }

  #expire(): void {
    const { clock, batches, node, log } = this.#context
    this.#callOffFiles()
    this.#expireFiles()
    this.#looking = batches.kept.look(clock.now(), node.api).catch((error) => {
      log.warn({ error }, 'jobs of batches that are over cannot be let go')
    })
    this.#callOffExpiry = clock.after(expiryLookMs, () => this.#expire())
  }

  /** Some now, and the rest soon after. Files that cannot go stop no node. */
  #expireFiles(): void {
    const { clock, files, log } = this.#context
    try {
      if (files.expire()) this.#callOffFiles = clock.after(moreLookMs, () => this.#expireFiles())
    } catch (error) {
      log.warn({ error }, 'files whose time is over cannot be removed')
    }
  }
}
