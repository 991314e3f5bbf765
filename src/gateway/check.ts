/**
 * Checks the input file of a batch, line by line, before any of it is submitted.
 *
 * A line that is no request ends the batch: all such lines are named, up to a bound. A request that nobody can answer as it is meant
 * (another model, a field that is not known, a picture that is none) is a line with a fault: it gets an answer that says so, and the
 * others are done.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Clock } from '../host/clock.ts'
import { refusalBySize } from '../host/submission/documents.ts'
import type { EndpointRequest, Refusal } from '../runtimes/messages.ts'
import type { Batch, BatchError } from './batches.ts'
import { Breather } from './breather.ts'
import { ApiError, type ErrorFacts } from './errors.ts'
import type { Files } from './files.ts'
import { type Line, linesOf } from './jsonl.ts'
import { LineFault, requestIn } from './line-request.ts'
import type { CheckedLine, LineRows } from './line-rows.ts'
import { type Model, type Service, serviceOf } from './models.ts'

/** As upstream: lines, and inputs of embeddings in all of them. */
const requestsMax = 50_000
const errorsMax = 100
/** Each is a job of its own. A guess. */
const modelsMax = 16
const rowsPerCommit = 256
/** The first bytes of a document, which tell its kind. */
const headBytes = 4096

/**
 * Lines of a model that are jobs of their own, which begin before the rest is stored. They are few, so that owners agree on each of them,
 * and answers come within seconds; a large job's come when windows of hundreds of shards have passed their checks. Each is the tenth
 * part of the next, and a sixteenth of all lines at most: that costs 352 executions of 50,000 lines more, and 32 of 5,000. A guess.
 */
const earlyFirst = 32
const earlyFactor = 10
const earlyShareMax = 1 / 16
/** Fewer lines are one job, on which owners agree line by line. */
const earlyFrom = 1_000

export interface CheckContext {
  readonly files: Files
  readonly lines: LineRows
  readonly models: readonly Model[]
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export interface Checked {
  /** Those for which the batch fails; none: it can be submitted. */
  readonly errors: readonly BatchError[]
  readonly total: number
  /** The models of its parts, in their order. */
  readonly models: readonly string[]
  /** Those of all documents. */
  readonly bytes: number
}

/** Keeps a row for each line. Throws what the disk throws, and the signal's reason. */
export async function checkLines(batch: Batch, context: CheckContext, signal: AbortSignal): Promise<Checked> {
  const { files, lines, clock } = context
  const check = new LineCheck(batch, context)
  const breather = new Breather(clock)
  let rows: CheckedLine[] = []
  const keep = () => {
    lines.together(() => {
      for (const row of rows) check.keep(row)
    })
    rows = []
  }
  for await (const line of linesOf(files.pathOf(batch.facts.inputFileId))) {
    signal.throwIfAborted()
    const row = check.row(line)
    if (row !== undefined) rows.push(row)
    if (rows.length >= rowsPerCommit) keep()
    if (check.isFull) break
    await breather.breathe()
  }
  keep()
  return check.end()
}

class LineCheck {
  readonly #batch: Batch
  readonly #context: CheckContext
  readonly #errors: BatchError[] = []
  readonly #services = new Map<string, Service | undefined>()
  readonly #parts = new Map<string, { readonly part: number; lines: number; bytes: number }>()
  #total = 0
  #documents = 0
  #isTooLong = false

  constructor(batch: Batch, context: CheckContext) {
    this.#batch = batch
    this.#context = context
  }

  /** More errors would help nobody. */
  get isFull(): boolean {
    return this.#errors.length >= errorsMax || this.#isTooLong
  }

