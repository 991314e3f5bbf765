/** Submits a part of a batch, lines of one model, as one job of the node. */
import { readFileSync } from 'node:fs'
import type { Quote, SubmitRequest, Submitted } from '../host/api.ts'
import { type Clock, leftUntil } from '../host/clock.ts'
import { RequestError } from '../host/errors.ts'
import type { CarpoolNode } from '../host/node/node.ts'
import { isPackaged } from '../host/submission/runtime-facts.ts'
import type { NamedDocument } from '../host/submission/sources.ts'
import { WeightsRefused } from '../host/submission/weights.ts'
import { submitDefaults } from '../host/submit-defaults.ts'
import { unitMicrosMax } from '../protocol/limits.ts'
import { formatMoney, isAffordable } from '../protocol/price.ts'
import { unitOfRuntime } from '../runtimes/registry.ts'
import type { Batch, Part } from './batches.ts'
import { Breather } from './breather.ts'
import { unreadable } from './check.ts'
import type { ErrorFacts } from './errors.ts'
import type { Files } from './files.ts'
import { linesOf } from './jsonl.ts'
import { requestIn } from './line-request.ts'
import type { LineRow, LineRows } from './line-rows.ts'
import { type Model, type Service, serviceOf } from './models.ts'

/** The parts of a node that the gateway uses. */
export type GatewayNode = Pick<CarpoolNode, 'api' | 'submitGiven' | 'quoteGiven' | 'followResults'>

export interface SubmitContext {
  readonly node: GatewayNode
  readonly files: Files
  readonly lines: LineRows
  readonly models: readonly Model[]
  /** All of the batch. */
  readonly parts: readonly Part[]
  readonly clock: Clock
  /** Ends the reading of documents, and with it the submission. */
  readonly signal: AbortSignal
}

/** Undefined where no line of the part can be read. Throws RequestError, and what the disk throws. */
export async function submitPart(
  batch: Batch,
  one: Part,
  context: SubmitContext,
): Promise<Submitted | undefined> {
  const { node, lines, models, clock } = context
  const { part, model } = one
  const service = serviceOf(models, batch.facts.endpoint, model)
  if (service === undefined) throw new RequestError(`the model ${model} is not on this node any more`)
  if (!lines.counts(batch.id).has(part)) return undefined
  const request = requestFor(batch, one, service, context)
  if (request.deadlineMs !== null && request.deadlineMs <= 0) return undefined
  refuseTooDear(request, node)
  const documents = () => documentsOf(batch, part, service, context, new Breather(clock))
  try {
    return await node.submitGiven(request, { documents, salt: `${batch.id}/${part}` })
  } catch (error) {
    if (error instanceof WeightsRefused) {
      lines.refusePart(batch.id, part, unusable(model, batch, error))
      return undefined
    }
    // What became of each document is noted in its line.
    if (error instanceof RequestError && !lines.counts(batch.id).has(part)) return undefined
    throw error
  }
}

/** Its file is of another kind than the endpoint asks for, or none any more: the fault of its lines, and of no others. */
function unusable(model: string, { facts }: Batch, { why }: WeightsRefused): ErrorFacts {
  return {
    status: 400,
    message: `the model ${model} cannot be asked at ${facts.endpoint}: its file ${why}`,
    code: 'model_not_usable',
    param: 'body.model',
  }
}

/** The price of a part, which `submitPart` would submit. Throws RequestError, and what the disk throws. */
export async function quotePart(batch: Batch, one: Part, context: SubmitContext): Promise<Quote | undefined> {
  const { node, lines, models, clock } = context
  const { part, model } = one
  const service = serviceOf(models, batch.facts.endpoint, model)
  if (service === undefined || !lines.counts(batch.id).has(part)) return undefined
  const request = requestFor(batch, one, service, context)
  const documents = () => documentsOf(batch, part, service, context, new Breather(clock))
  try {
    return await node.quoteGiven(request, { documents, salt: batch.id })
  } catch (error) {
    if (error instanceof RequestError && !lines.counts(batch.id).has(part)) return undefined
    throw error
  }
}

function requestFor(
  batch: Batch,
  part: Part,
  { runtime, model, endpoint }: Service,
  { clock, parts }: SubmitContext,
): SubmitRequest {
  const { wishes, expiresAtMs } = batch.facts
  return {
    ...submitDefaults,
    paths: [],
    runtime,
    engine: endpoint.engine ?? submitDefaults.engine,
    model: model.path ?? (isPackaged(runtime, model.id) ? model.id : null),
    errorBound: wishes.errorBound ?? submitDefaults.errorBound,
    replicas: wishes.replicas,
    // Its client reads the output file while the batch runs.
    isFollowed: true,
    category: wishes.category ?? submitDefaults.category,
    deadlineMs: leftUntil(clock, expiresAtMs),
    payment: paymentFor(batch, part, runtime, parts),
  }
}

