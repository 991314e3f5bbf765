/**
 * The life of one batch: its lines are checked, its models' jobs submitted, answers written as they come, and the files when all jobs have
 * ended. Each step is noted in the table once it is done, so that a node that restarts goes on with the step that was under way; a job
 * that was submitted and not noted is found again by its salt.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { elapsed } from '../host/clock.ts'
import { RequestError } from '../host/errors.ts'
import { lineNumberOf } from './answers.ts'
import { type Batch, type BatchFacts, type BatchStatus, inputGone, isOver, type Part } from './batches.ts'
import { Breather } from './breather.ts'
import { checkLines } from './check.ts'
import type { FileRow } from './files.ts'
import { type EndedPart, owedBy, writeAnswers } from './finish.ts'
import { faultyLines, LineGatherer, PartialFile } from './follow.ts'
import { formerServiceOf, type Model, modelsOf } from './models.ts'
import { keepProofs } from './proofs.ts'
import type { RunContext } from './run-context.ts'
import { submitPart } from './submit.ts'

/** A status is written, and told, at most this often while lines come. */
const noteMs = 1_000
/** How long to wait before a job is followed again where its results could not be read. */
const againMs = 5_000

export class BatchRun {
  readonly #context: RunContext
  readonly #stop = new AbortController()
  readonly #models: readonly Model[]
  #batch: Batch
  #isNoteDue = true

  constructor(batch: Batch, context: RunContext) {
    this.#batch = batch
    this.#context = context
    this.#models = modelsOf(context.node.api)
  }

