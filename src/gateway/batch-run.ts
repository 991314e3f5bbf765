/**
 * The life of one batch: its lines are checked, its models' jobs submitted, answers written as they come, and the files when all jobs have
 * ended. Answers of the first jobs are written while the others are submitted. Each step is noted in the table once it is done, so that a
 * node that restarts goes on with the step that was under way; a job that was submitted and not noted is found again by its salt.
 */
import { existsSync } from 'node:fs'
import { RequestError } from '../host/errors.ts'
import { Answering, PartJobs } from './answering.ts'
import { faultOf, InputGone, isFull } from './batch-faults.ts'
import { type Batch, type BatchFacts, type BatchStatus, isOver, type Part } from './batches.ts'
import { Breather } from './breather.ts'
import { checkBatch } from './check-batch.ts'
import { CountNotes } from './count-notes.ts'
import type { FileRow } from './files.ts'
import { type EndedPart, owedBy, workOf, writeAnswers } from './finish.ts'
import { formerServiceOf, type Model, modelsOf } from './models.ts'
import { writeProofs } from './proofs.ts'
import type { RunContext } from './run-context.ts'
import { submitPart } from './submit.ts'

export class BatchRun {
  readonly #context: RunContext
  readonly #stop = new AbortController()
  readonly #models: readonly Model[]
  /** Ends the following of jobs that are called off. */
  readonly #breakOff = new AbortController()
  readonly #begun = Promise.withResolvers<void>()
  readonly #jobs = new PartJobs()
  /** Lets its input go, which its client may have deleted meanwhile. */
  readonly letGo: () => void
  #batch: Batch
  readonly #notes: CountNotes