/** A batch that nobody here works for, since all ask for more, would wait until its window is over. Throws RequestError. */
function refuseTooDear({ runtime, payment }: SubmitRequest, { api }: GatewayNode): void {
  const asks = api
    .peers()
    .flatMap(({ self, engines }) => (self ? [] : engines.filter((one) => one.runtime === runtime)))
  if (asks.length === 0 || asks.some(({ ask }) => isAffordable(ask, payment))) return
  const prices = asks.map(({ ask }) => ask!).sort((a, b) => a.unitMicros - b.unitMicros)
  const { one, many, pricedPer } = unitOfRuntime(runtime)
  const unit = pricedPer === 1 ? `a ${one}` : `${pricedPer} ${many}`
  const least = `${formatMoney(prices[0]!.unitMicros, prices[0]!.currency)} for ${unit}`
  throw new RequestError(
    payment === null
      ? `the vehicles here ask for money, at least ${least}, and this key may spend nothing: its owner gives it a budget with carpool key create --budget-day`
      : `the vehicles here ask at least ${least}, and this batch pays at most ${formatMoney(payment.unitMicrosMax, payment.currency)}; give it more with carpool.budget or carpool.price_cap`,
  )
}

/** Executions of a unit that a budget is to be enough for, where nobody has said what one may cost: two owners agree, or one and checks. */
const executionsUsual = 2
/** … and of an early part, which is small: a copy may come on top. */
const executionsEarly = 3
/** A token has so many bytes at most, by and large: fewer tokens allow a higher price, and the budget is a bound all the same. A guess. */
const tokenBytesMost = 8

/** The same at each call: a job that was submitted, and not noted, is found again by its payment, too. */
function paymentFor(
  { currency, budgetMicros: whole, facts: { wishes } }: Batch,
  part: Part,
  runtime: string,
  parts: readonly Part[],
): SubmitRequest['payment'] {
  if (currency === null) return null
  const recordsOf = (some: readonly Part[]) => some.reduce((sum, { records }) => sum + records, 0)
  const executionsOf = (some: readonly Part[]) =>
    some.reduce((sum, { isEarly, records }) => {
      const each = isEarly && wishes.replicas === null ? executionsEarly : executionsUsual
      return sum + each * records
    }, 0)
  const share = (some: readonly Part[]) => Math.floor((whole * executionsOf(some)) / executionsOf(parts))
  const ofModel = parts.filter(({ model }) => model === part.model)
  const { pricedPer: per } = unitOfRuntime(runtime)
  const units = per === 1 ? recordsOf(ofModel) : Math.max(1, part.modelBytes / tokenBytesMost)
  const executionsOfUnit = executionsOf(ofModel) / recordsOf(ofModel)
  const allowed = Math.max(1, Math.floor((share(ofModel) * per) / (executionsOfUnit * units)))
  const unitMicros = Math.min(unitMicrosMax, wishes.priceCap?.micros ?? allowed)
  return { currency, unitMicrosMax: unitMicros, ...(per === 1 ? {} : { per }), budgetMicros: share([part]) }
}

/** Reads the input file once more, and hands on the documents of the lines of this part: `<line>.<place>`. */
async function* documentsOf(
  batch: Batch,
  part: number,
  service: Service,
  { files, lines, signal }: SubmitContext,
  breather: Breather,
): AsyncGenerator<NamedDocument> {
  const { endpoint, inputFileId } = batch.facts
  const range = lines.rangeOf(batch.id, part)
  if (range === undefined) return
  for await (const { line, bytes } of linesOf(files.pathOf(inputFileId))) {
    await breather.breathe()
    signal.throwIfAborted()
    if (line < range.first) continue
    if (line > range.last) return
    const row = lines.get(batch.id, line)
    if (row?.part !== part) continue
    const read = service.endpoint.read(requestIn(bytes, endpoint)!.body)
    if ('fault' in read) continue // it was none when the line was checked
    const told: NamedDocument['told'] = (...heard) => note(batch, row, lines, ...heard)
    if ('documents' in read) {
      const isOne = read.documents.length === 1
      for (const [i, document] of read.documents.entries())
        yield { name: `${line}.${i}`, read: () => document, ...(isOne ? { told } : {}) }
      continue
    }
    const { upload } = read
    yield { name: `${line}.0`, told, read: () => uploaded(batch, upload, files) }
  }
}

function uploaded({ tenant }: Batch, id: string, files: Files): ReturnType<NamedDocument['read']> {
  try {
    return readFileSync(files.pathOf(files.get(tenant, id).id))
  } catch {
    return { what: `the file ${id} is gone`, wayOut: 'upload it again' }
  }
}

/** A document may have many pages, and it may turn out late that nobody can read it, or some of them. */
function note(
  { id }: Batch,
  { line, records }: LineRow,
  lines: LineRows,
  ...[pages, refusal, lostPages]: Parameters<NonNullable<NamedDocument['told']>>
): void {
  if (pages === 0 && refusal !== null) lines.change(id, line, { records: 0, fault: unreadable(refusal) })
  else if (refusal !== null)
    lines.change(id, line, { records: pages, lost: { pages: lostPages, why: refusal.what } })
  else if (pages !== records) lines.change(id, line, { records: pages })
}
