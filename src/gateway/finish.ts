/**
 * Writes the files of a batch whose jobs have ended: each line of the input, in its order, in one of two files. So lines of output and
 * error file together are the lines of the input, and those of the error file are as many as have failed.
 */
import { createWriteStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { JobStatus, ResultLine, ResultsEnd } from '../host/api.ts'
import type { Micros } from '../protocol/price.ts'
import {
  type AnsweredLine,
  answerOf,
  faultOf,
  lineNumberOf,
  type Unanswered,
  unansweredOf,
} from './answers.ts'
import type { Batch, Part } from './batches.ts'
import type { Breather } from './breather.ts'
import type { LineRow, LineRows } from './line-rows.ts'
import type { Service } from './models.ts'
import type { GatewayNode } from './submit.ts'

/** A part whose job has ended, or that never had one. */
export interface EndedPart extends Part {
  readonly service: Service
  /** Null: it was not submitted. */
  readonly status: JobStatus | null
}

export interface Finished {
  readonly completed: number
  readonly failed: number
  /** Those of both files. */
  readonly bytes: number
  /** Those of the failed that the time was too short for. */
  readonly expired: number
  readonly usage: { readonly input: number; readonly output: number }
}

interface FinishContext {
  readonly node: Pick<GatewayNode, 'api'>
  readonly lines: LineRows
  readonly breather: Breather
}

/** All that jobs which are called off did cost: what vehicles finish later is not owed. */
export async function owedBy(
  parts: readonly Part[],
  api: Pick<GatewayNode['api'], 'status'>,
): Promise<Micros> {
  let micros = 0
  for (const { job } of parts) {
    const status = job === null ? null : await api.status(job).catch(() => null)
    micros += status?.payment?.owedMicros ?? 0
  }
  return micros
}

/** The work of a batch whose jobs have ended. */
export function workOf(parts: readonly EndedPart[]): Batch['facts']['work'] {
  const jobs = parts.flatMap(({ status }) => (status === null ? [] : [status]))
  const engines = new Set(jobs.map(({ runtime, engine }) => `${runtime}/${engine}`))
  return {
    engine: [...engines].join(', ') || null,
    replicas: jobs[0]?.replicas ?? null,
    errorBound: jobs.reduce<number | null>((most, { errorBound }) => greater(most, errorBound), null),
    executions: jobs.reduce((sum, { executions }) => sum + executions, 0),
    owedMicros: jobs.reduce((sum, { payment }) => sum + (payment?.owedMicros ?? 0), 0),
    promisedMicros: 0,
  }
}

function greater(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}

/** Writes both files, and syncs them; one that would be empty is removed. Throws what the disk throws, and leaves none then. */
export async function writeAnswers(...given: Parameters<typeof writeBoth>): Promise<Finished> {
  try {
    return await writeBoth(...given)
  } catch (error) {
    await Promise.all(Object.values(given[2]).map((path) => rm(path, { force: true })))
    throw error
  }
}

async function writeBoth(
  batch: Batch,
  parts: readonly EndedPart[],
  paths: { readonly output: string; readonly errors: string },
  { node, lines, breather }: FinishContext,
): Promise<Finished> {
  const readers = new Map(parts.map((part) => [part.part, new PartReader(part, node)]))
  const files = { output: new LineFile(paths.output), errors: new LineFile(paths.errors) }
  const usage = { input: 0, output: 0 }
  let expired = 0
  try {
    for (const row of lines.of(batch.id)) {
      await breather.breathe()
      const answered = await answer(batch, row, readers)
      usage.input += answered.usage.input
      usage.output += answered.usage.output
      if (answered.isExpired) expired += 1
      await (answered.isSuccess ? files.output : files.errors).write(answered.text)
    }
  } finally {
    await Promise.all([files.output.close(), files.errors.close()])
    await Promise.all([...readers.values()].map((reader) => reader.close()))
  }
  const { output, errors } = files
  return {
    completed: output.count,
    failed: errors.count,
    bytes: output.bytes + errors.bytes,
    expired,
    usage,
  }
}

async function answer(
  batch: Batch,
  row: LineRow,
  readers: ReadonlyMap<number, PartReader>,
): Promise<AnsweredLine> {
  if (row.fault !== null) return faultOf(batch, row, row.fault)
  const reader = readers.get(row.part!)!
  const records = await reader.recordsOf(row.line)
  if (records.length > 0 && records.length >= row.records)
    return answerOf(batch, row, reader.part.service, records)
  return unansweredOf(batch, row, whyUnanswered(batch, reader.part.status))
}

function whyUnanswered({ status }: Batch, job: JobStatus | null): Unanswered {
  if (status === 'cancelling' || job?.state === 'cancelled')
    return {
      code: 'batch_cancelled',
      message: 'This request was not executed before the batch was cancelled.',
    }
  if (job === null || job.code === 'deadline-passed')
    return {
      code: 'batch_expired',
      message: 'This request could not be executed before the completion window expired.',
    }
  if (job.code === 'budget-spent')
    return {
      code: 'budget_exhausted',
      message: `The budget of the batch was used up before this request was done: ${job.reason}.`,
    }
  return {
    code: 'shard_failed',
    message: `Too few owners gave the same result for this request: ${job.reason || 'its shard failed'}.`,
  }
}

/** Reads the results of a job, which come in the order of its lines, a line at a time. */
class PartReader {
  readonly part: EndedPart
  readonly #results: AsyncGenerator<ResultLine, ResultsEnd, undefined> | undefined
  #next: ResultLine | undefined

  constructor(part: EndedPart, node: Pick<GatewayNode, 'api'>) {
    this.part = part
    this.#results = part.job === null ? undefined : node.api.results(part.job)
  }

  async recordsOf(line: number): Promise<readonly ResultLine[]> {
    const records: ResultLine[] = []
    for (;;) {
      this.#next ??= await this.#read()
      if (this.#next === undefined || lineNumberOf(this.#next.document) > line) return records
      if (lineNumberOf(this.#next.document) === line) records.push(this.#next)
      this.#next = undefined
    }
  }

  async close(): Promise<void> {
    await this.#results?.return(undefined as never)
  }

  async #read(): Promise<ResultLine | undefined> {
    const next = await this.#results?.next()
    return next === undefined || next.done ? undefined : next.value
  }
}

class LineFile {
  readonly #path: string
  readonly #stream: ReturnType<typeof createWriteStream>
  count = 0
  bytes = 0

  constructor(path: string) {
    this.#path = path
    this.#stream = createWriteStream(path, { mode: 0o600 })
    this.#stream.on('error', () => {}) // met at the end
  }

  async write(text: string): Promise<void> {
    this.count += 1
    this.bytes += Buffer.byteLength(text)
    if (!this.#stream.write(text) && !this.#stream.destroyed)
      await new Promise<void>((resolve) => {
        const go = () => {
          this.#stream.off('drain', go).off('close', go)
          resolve()
        }
        this.#stream.on('drain', go).on('close', go)
      })
  }

  async close(): Promise<void> {
    this.#stream.end()
    await finished(this.#stream)
    if (this.count === 0) return rm(this.#path, { force: true })
    const handle = await open(this.#path, 'r+')
    await handle.sync().finally(() => handle.close())
  }
}
