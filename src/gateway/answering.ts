/** Writes answers of a batch as they come: of each of its jobs once it is submitted, until all have ended. */
import { once } from 'node:events'
import { elapsed } from '../host/clock.ts'
import { RequestError } from '../host/errors.ts'
import { type AnsweredLine, lineNumberOf } from './answers.ts'
import type { Batch, Part } from './batches.ts'
import { Breather } from './breather.ts'
import { faultyLines, LineGatherer, PartialFile } from './follow.ts'
import { formerServiceOf, type Model } from './models.ts'
import type { RunContext } from './run-context.ts'

/** How long to wait before a job is followed again where its results could not be read. */
const againMs = 5_000

interface FileOption {
  readonly path: () => string
  readonly isBegun: boolean
}

export interface AnsweringOptions {
  /** The path of each file, which is there from then on, and whether an earlier run has begun it. */
  readonly output: FileOption
  readonly errors: FileOption
  readonly counted: (counts: { readonly completed: number; readonly failed: number }) => void
  /** Null: the part gets no job. */
  readonly jobOf: (part: Part) => Promise<string | null>
  readonly signal: AbortSignal
}

/** The jobs of a batch's parts, each as soon as it is submitted. */
export class PartJobs {
  readonly #jobs = new Map<number, PromiseWithResolvers<string | null>>()

  /** Null: the part gets no job. The first word stands. */
  tell(part: number, job: string | null): void {
    this.#of(part).resolve(job)
  }

  of(part: number): Promise<string | null> {
    return this.#of(part).promise
  }

  #of(part: number): PromiseWithResolvers<string | null> {
    const known = this.#jobs.get(part) ?? Promise.withResolvers<string | null>()
    this.#jobs.set(part, known)
    return known
  }
}

export class Answering {
  readonly #batch: Batch
  readonly #context: RunContext
  readonly #models: readonly Model[]
  readonly #options: AnsweringOptions
  readonly #output: PartialFile
  readonly #errors: PartialFile
  readonly #counts = { completed: 0, failed: 0 }

  constructor(batch: Batch, context: RunContext, models: readonly Model[], options: AnsweringOptions) {
    this.#batch = batch
    this.#context = context
    this.#models = models
    this.#options = options
    const { output, errors } = options
    this.#output = new PartialFile(output.path, output.isBegun)
    this.#errors = new PartialFile(errors.path, errors.isBegun)
  }

  /** Resolves when all jobs have ended. Throws what the disk throws, and the signal's reason. */
  async write(parts: readonly Part[]): Promise<void> {
    try {
      this.#counts.completed = await this.#output.resume()
      this.#counts.failed = await this.#errors.resume()
      await this.#addFaulty(null)
      await Promise.all(parts.map((part) => this.#followPart(part)))
    } finally {
      await Promise.all([this.#output.close(), this.#errors.close()])
    }
  }

  #add({ isSuccess, text }: Pick<AnsweredLine, 'isSuccess' | 'text'>): void {
    if (!(isSuccess ? this.#output : this.#errors).add(text)) return
    this.#counts[isSuccess ? 'completed' : 'failed'] += 1
    this.#options.counted(this.#counts)
  }

  async #addFaulty(part: number | null): Promise<void> {
    const { lines, clock } = this.#context
    for await (const line of faultyLines(this.#batch, part, lines, new Breather(clock))) this.#add(line)
  }

  async #followPart(part: Part): Promise<void> {
    const { node, lines, clock, log } = this.#context
    const { jobOf, signal } = this.#options
    const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
    const job = (await Promise.race([jobOf(part), aborted.then(() => null)])) as string | null
    signal.throwIfAborted()
    await this.#addFaulty(part.part)
    const service = formerServiceOf(this.#models, this.#batch.facts.endpoint, part.model)
    const breather = new Breather(clock)
    const written = new Set<number>()
    while (job !== null && service !== undefined) {
      const gatherer = new LineGatherer(this.#batch, lines, service)
      try {
        for await (const record of node.followResults(job, signal)) {
          await breather.breathe()
          const answered = gatherer.add(record)
          const number = lineNumberOf(record.document)
          if (answered === undefined || written.has(number)) continue
          written.add(number)
          this.#add(answered)
        }
        return
      } catch (error) {
        signal.throwIfAborted()
        // A job that was forgotten has no results any more.
        if (error instanceof RequestError) return
        log.warn({ batch: this.#batch.id, job, error }, 'the results of a batch cannot be read')
        await Promise.race([elapsed(clock, againMs), aborted])
        signal.throwIfAborted()
      }
    }
  }
}
