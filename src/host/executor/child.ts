/**
 * One child process: frames in and out, signals, and the end.
 *
 * `onClose` comes after the last frame, never before it (Node's 'close', not its 'exit'): the code that decides which
 * record a dead child was busy with has then seen every answer that it gave.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { z } from 'zod'
import { agreementSchema } from '../../protocol/job/agreement.ts'
import { shardUnitsMax } from '../../protocol/limits.ts'
import { logCharsMax } from '../../protocol/sizes.ts'
import {
  encodeFrame,
  encodeFrameHead,
  FrameReader,
  type FromChild,
  fromChildBytesMax,
  type RecordErrorCode,
  type ToChild,
} from '../../runtimes/messages.ts'
import type { GivenFile } from './isolation.ts'
import { endFirst } from './out-of-memory.ts'

const id = z.int().min(0)
const code = z.string().max(64) as unknown as z.ZodType<RecordErrorCode>
const error = z.strictObject({ code, message: z.string().max(65_536) })

const unit = z.int().min(0).max(shardUnitsMax)
const units = z.strictObject({ input: unit, output: unit })

const engine = z.strictObject({
  runtime: z.string().max(32),
  engine: z.string().max(32),
  id: z.string().max(64),
  isa: z.string().max(64).nullable(),
  agreement: agreementSchema,
  scores: z.array(z.string().max(64)).max(4).exactOptional(),
})

const absent = z.strictObject({
  runtime: z.string().max(32),
  engine: z.string().max(32),
  why: z.string().max(400),
})

/** A child that says anything else has been broken into, and is killed. */
const fromChild: z.ZodType<FromChild> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    engines: z.array(engine).max(16),
    absent: z.array(absent).max(16),
  }),
  z.strictObject({ type: z.literal('loaded') }),
  z.strictObject({ type: z.literal('load-failed'), ...error.shape }),
  z.strictObject({
    type: z.literal('record'),
    id,
    text: z.string(),
    error: error.nullable(),
    units: units.exactOptional(),
    cpuMs: z.number().min(0),
    log: z.string().max(logCharsMax).exactOptional(),
  }),
  z.strictObject({
    type: z.literal('scored'),
    id,
    score: z
      .strictObject({
        tokens: z.int().min(0),
        gap: z.number().min(0),
        difference: z.number().min(0),
        units,
      })
      .nullable(),
  }),
  z.strictObject({
    type: z.literal('shape'),
    id,
    pages: z.int().min(0),
    pageCostMs: z.number().min(0),
    units: units.exactOptional(),
    refused: z.strictObject({ what: z.string().max(200), wayOut: z.string().max(200) }).exactOptional(),
    isCut: z.literal(true).exactOptional(),
  }),
  z.strictObject({ type: z.literal('pieces'), id, sizes: z.array(z.int().min(0)).max(256) }),
  z.strictObject({
    type: z.literal('drawn'),
    id,
    size: z
      .strictObject({
        width: z.int().min(1).max(65_535),
        height: z.int().min(1).max(65_535),
        dpi: z.number().min(1).max(10_000).nullable(),
      })
      .nullable(),
  }),
  z.strictObject({ type: z.literal('tried'), id, fault: z.string().max(65_536).nullable() }),
])

export interface ChildHandlers {
  onFrame(header: FromChild, body: Uint8Array): void
  /** Once. `reason` is for the log: exit code or signal, and the last that it wrote to stderr. */
  onClose(reason: string): void
}

export interface ChildPlaces {
  /** The folder in which the first program of the command starts; a root of its own brings a place of its own. */
  readonly cwd?: string
  /** All of the child's environment. */
  readonly env?: NodeJS.ProcessEnv
  readonly pathOf?: Child['pathOf']
}

/** Enough for the one line that a child writes when it fails, and for V8's when it runs out of memory. */
const stderrCharsMax = 2000

export class Child {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  #stderr = ''

  /** Where the child finds a file that it was given. */
  readonly pathOf: (file: GivenFile) => string

  constructor(
    [program, ...args]: readonly string[],
    handlers: ChildHandlers,
    { cwd = '/', env = {}, pathOf = ({ path }) => path }: ChildPlaces = {},
  ) {
    this.pathOf = pathOf
    // A process group of its own: a terminal's Ctrl-C is for the node, which ends its children when it is done with them.
    const child = spawn(program!, args, { stdio: 'pipe', env, cwd, detached: true })
    this.#process = child
    if (child.pid !== undefined) endFirst(child.pid)
    this.#exited = once(child, 'close').catch(() => undefined)
    const reader = new FrameReader<unknown>(fromChildBytesMax)
    child.stdout.on('data', (chunk: Uint8Array) => {
      try {
        for (const { header, body } of reader.push(chunk)) handlers.onFrame(fromChild.parse(header), body)
      } catch {
        this.kill()
      }
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax)
    })
    // A child that is gone breaks its pipe; its close says all that there is to say.
    child.stdin.on('error', () => undefined)
    let failure: string | null = null
    child.on('error', (error) => {
      failure = error.message
      if (child.pid === undefined) handlers.onClose(failure)
    })
    child.on('close', (code, signal) => {
      if (child.pid !== undefined) handlers.onClose(`${signal ?? `exit code ${code}`} ${this.#stderr}`.trim())
    })
  }

  /** Undefined where the program could not be started. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves when the process and its pipes are gone. */
  get exited(): Promise<unknown> {
    return this.#exited
  }

  send(header: ToChild, ...body: readonly Uint8Array[]): void {
    const { stdin } = this.#process
    if (stdin === null || stdin.destroyed) return
    stdin.cork()
    for (const part of encodeFrame(header, ...body)) stdin.write(part)
    stdin.uncork()
  }

  /**
   * Sends a frame whose body comes part by part, `bodyBytes` in all: the next part is taken when the child has read enough of
   * those before. Resolves when all is on its way, or the child is gone. Rejects as `parts` does; the child is then of no use.
   */
  async stream(header: ToChild, bodyBytes: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const { stdin } = this.#process
    if (stdin === null) return
    for (const part of encodeFrameHead(header, bodyBytes)) stdin.write(part)
    for await (const part of parts) {
      if (stdin.destroyed) return
      if (stdin.write(part)) continue
      // An error is as good as an end: the close says all that there is to say.
      await Promise.race([once(stdin, 'drain').catch(() => undefined), this.#exited])
    }
  }

  freeze(): void {
    this.#process.kill('SIGSTOP')
  }

  resume(): void {
    this.#process.kill('SIGCONT')
  }

  /** Leaves in its pipe what the child says, or reads it again. */
  holdBack(isHeld: boolean): void {
    const { stdout } = this.#process
    if (isHeld) stdout?.pause()
    else stdout?.resume()
  }

  /** Works on a frozen child, too. */
  kill(): void {
    this.#process.kill('SIGKILL')
    // Its pipe closes when all of it was read.
    this.holdBack(false)
  }
}
