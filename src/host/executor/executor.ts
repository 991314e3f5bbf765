/**
 * Runs a vehicle's work in child processes. The node has no other way to inference.
 *
 * One process per slot, because only a process can be frozen within a millisecond, bounded in memory and
 * ended at any point (a worker thread with native ORT took the whole process down, 3 times of 3). How a
 * child is confined stands in isolation.ts, how its failures become records in lane.ts.
 */
import type {
  DocumentShape,
  DrawnPage,
  EngineDescription,
  Inspecting,
  Refusal,
  RuntimeOptions,
} from '../../runtimes/messages.ts'
import { type RuntimeModule, type Runtimes, runtimes, shapeByLength } from '../../runtimes/registry.ts'
import { Child, type ChildHandlers } from './child.ts'
import {
  type ChildObserver,
  type Executor,
  type ExecutorLog,
  type NamedBytes,
  type SessionSpec,
  SlotFailed,
  SlotKilled,
  type UnitCounter,
  type WithheldEngine,
} from './contract.ts'
import { type Described, describedBy } from './describing.ts'
import { EmptyFolders } from './empty-folders.ts'
import {
  childCommand,
  childEnvironment,
  describingCommand,
  type GivenFile,
  type Isolation,
  pathInChild,
  probeIsolation,
} from './isolation.ts'
import { Lane, type LaneOptions } from './lane.ts'
import type { Answer, Request } from './lane-queue.ts'
import { defaultLimits, type ExecutorLimits } from './limits.ts'
import type { ReadText } from './memory-groups.ts'
import { isAccelerated, isNative, missingFor, unconfined, whyNot } from './native.ts'
import { MemoryKills } from './out-of-memory.ts'
import { accelerators } from './own-root.ts'
import { inspectWallFactor, ProcessCounter, refusalsOfFaults, shapeIn } from './shapes.ts'
import { ProcessSlot } from './slot.ts'
import { statOf } from './usage.ts'

export interface ExecutorOptions {
  readonly log: ExecutorLog
  /** Those that its children can run; left out: those that come along. */
  readonly runtimes?: Runtimes | undefined
  readonly limits?: Partial<ExecutorLimits>
  /** Reads what the system tells about memory; its own files by default. */
  readonly readText?: ReadText
  /** The machine's owner lets work use its graphics processor. */
  readonly mayAccelerate?: boolean
  /** The folders in which the tools of isolation are looked for; the system's own by default. */
  readonly toolFolders?: readonly string[]
}

export class ProcessExecutor implements Executor {
  readonly #limits: ExecutorLimits
  readonly #log: ExecutorLog
  readonly #runtimes: Runtimes
  readonly #modules: readonly RuntimeModule[]
  readonly #slots: ProcessSlot[] = []
  readonly #children = new Set<Child>()
  readonly #folders = new EmptyFolders()
  readonly #isolation: Promise<Isolation>
  #described: Promise<Described> | null = null
  readonly #killAll = () => {
    for (const child of this.#children) child.kill()
    this.#folders.removeAll()
  }
  readonly #memoryKills: MemoryKills
  readonly #mayAccelerate: boolean
  #killedByMemory = 0
  #observer: ChildObserver | null = null
  #halted = false
  #inspector: Lane | null = null
  #closed = false

