/**
 * Runs a vehicle's work in child processes. The node has no other way to inference.
 *
 * One process per slot, because only a process can be frozen within a millisecond, bounded in memory and
 * ended at any point (a worker thread with native ORT took the whole process down, 3 times of 3). How a
 * child is confined stands in isolation.ts, how its failures become records in lane.ts.
 */
import type { DocumentShape, EngineDescription } from '../../runtimes/messages.ts'
import { Child, type ChildHandlers } from './child.ts'
import { type ChildObserver, type Executor, type ExecutorLog, SlotFailed, SlotKilled } from './contract.ts'
import { childCommand, childMain, type Isolation, probeIsolation } from './isolation.ts'
import { Lane } from './lane.ts'
import { defaultLimits, type ExecutorLimits } from './limits.ts'
import { ProcessSlot } from './slot.ts'
import { statOf } from './usage.ts'

export interface ExecutorOptions {
  readonly log: ExecutorLog
  readonly limits?: Partial<ExecutorLimits>
}

export class ProcessExecutor implements Executor {
  readonly #limits: ExecutorLimits
  readonly #log: ExecutorLog
  readonly #slots: ProcessSlot[] = []
  readonly #children = new Set<Child>()
  readonly #isolation: Promise<Isolation>
  readonly #killAll = () => {
    for (const child of this.#children) child.kill()
  }
  #observer: ChildObserver | null = null
  #halted = false
  #inspector: Lane | null = null
  #closed = false

  constructor({ log, limits }: ExecutorOptions) {
    this.#log = log
    this.#limits = { ...defaultLimits, ...limits }
    this.#isolation = probeIsolation(this.#limits, log)
    // Frozen children would outlive a parent that exits, where setpriv is missing.
    process.on('exit', this.#killAll)
  }

  /** Describes the engines that this machine can run. Takes a second, since it hashes every engine. */
  describeEngines(): Promise<EngineDescription[]> {
    const { promise, resolve, reject } = Promise.withResolvers<EngineDescription[]>()
    new Child([process.execPath, childMain, '--describe'], {
      onFrame: (header) => header.type === 'hello' && resolve([...header.engines]),
      onClose: (reason) => reject(new SlotFailed(`engines are not described: ${reason}`)),
    })
    return promise
  }

  /** For as long as the executor lives: a vehicle has as many slots as its owner allows. */
  openSlot(): ProcessSlot {
    const slot = new ProcessSlot({
      // Engines that are not exact are native addons.
      spawn: ({ engine }, handlers) => this.#spawn(engine !== 'exact', handlers, this.#observer),
      limits: this.#limits,
      log: this.#log,
    })
    if (this.#halted) slot.halt()
    this.#slots.push(slot)
    return slot
  }

  /** From now on, of the children of slots. The one that reads documents' shapes is not among them: its owner waits for it. */
  observe(observer: ChildObserver): void {
    this.#observer = observer
  }

  /** Ends every slot's process, and starts none until `proceed`. */
  halt(): void {
    this.#halted = true
    for (const slot of this.#slots) slot.halt()
  }

  proceed(): void {
    this.#halted = false
    for (const slot of this.#slots) slot.proceed()
  }

  /**
   * Reads a document's shape, in a child that is kept warm for it; may be called many times without waiting.
   * A document that cannot be read is one page, whose record will say why. Rejects with SlotFailed where
   * reading it crashed or overran a limit: to call that one page, too, could lose the others silently.
   */
  async inspect(runtime: string, document: Uint8Array): Promise<DocumentShape> {
    if (this.#inspector === null || this.#inspector.failure !== null) {
      this.#inspector = new Lane({
        spawn: (handlers) => this.#spawn(false, handlers, null),
        session: null,
        limits: this.#limits,
        log: this.#log,
        frozen: false,
      })
    }
    const { inspectMsMax } = this.#limits
    const limits = { cpuMsMax: inspectMsMax, wallMsMax: inspectMsMax }
    const { said } = await this.#inspector.ask({ type: 'inspect', runtime }, document, limits)
    if (said.type !== 'shape')
      throw new SlotFailed(`inspection failed: ${said.type === 'fault' ? said.code : said.type}`)
    return { pages: said.pages, pageCostMs: said.pageCostMs }
  }

  /** Kills every child; resolves when they are gone. Pending requests reject with SlotKilled. */
  async close(): Promise<void> {
    this.#closed = true
    process.off('exit', this.#killAll)
    await Promise.all([this.#inspector?.kill(), ...this.#slots.map((slot) => slot.kill())])
  }

  async #spawn(trusted: boolean, handlers: ChildHandlers, observer: ChildObserver | null): Promise<Child> {
    const isolation = await this.#isolation
    if (this.#closed) throw new SlotKilled()
    const child = new Child(childCommand(isolation, this.#limits, trusted), {
      ...handlers,
      onClose: (reason) => {
        this.#children.delete(child)
        if (child.pid !== undefined) observer?.ended(child.pid)
        handlers.onClose(reason)
      },
    })
    this.#children.add(child)
    // In this turn of the event loop: until it ends, nobody can have waited for the child, and its pid is its own.
    if (child.pid !== undefined) observer?.began(child.pid, statOf(child.pid)?.startedTicks ?? null)
    return child
  }
}
