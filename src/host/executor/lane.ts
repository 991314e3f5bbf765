/**
 * A queue of requests that is answered by one child after another, all with the same session.
 *
 * Everything in the queue has been sent to the child already, which answers in order: no round trip stands
 * between two records. When a child ends without having been told to, only the request at the head of the
 * queue can be to blame, since the child was not yet at the others:
 *
 * - a limit that the head overran ends the head, with that limit's code, and so does the kernel that ends the child as
 *   memory ran out: begun again at once, it would take the memory again that the node needs to live;
 * - a crash is tried once more in a fresh child (someone may have killed it) and ends the head the second time;
 * - the death of a frozen child is nobody's fault.
 *
 * The rest of the queue is sent to the next child, which the caller does not notice. A child that twice
 * cannot load the session fails the lane, and with it everything that waits.
 */
import type { FromChild } from '../../runtimes/messages.ts'
import type { Child, ChildHandlers } from './child.ts'
import {
  type ExecutorLog,
  type RunLimits,
  SessionRefused,
  type SessionSpec,
  SlotFailed,
  SlotKilled,
  type WeightFile,
} from './contract.ts'
import type { GivenFile } from './isolation.ts'
import { type Answer, type Fault, LaneQueue, type Pending, type Request } from './lane-queue.ts'
import type { ExecutorLimits } from './limits.ts'
import { Stopwatch } from './stopwatch.ts'
import { type Overrun, Watch } from './watch.ts'

/** Child, without what a test cannot imitate. */
export type LaneChild = Pick<Child, 'pid' | 'exited' | 'send' | 'stream' | 'freeze' | 'resume' | 'kill'> &
  Partial<Pick<Child, 'holdBack' | 'pathOf'>>

export interface LaneOptions {
  /** Starts a child that may read these files. */
  readonly spawn: (handlers: ChildHandlers, files: readonly GivenFile[]) => Promise<LaneChild>
  /** Null: the child needs none to answer. */
  readonly session: SessionSpec | null
  readonly limits: ExecutorLimits
  readonly log: ExecutorLog
  readonly frozen: boolean
}

const crashesMax = 2

export class Lane {
  readonly #options: LaneOptions
  readonly #watch: Watch
  readonly #busy = new Stopwatch()
  readonly #queue: LaneQueue
  #headSinceMs = 0
  #child: LaneChild | null = null
  #starting = false
  #loaded = false
  #loadCrashes = 0
  #frozen: boolean
  #isHeldBack = false
  #overrun: { readonly code: Overrun; readonly head: Pending | null } | null = null
  #failure: Error | null = null
  #ready = Promise.withResolvers<void>()

  constructor(options: LaneOptions) {
    this.#options = options
    this.#queue = new LaneQueue(options.limits)
    this.#frozen = options.frozen
    const { sampleMs, privateBytesMax } = options.limits
    this.#watch = new Watch(sampleMs, privateBytesMax, (code) => this.#end(code))
    this.#ready.promise.catch(() => undefined)
    if (options.frozen) this.freeze()
  }

  /** Why nothing runs here any more; null while it does. */
  get failure(): Error | null {
    return this.#failure
  }

  /** Starts a child if there is none. Rejects with SessionRefused, SlotFailed or SlotKilled. */
  ready(): Promise<void> {
    this.#start()
    return this.#ready.promise
  }