  constructor(options: ExecutorOptions) {
    const { log, runtimes: known = runtimes, limits, readText, toolFolders, mayAccelerate = false } = options
    this.#mayAccelerate = mayAccelerate
    this.#memoryKills = new MemoryKills(readText)
    this.#log = log
    this.#runtimes = known
    this.#modules = Object.values(known).flatMap(({ module }) => module ?? [])
    this.#limits = { ...defaultLimits, ...limits }
    this.#isolation = probeIsolation(this.#limits, log, toolFolders, this.#modules)
    // Frozen children would outlive a parent that exits, where setpriv is missing.
    process.on('exit', this.#killAll)
  }

  get slotBytesMax(): number {
    return this.#limits.privateBytesMax
  }

  get killedByMemory(): number {
    return this.#killedByMemory
  }

  /**
   * Describes the engines that this machine can run, without those that it cannot confine. Takes a second, since it hashes
   * every engine.
   */
  async describeEngines(): Promise<EngineDescription[]> {
    const [{ engines }, isolation] = await Promise.all([this.#describe(), this.#isolation])
    return engines.filter((engine) => this.#missingFor(engine, isolation).length === 0)
  }

  async withheldEngines(): Promise<WithheldEngine[]> {
    const [{ engines, absent }, isolation] = await Promise.all([this.#describe(), this.#isolation])
    return [...absent, ...unconfined(engines, isolation, this.#runtimes)]
  }

  /** For as long as the executor lives: a vehicle has as many slots as its owner allows. */
  openSlot(): ProcessSlot {
    const slot = new ProcessSlot({
      spawn: (session, handlers, files) => this.#spawn(session, handlers, this.#observer, files),
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
   * Reads a document's shape; may be called many times without waiting. A document
   * that breaks its reader, or overruns a limit, is refused: it would do the same to every vehicle. Rejects with SlotFailed
   * where this machine cannot read any.
   */
  async inspect(
    runtime: string,
    document: Uint8Array,
    { options, passwords }: Inspecting = plain,
  ): Promise<DocumentShape> {
    const known = shapeByLength(runtime, document.byteLength, this.#runtimes)
    if (known !== undefined) return known
    return shapeIn(await this.#look({ type: 'inspect', runtime, options, passwords }, document))
  }

  openCounter(session: SessionSpec): UnitCounter {
    const spawn: LaneOptions['spawn'] = (handlers, files) => this.#spawn(session, handlers, null, files)
    return new ProcessCounter({ spawn, limits: this.#limits, log: this.#log }, session)
  }

  /** Cuts a document into files for groups of its pages, as the runtime's `cut` does; or answers why it cannot be cut. */
  async cut(
    runtime: string,
    document: Uint8Array,
    passwords: readonly string[],
    groups: readonly (readonly number[])[],
  ): Promise<readonly Uint8Array[] | Refusal> {
    const { said, body } = await this.#look({ type: 'cut', runtime, passwords, groups }, document)
    if (said.type === 'fault') return refusalsOfFaults[said.code]
    if (said.type !== 'pieces') throw new SlotFailed(`a cut was answered by '${said.type}'`)
    const pieces: Uint8Array[] = []
    let at = 0
    for (const size of said.sizes) {
      pieces.push(body.slice(at, at + size))
      at += size
    }
    return pieces
  }

  /** Draws a page, counted from 0, for people to look at; null where no picture can be made of it. Rejects with SlotFailed. */
  async draw(
    runtime: string,
    document: Uint8Array,
    page: number,
    dpi: number | null,
  ): Promise<DrawnPage | null> {
    const { said, body } = await this.#look({ type: 'draw', runtime, page, dpi }, document)
    if (said.type === 'fault') return null
    if (said.type !== 'drawn') throw new SlotFailed(`a page to draw was answered by '${said.type}'`)
    if (said.size === null) return null
    if (body.byteLength !== said.size.width * said.size.height)
      throw new SlotFailed('a page was drawn with too few pixels, or too many')
    return { ...said.size, pixels: body }
  }

  /** Loads a job's only weight, as vehicles will, in the child that inspects documents; answers with why they would not, or null. */
  async tryWeight(
    runtime: string,
    { name, bytes }: NamedBytes,
    options: RuntimeOptions,
  ): Promise<string | null> {
    const { said } = await this.#look({ type: 'try', runtime, name, options }, bytes)
    if (said.type === 'fault') return refusalsOfFaults[said.code].what
    if (said.type !== 'tried') throw new SlotFailed(`a trial was answered by '${said.type}'`)
    return said.fault
  }

  /** In a child that is kept warm for it. */
  #look(request: Request, body: Uint8Array): Promise<Answer> {
    if (this.#inspector === null || this.#inspector.failure !== null) {
      this.#inspector = new Lane({
        spawn: (handlers) => this.#spawn(null, handlers, null),
        session: null,
        limits: this.#limits,
        log: this.#log,
        frozen: false,
      })
    }
    const { inspectMsMax, loadMsMax } = this.#limits
    const cpuMsMax = request.type === 'try' ? loadMsMax : inspectMsMax
    return this.#inspector.ask(request, body, { cpuMsMax, wallMsMax: cpuMsMax * inspectWallFactor })
  }

  /** Kills every child; resolves when they are gone, and whatever tried the system's tools. Pending requests reject with SlotKilled. */
  async close(): Promise<void> {
    this.#closed = true
    process.off('exit', this.#killAll)
    const probed = Promise.allSettled([this.#isolation])
    await Promise.all([this.#inspector?.kill(), ...this.#slots.map((slot) => slot.kill()), probed])
  }

  #describe(): Promise<Described> {
    this.#described ??= this.#isolation.then((isolation) =>
      describedBy(describingCommand(isolation, this.#limits, this.#modules, this.#mayAccelerate)),
    )
    // Whoever asks next tries again.
    this.#described.catch(() => {
      this.#described = null
    })
    return this.#described
  }

  #missingFor(engine: { readonly runtime: string; readonly engine: string }, isolation: Isolation) {
    return missingFor(engine, isolation, this.#runtimes)
  }

  /** Says more of a child's end, where the kernel ended it. */
  #reasonFor(said: string): string {
    if (!said.startsWith('SIGKILL') || !this.#memoryKills.take()) return said
    this.#killedByMemory += 1
    return `out of memory: the kernel ended it, as memory ran out ${said}`
  }

  async #spawn(
    session: SessionSpec | null,
    handlers: ChildHandlers,
    observer: ChildObserver | null,
    files: readonly GivenFile[] = [],
  ): Promise<Child> {
    const isolation = await this.#isolation
    if (this.#closed) throw new SlotKilled()
    // Whoever asked has not looked at what is offered.
    const missing = session === null ? [] : this.#missingFor(session, isolation)
    if (missing.length > 0) throw new SlotFailed(whyNot(missing))
    const isTrusted = session !== null && isNative(session)
    const devices = session !== null && isAccelerated(session) ? accelerators() : []
    const given = { files, devices, modules: this.#modules }
    const command = childCommand(isolation, this.#limits, isTrusted, given)
    const folder = isolation.missing.includes('root') ? this.#folders.make() : '/'
    const onClose = (said: string) => {
      const reason = this.#reasonFor(said)
      this.#children.delete(child)
      this.#folders.remove(folder)
      if (child.pid !== undefined) observer?.ended(child.pid)
      handlers.onClose(reason)
    }
    const pathOf = (file: GivenFile) => pathInChild(isolation, file)
    const child = new Child(
      command,
      { ...handlers, onClose },
      { cwd: folder, env: childEnvironment(isolation), pathOf },
    )
    this.#children.add(child)
    // In this turn of the event loop: until it ends, nobody can have waited for the child, and its pid is its own.
    if (child.pid !== undefined) observer?.began(child.pid, statOf(child.pid)?.startedTicks ?? null)
    return child
  }
}

const plain: Inspecting = { options: {}, passwords: [] }