  /** Resolves when the batch is over, or the run was stopped. `prepared`: its jobs are submitted, or it has failed. */
  async run(inTurn: (prepare: () => Promise<void>) => Promise<void>): Promise<void> {
    // Its client may delete the input meanwhile.
    const release = this.#context.files.hold(this.#batch.facts.inputFileId)
    try {
      if (this.#batch.status === 'validating' || this.#isUnsubmitted) await inTurn(() => this.#prepare())
      release()
      if (isOver(this.#batch.status)) return
      if (this.#batch.status !== 'finalizing') await this.#follow()
      await this.#finish()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const message =
        error instanceof RequestError ? error.message : 'the node could not do it; its log says why'
      this.#context.log.error({ batch: this.#batch.id, error }, 'a batch failed')
      await this.#cancelJobs() // they would go on costing
      this.#fail([{ code: 'server_error', line: null, message, param: null }], await this.#owed())
    } finally {
      release()
    }
  }

  /** Ends its jobs; what is done stays done. */
  cancel(): void {
    if (isOver(this.#batch.status) || this.#batch.status === 'cancelling') return
    this.#set('cancelling', {}, 'cancelling')
    this.#cancelJobs().catch((error) => {
      this.#context.log.warn({ batch: this.#batch.id, error }, 'the jobs of a batch were not cancelled')
    })
  }

  /** As the node stops: it goes on when the node starts again. */
  stop(): void {
    this.#stop.abort()
  }

  /** A batch that was cancelled before its lines were checked. */
  get #isUnsubmitted(): boolean {
    return this.#batch.facts.moments.in_progress === undefined
  }

  async #prepare(): Promise<void> {
    const { lines, files, clock, node, batches, keys } = this.#context
    const { id } = this.#batch
    const { signal } = this.#stop
    signal.throwIfAborted()
    lines.forget(id)
    lines.forgetParts(id)
    if (!existsSync(files.pathOf(this.#batch.facts.inputFileId))) return this.#fail([inputGone])
    try {
      const checked = await checkLines(this.#batch, { files, lines, clock, models: this.#models }, signal)
      if (checked.errors.length > 0) return this.#fail(checked.errors)
      const counts = { total: checked.total, completed: 0, failed: 0 }
      this.#set(this.#batch.status, {
        counts,
        model: checked.models.length === 1 ? checked.models[0]! : null,
      })
      const settings = keys.of(this.#batch.tenant)?.settings
      for (const part of batches.parts(id)) {
        if (this.#batch.status === 'cancelling') break
        const submitting = { node, files, lines, clock, settings, signal, models: this.#models }
        const submitted = await submitPart(this.#batch, part, submitting)
        signal.throwIfAborted()
        if (submitted !== undefined) batches.submitted(id, part.part, submitted.job)
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      await this.#cancelJobs()
      const refused = { code: 'submission_refused', line: null, message: error.message, param: null }
      return this.#fail([refused], await this.#owed())
    }
    const isCancelled = this.#batch.status === 'cancelling'
    this.#set(isCancelled ? 'cancelling' : 'in_progress', {}, 'in_progress')
    if (isCancelled) await this.#cancelJobs()
  }

  /** Resolves when all jobs have ended. */
  async #follow(): Promise<void> {
    const { batches, files, lines, clock } = this.#context
    const output = new PartialFile(() => files.pathOf(this.#file('outputFileId', 'output.jsonl').id))
    const errors = new PartialFile(() => files.pathOf(this.#file('errorFileId', 'errors.jsonl').id))
    const counts = { completed: 0, failed: 0 }
    const add = (line: { readonly isSuccess: boolean; readonly text: string }) => {
      ;(line.isSuccess ? output : errors).add(line.text)
      counts[line.isSuccess ? 'completed' : 'failed'] += 1
      this.#noteCounts(counts)
    }
    try {
      for await (const line of faultyLines(this.#batch, lines, new Breather(clock))) add(line)
      await Promise.all(batches.parts(this.#batch.id).map((part) => this.#followPart(part, add)))
    } finally {
      await Promise.all([output.close(), errors.close()])
    }
  }

  async #followPart(
    { job, model }: Part,
    add: (line: { isSuccess: boolean; text: string }) => void,
  ): Promise<void> {
    const { node, lines, clock, log } = this.#context
    const service = formerServiceOf(this.#models, this.#batch.facts.endpoint, model)
    const { signal } = this.#stop
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
          add(answered)
        }
        return
      } catch (error) {
        signal.throwIfAborted()
        // A job that was forgotten has no results any more.
        if (error instanceof RequestError) return
        log.warn({ batch: this.#batch.id, job, error }, 'the results of a batch cannot be read')
        await Promise.race([elapsed(clock, againMs), once(signal, 'abort')])
        signal.throwIfAborted()
      }
    }
  }

  async #finish(): Promise<void> {
    const { node, batches, files, lines, clock } = this.#context
    const { id, status } = this.#batch
    const parts = await Promise.all(batches.parts(id).map((part) => this.#ended(part)))
    this.#set(status === 'cancelling' ? 'cancelling' : 'finalizing', {}, 'finalizing')
    const paths = { output: files.spoolPath(), errors: files.spoolPath() }
    const breather = new Breather(clock)
    const done = await writeAnswers(this.#batch, parts, paths, { node, lines, breather })
    this.#stop.signal.throwIfAborted()
    const { total } = this.#batch.facts.counts
    const outputFileId = this.#keep('outputFileId', 'output.jsonl', paths.output, done.completed)
    const errorFileId = this.#keep('errorFileId', 'errors.jsonl', paths.errors, done.failed)
    const rowFor = (title: string) => this.#rowFor(title)
    const proofFileIds = await keepProofs(parts, rowFor, this.#context)
    const jobs = parts.flatMap(({ status: job }) => (job === null ? [] : [job]))
    const owedMicros = jobs.reduce((sum, { payment }) => sum + (payment?.owedMicros ?? 0), 0)
    const work = {
      engine: jobs.map(({ runtime, engine }) => `${runtime}/${engine}`).join(', ') || null,
      replicas: jobs[0]?.replicas ?? null,
      errorBound: jobs.reduce<number | null>((most, { errorBound }) => greater(most, errorBound), null),
      executions: jobs.reduce((sum, { executions }) => sum + executions, 0),
      owedMicros,
      promisedMicros: 0,
    }
    const counts = { total, completed: done.completed, failed: done.failed }
    const isExpired = done.expired > 0
    const end = this.#batch.status === 'cancelling' ? 'cancelled' : isExpired ? 'expired' : 'completed'
    lines.forget(id)
    this.#batch = { ...this.#batch, budgetMicros: owedMicros }
    this.#end(end, { counts, usage: done.usage, outputFileId, errorFileId, proofFileIds, work })
  }

  async #ended(part: Part): Promise<EndedPart> {
    const service = formerServiceOf(this.#models, this.#batch.facts.endpoint, part.model)
    if (service === undefined) throw new RequestError(`the model ${part.model} is not on this node any more`)
    const { api } = this.#context.node
    const status = part.job === null ? null : await api.status(part.job).catch(() => null)
    return { ...part, job: status === null ? null : part.job, service, status }
  }

  #keep(name: FileName, title: string, path: string, count: number): string | null {
    const known = this.#batch.facts[name]
    if (count > 0) {
      const id = known ?? this.#file(name, title).id
      this.#context.files.finish(id, path)
      return id
    }
    if (known !== null) this.#context.files.remove(known)
    return null
  }

  /** The file of the batch, made when its first line is written. */
  #file(name: FileName, title: string): Pick<FileRow, 'id'> {
    const known = this.#batch.facts[name]
    if (known !== null) return { id: known }
    const row = this.#context.files.add(this.#rowFor(title))
    this.#set(this.#batch.status, { [name]: row.id })
    return row
  }

  #rowFor(title: string): Omit<FileRow, 'id' | 'bytes'> {
    const { id, tenant, facts } = this.#batch
    const nowMs = this.#context.clock.now()
    return {
      tenant,
      filename: `${id}_${title}`,
      purpose: 'batch_output',
      createdAtMs: nowMs,
      expiresAtMs: nowMs + facts.keepMs,
    }
  }

  #noteCounts(counts: { readonly completed: number; readonly failed: number }): void {
    const { total } = this.#batch.facts.counts
    this.#batch = { ...this.#batch, facts: { ...this.#batch.facts, counts: { total, ...counts } } }
    if (!this.#isNoteDue) return
    this.#isNoteDue = false
    this.#context.clock.after(noteMs, () => {
      this.#isNoteDue = true
      if (!this.#stop.signal.aborted && !isOver(this.#batch.status)) this.#set(this.#batch.status, {})
    })
  }

  #owed(): Promise<number> {
    return owedBy(this.#context.batches.parts(this.#batch.id), this.#context.node.api)
  }

  /** `budgetMicros`: what it did cost all the same. */
  #fail(errors: BatchFacts['errors'], budgetMicros = 0): void {
    this.#batch = { ...this.#batch, budgetMicros }
    this.#context.lines.forget(this.#batch.id)
    this.#end('failed', { errors })
  }

  /** In one commit with the news of it, so that no crash comes between. */
  #end(status: BatchStatus & keyof BatchFacts['moments'], facts: Partial<BatchFacts>): void {
    this.#context.lines.together(() => {
      this.#set(status, facts, status)
      this.#context.ended(this.#batch.tenant, this.#batch)
    })
  }

  #set(status: BatchStatus, facts: Partial<BatchFacts>, moment?: keyof BatchFacts['moments']): void {
    const before = this.#batch.facts
    const nowMs = this.#context.clock.now()
    const moments = moment === undefined ? before.moments : { ...before.moments, [moment]: nowMs }
    this.#batch = { ...this.#batch, status, facts: { ...before, ...facts, moments } }
    this.#context.batches.update(this.#batch)
    this.#context.changed(this.#batch.id)
  }

  async #cancelJobs(): Promise<void> {
    const { node, batches, log } = this.#context
    for (const { job } of batches.parts(this.#batch.id))
      if (job !== null)
        await node.api.cancel(job).catch((error) => {
          log.debug({ batch: this.#batch.id, job, error }, 'a job of a batch was not cancelled')
        })
  }
}

type FileName = 'outputFileId' | 'errorFileId'

function greater(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}