  /** Undefined for a blank line, and for one that is no request. */
  row({ line, bytes }: Line): CheckedLine | undefined {
    try {
      const request = requestIn(bytes, this.#batch.facts.endpoint)
      if (request === undefined) return undefined
      this.#total += 1
      if (this.#total > requestsMax)
        throw new LineFault(
          'too_many_tasks',
          `a batch has at most ${requestsMax} requests; send several`,
          null,
        )
      return { line, customId: request.customId, ...this.#judge(request.body) }
    } catch (error) {
      if (!(error instanceof LineFault)) throw error
      this.#note(error.code, line, error.message, error.param)
      // Each further line would be one too many again.
      this.#isTooLong = error.code === 'too_many_tasks'
      return undefined
    }
  }

  keep(row: CheckedLine): void {
    const before = this.#context.lines.add(this.#batch.id, row)
    if (before !== undefined)
      this.#note('duplicate_custom_id', row.line, `its custom_id is that of line ${before}`, 'custom_id')
  }

  end(): Checked {
    if (this.#total === 0 && this.#errors.length === 0)
      this.#errors.push({ code: 'empty_file', line: null, message: 'the file has no requests', param: null })
    this.#addParts()
    const errors = this.#errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    return {
      errors,
      total: this.#total,
      models: [...this.#parts.keys()],
      bytes: [...this.#parts.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  #addParts(): void {
    const { lines } = this.#context
    const { id } = this.#batch
    let next = modelsMax
    lines.together(() => {
      for (const [model, { part, lines: count, bytes: modelBytes }] of this.#parts) {
        lines.addPart(id, { part, model, isEarly: false, modelBytes })
        for (const early of earlyLines(count)) {
          lines.addPart(id, { part: next, model, isEarly: true, modelBytes })
          lines.moveFirst(id, part, next, early)
          next += 1
        }
      }
      lines.countRecords(id)
    })
  }

  #note(code: string, line: number, message: string, param: string | null): void {
    if (!this.isFull) this.#errors.push({ code, line, message, param })
  }

  #judge(body: Readonly<Record<string, unknown>>): Omit<CheckedLine, 'line' | 'customId'> {
    const { model } = body
    const service = typeof model === 'string' ? this.#serviceOf(model) : undefined
    if (service === undefined)
      return faulty(
        typeof model === 'string'
          ? {
              status: 404,
              message: `there is no model ${JSON.stringify(model.slice(0, 64))} at ${this.#batch.facts.endpoint}; GET /v1/models lists the models`,
              code: 'model_not_found',
              param: 'body.model',
            }
          : { status: 400, message: 'body.model names no model', param: 'body.model' },
      )
    const request = service.endpoint.read(body)
    const fault = this.#faultOf(service, request)
    if (fault !== undefined) return faulty(fault)
    const records = 'documents' in request ? request.documents.length : 1
    this.#documents += records
    if (this.#documents > requestsMax)
      throw new LineFault('too_many_tasks', `a batch has at most ${requestsMax} inputs; send several`, null)
    const form = 'form' in request ? (request.form ?? null) : null
    return { part: this.#partOf(service.model.id, this.#bytesOf(request)), form, records, fault: null }
  }

  #serviceOf(model: string): Service | undefined {
    const { models } = this.#context
    if (!this.#services.has(model) && models.some(({ id }) => id === model))
      this.#services.set(model, serviceOf(models, this.#batch.facts.endpoint, model))
    return this.#services.get(model)
  }

  #partOf(model: string, bytes: number): number {
    const known = this.#parts.get(model) ?? { part: this.#parts.size, lines: 0, bytes: 0 }
    if (known.part >= modelsMax)
      throw new LineFault('too_many_models', `a batch names at most ${modelsMax} models`, 'body.model')
    this.#parts.set(model, known)
    known.lines += 1
    known.bytes += bytes
    return known.part
  }

  /** An upload that many lines name is stored for each of them. */
  #bytesOf(request: EndpointRequest): number {
    if ('documents' in request) return request.documents.reduce((sum, { byteLength }) => sum + byteLength, 0)
    return 'upload' in request ? (this.#context.files.get(this.#batch.tenant, request.upload).bytes ?? 0) : 0
  }

  #faultOf({ description }: Service, request: EndpointRequest): ErrorFacts | undefined {
    if ('fault' in request)
      return {
        status: 400,
        message: request.fault,
        ...(request.param === null ? {} : { param: request.param }),
      }
    if ('documents' in request) {
      const refusals = request.documents.map((document) =>
        description.refusalOf(document.subarray(0, headBytes)),
      )
      const refusal = refusals.find((one) => one !== null)
      return refusal && unreadable(refusal)
    }
    try {
      const { files } = this.#context
      const row = files.get(this.#batch.tenant, request.upload)
      const refusal = refusalBySize(files.bytesOf(row)) ?? description.refusalOf(headOf(files.pathOf(row.id)))
      return refusal === null ? undefined : unreadable(refusal)
    } catch (error) {
      if (error instanceof ApiError) return error.facts
      throw error
    }
  }
}

/** The numbers of lines in the early jobs of a model that has so many lines. */
function earlyLines(lines: number): number[] {
  if (lines < earlyFrom) return []
  const early: number[] = []
  for (let next = earlyFirst; next <= lines * earlyShareMax; next *= earlyFactor) early.push(next)
  return early
}

/** The error of a line whose document nobody can read. */
export function unreadable({ what, wayOut }: Refusal): ErrorFacts {
  return {
    status: 400,
    message: `the document cannot be read: ${what}${wayOut === '' ? '' : ` (${wayOut})`}`,
    code: 'unreadable_document',
  }
}

function faulty(fault: ErrorFacts): Omit<CheckedLine, 'line' | 'customId'> {
  return { part: null, form: null, records: 0, fault }
}

function headOf(path: string): Uint8Array {
  const head = new Uint8Array(headBytes)
  const file = openSync(path, 'r')
  try {
    return head.subarray(0, readSync(file, head, 0, headBytes, 0))
  } finally {
    closeSync(file)
  }
}