  /** Resolves when nothing waits for an answer. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }

  /** Rejects with SlotFailed when too many requests wait already, and with the error that ends the lane. */
  async ask(request: Request, body: Uint8Array, limits: RunLimits): Promise<Answer> {
    if (this.#failure !== null) throw this.#failure
    const { header, answer } = this.#queue.add(request, body, limits)
    if (this.#loaded) {
      this.#child?.send(header, body)
      if (this.#queue.length === 1) this.#beginHead()
    } else {
      this.#start()
    }
    return answer.promise
  }

  freeze(): void {
    this.#frozen = true
    this.#child?.freeze()
    this.#watch.freeze()
    this.#busy.pause()
  }

  resume(): void {
    this.#frozen = false
    this.#busy.resume()
    this.#watch.resume()
    this.#child?.resume()
    if (this.#queue.length > 0 || !this.#loaded) this.#start()
  }

  /** As Slot's. */
  holdBack(isHeld: boolean): void {
    this.#isHeldBack = isHeld
    this.#child?.holdBack?.(isHeld)
  }

  /** Frees the memory of a frozen lane. When the lane is resumed, waiting requests begin anew in another child. */
  evict(): void {
    if (this.#frozen) this.#child?.kill()
  }

  /** Ends the lane; resolves when its process is gone and its memory is free. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#fail(new SlotKilled())
    await child?.exited
  }

  /** A frozen lane starts nothing: `resume` comes back here. */
  #start(): void {
    if (this.#child !== null || this.#starting || this.#frozen || this.#failure !== null) return
    this.#starting = true
    this.#open()
      .catch((error: Error) => {
        const killed = error instanceof SlotKilled
        this.#fail(killed ? error : new SlotFailed(`no child: ${error.message}`, { cause: error }))
      })
      .finally(() => {
        this.#starting = false
        if (this.#child === null) this.#start()
      })
  }

  async #open(): Promise<void> {
    const { session, spawn, limits } = this.#options
    const weights = [...((await session?.weights()) ?? [])]
    if (this.#frozen || this.#failure !== null) return
    const handlers: ChildHandlers = {
      onFrame: (header, body) => this.#hear(child, header, body),
      onClose: (reason) => this.#bury(child, reason),
    }
    const files = givenFiles(weights)
    const child: LaneChild = await spawn(handlers, [...files.values()])
    this.#child = child
    if (this.#failure !== null) return child.kill()
    if (this.#frozen) child.freeze()
    if (this.#isHeldBack) child.holdBack?.(true)
    if (session === null) return this.#begin()
    const { runtime, engine, options, isCounter = false } = session
    const pathOf = (file: GivenFile) => child.pathOf?.(file) ?? file.path
    const stated = weights.map(([name, { bytes }]) => {
      const file = files.get(name)
      return { name, bytes, path: file === undefined ? null : pathOf(file) }
    })
    const sent = weights.filter(([name]) => !files.has(name)).map(([, file]) => file)
    this.#watch.begin(child.pid ?? 0, { cpuMsMax: limits.loadMsMax, wallMsMax: limits.loadMsMax })
    await child.stream(
      { type: 'load', runtime, engine, options, isCounter, weights: stated },
      sent.reduce((sum, { bytes }) => sum + bytes, 0),
      partsOf(sent),
    )
  }

  #begin(): void {
    this.#loaded = true
    this.#loadCrashes = 0
    this.#watch.end()
    for (const { header, body } of this.#queue) this.#child?.send(header, body)
    this.#beginHead()
    this.#ready.resolve()
  }

  #beginHead(): void {
    this.#headSinceMs = this.#busy.elapsedMs
    const { head } = this.#queue
    if (head === undefined) this.#watch.end()
    else this.#watch.begin(this.#child?.pid ?? 0, head.limits)
  }

  #hear(child: LaneChild, said: FromChild, body: Uint8Array): void {
    if (child !== this.#child || this.#failure !== null) return
    switch (said.type) {
      case 'loaded':
        // Said again, it would have everything sent again.
        if (this.#loaded) child.kill()
        else this.#begin()
        break
      case 'load-failed':
        this.#fail(new SessionRefused(said.code, said.message))
        break
      case 'record':
      case 'scored':
      case 'shape':
      case 'tried':
      case 'pieces':
      case 'drawn':
        // Out of turn: the child is not to be trusted with the next document.
        if (said.id !== this.#queue.head?.header.id) {
          child.kill()
          break
        }
        this.#settleHead(said, body, said.type === 'record' ? said.cpuMs : 0)
        this.#beginHead()
        break
      case 'hello':
        child.kill()
    }
  }

  #settleHead(said: Answer['said'], body: Uint8Array, cpuMs: number): void {
    this.#queue.settleHead({ said, body, cpuMs, wallMs: this.#busy.elapsedMs - this.#headSinceMs })
  }

  #end(code: Overrun): void {
    // A child takes a while to die, and may still finish its head meanwhile: the next one is not to blame.
    if (this.#overrun !== null) return
    this.#overrun = { code, head: this.#queue.head ?? null }
    this.#watch.end()
    this.#child?.kill()
  }

  #bury(child: LaneChild, reason: string): void {
    if (child !== this.#child) return
    const overrun = this.#overrun
    const outOfMemory = /out of memory/i.test(reason) && !this.#frozen ? 'memory-limit' : null
    const fault = { code: overrun?.code ?? outOfMemory, cpuMs: this.#watch.cpuMs }
    this.#child = null
    this.#overrun = null
    this.#watch.end()
    if (this.#failure !== null) return
    this.#options.log.warn(
      { pid: child.pid, reason, code: fault.code, frozen: this.#frozen },
      'a child ended',
    )
    if (!this.#loaded) this.#blameSession(fault.code)
    else if (overrun === null || overrun.head === this.#queue.head) this.#blameHead(fault)
    const wanted = this.#queue.length > 0 || !this.#loaded
    this.#loaded = false
    if (wanted) this.#start()
    else this.#beginHead()
  }

  #blameSession(code: Fault | null): void {
    if (!this.#frozen) this.#loadCrashes += 1
    if (code === null && this.#loadCrashes < crashesMax) return
    this.#fail(new SlotFailed(`the session does not load: ${code ?? 'crash'}`))
  }

  #blameHead({ code, cpuMs }: { code: Fault | null; cpuMs: number }): void {
    const { head } = this.#queue
    if (head === undefined) return
    if (code === null && !this.#frozen) head.crashes += 1
    if (code === null && head.crashes < crashesMax) return
    this.#settleHead({ type: 'fault', code: code ?? 'crash' }, nothing, cpuMs)
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#child?.kill()
    this.#watch.end()
    this.#ready.reject(error)
    this.#queue.rejectAll(error)
  }
}

/** Those of the weights that are files, by their names. A name that can be no file's is a stranger's word, and gets a number. */
function givenFiles(weights: readonly (readonly [string, WeightFile])[]): ReadonlyMap<string, GivenFile> {
  const files = new Map<string, GivenFile>()
  for (const [place, [name, { path }]] of weights.entries())
    if (typeof path === 'string')
      files.set(name, { path, name: fileName.test(name) ? name : `weight ${place}` })
  return files
}

const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

async function* partsOf(files: readonly WeightFile[]): AsyncGenerator<Uint8Array> {
  for (const file of files) yield* file.read()
}

const nothing = new Uint8Array(0)
