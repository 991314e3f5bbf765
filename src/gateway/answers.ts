/** The lines of output files and error files: each line of the input has one, in one of them. */
import { createHash } from 'node:crypto'
import { clean } from '../base/printable.ts'
import type { ResultLine } from '../host/api.ts'
import type { PageOutputs } from '../runtimes/messages.ts'
import type { Batch } from './batches.ts'
import { type ErrorFacts, errorBody } from './errors.ts'
import { seconds } from './files.ts'
import type { LineRow } from './line-rows.ts'
import type { Service } from './models.ts'

export interface AnsweredLine {
  readonly isSuccess: boolean
  /** It has no answer, since the time was too short. */
  readonly isExpired?: boolean
  /** With its end. */
  readonly text: string
  readonly usage: { readonly input: number; readonly output: number }
}

/** No fault of the request, and nothing that a second look would change: the owners' results are what they are. */
const noRecord: ErrorFacts = {
  status: 500,
  message: 'the result that the owners agree on is none that this model gives; send the request once more',
  code: 'result_malformed',
}

const noUsage = { input: 0, output: 0 }

/** Answers a line by the records of its documents, in the order of documents and pages. All of them are here. */
export function answerOf(
  batch: Batch,
  row: LineRow,
  { endpoint, model }: Service,
  records: readonly ResultLine[],
): AnsweredLine {
  const failed = records.find(({ error }) => error !== null)
  if (failed !== undefined) {
    const { code, message } = failed.error!
    const where = records.length > 1 && row.records > 1 ? `${placeOf(failed, records)}: ` : ''
    // A vehicle has written both, and a person reads them in a terminal.
    return faultOf(batch, row, { status: 400, message: `${where}${clean(message)}`, code: clean(code) })
  }
  const outputs = documentsOf(records)
  if (!outputs.every((pages) => pages.every(endpoint.isRecord))) return faultOf(batch, row, noRecord)
  const id = idOf(batch, row)
  const { form, lost } = row
  const asked = { model: model.id, id, createdAt: seconds(batch.createdAtMs), form, lost }
  const body = endpoint.answer(outputs, asked)
  const response = { status_code: 200, request_id: `req_${id}`, body }
  return {
    isSuccess: true,
    text: lineOf(batch, row, response, null),
    usage: endpoint.usage(outputs),
  }
}

/** A request has several inputs, which are documents of a page each, or one document of several pages. */
function placeOf({ document, page }: ResultLine, records: readonly ResultLine[]): string {
  if (records.every((one) => one.document === document)) return `page ${page}`
  return `input ${Number(document.slice(document.indexOf('.') + 1)) + 1}`
}

/** The line of a request that nobody could answer as it was meant. */
export function faultOf(batch: Batch, row: LineRow, fault: ErrorFacts): AnsweredLine {
  const response = {
    status_code: fault.status,
    request_id: `req_${idOf(batch, row)}`,
    body: errorBody(fault),
  }
  return { isSuccess: false, text: lineOf(batch, row, response, null), usage: noUsage }
}

/** The line of a request that has no answer. */
export function unansweredOf(batch: Batch, row: LineRow, error: Unanswered): AnsweredLine {
  const isExpired = error.code === 'batch_expired'
  return { isSuccess: false, isExpired, text: lineOf(batch, row, null, error), usage: noUsage }
}

export interface Unanswered {
  readonly code: 'batch_expired' | 'batch_cancelled' | 'budget_exhausted' | 'shard_failed'
  readonly message: string
}

function lineOf(batch: Batch, row: LineRow, response: object | null, error: object | null): string {
  const line = { id: `batch_req_${idOf(batch, row)}`, custom_id: row.customId, response, error }
  return `${JSON.stringify(line)}\n`
}

/** How each line of a batch begins, with an id of its own. */
export const lineHead = { pattern: /^\{"id":"batch_req_[0-9a-f]{24}"/, letters: 42 }

/** The same whenever the line is written. */
function idOf({ id }: Batch, { line }: LineRow): string {
  return createHash('sha256').update(`${id}/${line}`).digest('hex').slice(0, 24)
}

/** Records of a document follow each other. */
function documentsOf(records: readonly ResultLine[]): PageOutputs[] {
  const outputs: Readonly<Record<string, unknown>>[][] = []
  let last: string | undefined
  for (const { document, result } of records) {
    if (document !== last) outputs.push([])
    last = document
    outputs.at(-1)!.push(result!)
  }
  return outputs
}

/** The line of the input file that a document of a job is from. */
export function lineNumberOf(document: string): number {
  return Number.parseInt(document, 10)
}