  constructor(batch: Batch, context: RunContext) {
    this.#batch = batch
    this.#context = context
    this.#models = modelsOf(context.node.api)
    this.letGo = context.files.hold(batch.facts.inputFileId)
    this.#notes = new CountNotes(context.clock, context.log, () => {
      if (!this.#stop.signal.aborted && !isOver(this.#batch.status)) this.#set(this.#batch.status, {})
    })
  }

  /** Resolves when the batch is over, or the run was stopped. `prepared`: its jobs are submitted, or it has failed. */
  async run(inTurn: (prepare: () => Promise<void>) => Promise<void>): Promise<void> {
    if (this.#isBegun) this.#begun.resolve()
    const prepared = this.#isPrepared ? Promise.resolve() : inTurn(() => this.#prepare())
    try {
      // The node may have stopped before it had told them.
      if (this.#isPrepared && this.#batch.status === 'cancelling') await this.#cancelJobs()
      await Promise.race([prepared, this.#begun.promise])
      const isEnded = isOver(this.#batch.status) || this.#batch.status === 'finalizing'
      const followed = isEnded ? undefined : this.#follow()
      const isFollowed = followed?.catch(() => {})
      try {
        await prepared
      } catch (error) {
        this.#breakOff.abort()
        await isFollowed
        throw error
      }
      this.letGo()
      if (isOver(this.#batch.status)) return
      await followed
      await this.#finish()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      // It is no fault of the batch, and ends some time: the run is tried again as a whole.
      if (isFull(error)) throw error
      await this.#cancelJobs() // they would go on costing
      const [fault, { log }] = [faultOf(error, this.#isPrepared), this.#context]
      if (fault.code === 'server_error') log.error({ batch: this.#batch.id, error }, 'a batch failed')
      this.#fail([fault], await owedBy(this.#parts(), this.#context.node.api))
    } finally {
      this.#notes.end()
      // One that goes on later has to read it.
      if (this.#isPrepared || isOver(this.#batch.status)) this.letGo()
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

  /** All its jobs are submitted, as far as they could be. */
  get #isPrepared(): boolean {
    return this.#isBegun && this.#batch.facts.isSubmitting !== true
  }

  /** Its lines are checked, and its first job is submitted: also where it was cancelled meanwhile. */
  get #isBegun(): boolean {
    return this.#batch.facts.moments.in_progress !== undefined
  }

  async #prepare(): Promise<void> {
    // A job that is noted already is one of parts as they are: checking makes them anew.
    const isChecked = this.#isBegun || this.#parts().some(({ job }) => job !== null)
    if (!isChecked && !(await this.#check())) return
    const { facts } = this.#batch
    if (!existsSync(this.#context.files.pathOf(facts.inputFileId))) throw new InputGone()
    for (const part of inOrder(this.#parts())) {
      if (this.#batch.status === 'cancelling') break
      if (part.job === null) await this.#submit(part)
      if (!this.#isBegun) this.#begin(true)
    }
    this.#begin(false)
    if (this.#batch.status === 'cancelling') await this.#cancelJobs()
  }

  /** Answers false where the batch has failed. */
  async #check(): Promise<boolean> {
    const checked = await checkBatch(this.#batch, this.#models, this.#context, this.#stop.signal)
    if ('errors' in checked) return this.#fail(checked.errors)
    this.#set(this.#batch.status, checked)
    return true
  }

  async #submit(part: Part): Promise<void> {
    const { lines, files, clock, node, batches } = this.#context
    const { id } = this.#batch
    const { signal } = this.#stop
    const submitting = { node, files, lines, clock, signal, models: this.#models, parts: batches.parts(id) }
    const submitted = await submitPart(this.#batch, part, submitting)
    // A job is noted also where the node stops, lest it is made and paid once more.
    if (submitted !== undefined) batches.submitted(id, part.part, submitted.job)
    signal.throwIfAborted()
    this.#jobs.tell(part.part, submitted?.job ?? null)
  }

  /** `more`: other jobs are to be submitted yet. */
  #begin(more: boolean): void {
    const status = this.#batch.status === 'cancelling' ? 'cancelling' : 'in_progress'
    if (this.#isBegun) this.#set(status, { isSubmitting: more })
    else this.#set(status, { isSubmitting: more }, 'in_progress')
    this.#begun.resolve()
    // A part that nobody submits any more has no job.
    if (!more) for (const { part, job } of this.#parts()) this.#jobs.tell(part, job)
  }

  #parts(): readonly Part[] {
    return this.#context.batches.parts(this.#batch.id)
  }

  /** Resolves when all jobs have ended. */
  async #follow(): Promise<void> {
    const { files } = this.#context
    const parts = this.#parts()
    for (const { part, job } of parts) if (job !== null || this.#isPrepared) this.#jobs.tell(part, job)
    const fileOf = (name: FileName, title: string) => ({
      path: () => files.pathOf(this.#file(name, title).id),
      isBegun: this.#batch.facts[name] !== null,
    })
    const signal = AbortSignal.any([this.#stop.signal, this.#breakOff.signal])
    await new Answering(this.#batch, this.#context, this.#models, {
      output: fileOf('outputFileId', 'output.jsonl'),
      errors: fileOf('errorFileId', 'errors.jsonl'),
      counted: (counts) => this.#noteCounts(counts),
      jobOf: ({ part }) => this.#jobs.of(part),
      signal,
    }).write(parts)
  }

  async #finish(): Promise<void> {
    const { node, batches, files, lines, clock } = this.#context
    const { id } = this.#batch
    const parts = await Promise.all(this.#parts().map((part) => this.#ended(part)))
    this.#set(this.#batch.status === 'cancelling' ? 'cancelling' : 'finalizing', {}, 'finalizing')
    const paths = { output: files.spoolPath(), errors: files.spoolPath() }
    const writing = { node, lines, breather: new Breather(clock) }
    const done = await writeAnswers(this.#batch, parts, paths, writing)
    this.#stop.signal.throwIfAborted()
    const outputFileId = this.#keep('outputFileId', 'output.jsonl', paths.output, done.completed)
    const errorFileId = this.#keep('errorFileId', 'errors.jsonl', paths.errors, done.failed)
    const proofs = await writeProofs(parts, this.#context)
    const work = workOf(parts)
    const counts = { ...this.#batch.facts.counts, completed: done.completed, failed: done.failed }
    const isExpired = done.expired > 0
    const end = this.#batch.status === 'cancelling' ? 'cancelled' : isExpired ? 'expired' : 'completed'
    this.#batch = { ...this.#batch, budgetMicros: work.owedMicros }
    // In one commit: without its lines there are no answers.
    lines.together(() => {
      const proofFileIds = proofs.map(({ title, ...spooled }) => files.add(this.#rowFor(title), spooled).id)
      lines.forget(id)
      // Results are kept for the job as well.
      batches.kept.holdMore(id, done.bytes)
      this.#end(end, { counts, usage: done.usage, outputFileId, errorFileId, proofFileIds, work })
    })
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
      this.#context.files.finish(id, path, this.#keptUntilMs)
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
    const { id, tenant } = this.#batch
    return {
      tenant,
      filename: `${id}_${title}`,
      purpose: 'batch_output',
      createdAtMs: this.#context.clock.now(),
      expiresAtMs: this.#keptUntilMs,
    }
  }

  /** The end of a file that is complete now. */
  get #keptUntilMs(): number {
    return this.#context.clock.now() + this.#batch.facts.keepMs
  }

  #noteCounts(counts: Omit<BatchFacts['counts'], 'total'>): void {
    const { facts } = this.#batch
    this.#batch = { ...this.#batch, facts: { ...facts, counts: { ...facts.counts, ...counts } } }
    this.#notes.changed()
  }

  /** `budgetMicros`: what it did cost all the same. Answers false: there is nothing more to do. */
  #fail(errors: BatchFacts['errors'], budgetMicros = 0): false {
    const { lines, files, batches } = this.#context
    const { id, facts } = this.#batch
    this.#batch = { ...this.#batch, budgetMicros }
    for (const file of [facts.outputFileId, facts.errorFileId])
      if (file !== null) files.leave(file, this.#keptUntilMs)
    lines.together(() => {
      lines.forget(id)
      if (this.#parts().every(({ job }) => job === null)) batches.kept.hold(id, 0)
      this.#end('failed', { errors })
    })
    return false
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
    const { node, log } = this.#context
    for (const { job } of this.#parts())
      if (job !== null)
        await node.api.cancel(job).catch((error) => {
          log.debug({ batch: this.#batch.id, job, error }, 'a job of a batch was not cancelled')
        })
  }
}

type FileName = 'outputFileId' | 'errorFileId'

/** Early parts first. */
function inOrder(parts: readonly Part[]): readonly Part[] {
  return [...parts].sort((a, b) => Number(b.isEarly) - Number(a.isEarly) || a.part - b.part)
}
