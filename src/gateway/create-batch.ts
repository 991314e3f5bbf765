/** Makes a batch of a client's request. What is wrong with its file shows later; what is wrong with the request is refused at once. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Batch, Batches } from './batches.ts'
import { ApiError, wrong } from './errors.ts'
import type { Files } from './files.ts'
import type { KeyRow } from './keys.ts'
import { endpointUrls } from './models.ts'
import { type Money, type Wishes, wishesOf } from './wishes.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
/** As upstream. */
const keepMsDefault = 30 * dayMs
const windowMsMax = 30 * dayMs
const pairsMax = 16
/** A client that got no answer sends the same once more within this time, and says so. */
const retryMs = 600_000
/** … and one that names its request, within this time. */
const namedMs = dayMs

const bodySchema = z.looseObject({
  input_file_id: z.string().min(1).max(128),
  endpoint: z.string().max(128),
  completion_window: z.string().max(16),
  // A name that means something to JavaScript would be dropped without a word.
  metadata: z
    .unknown()
    .refine((given) => !Object.hasOwn(Object(given), '__proto__'), 'no pair can have this name: __proto__')
    .pipe(z.record(z.string().max(64), z.string().max(512)).nullable())
    .optional(),
  output_expires_after: z
    .object({ anchor: z.literal('created_at'), seconds: z.int().min(3600).max(2_592_000) })
    .nullish(),
})

export interface CreateContext {
  readonly batches: Batches
  readonly files: Files
  readonly key: KeyRow
  readonly nowMs: number
  /** The client sends it for the second time at least, by its own word. */
  readonly isRetry: boolean
  /** The name that the client gave the request: by one name there is one batch. Left out: none. */
  readonly idempotencyKey?: string | undefined
}

/** `isNew`: it is not the batch that the same request has made before. Throws ApiError. */
export function createBatch(
  body: unknown,
  context: CreateContext,
): { readonly batch: Batch; readonly isNew: boolean } {
  const { batches, key, nowMs, isRetry, idempotencyKey: name } = context
  const bodyHash = hashOf([body])
  // A name stands for the same request with each key that the tenant has had.
  const requestHash = name === undefined ? hashOf([key.id, body]) : hashOf([key.tenant, 'named', name])
  const sinceMs = nowMs - (name === undefined ? retryMs : namedMs)
  const before = isRetry || name !== undefined ? batches.madeBy(key.tenant, requestHash, sinceMs) : undefined
  if (before !== undefined) {
    if (name !== undefined && before.facts.bodyHash !== bodyHash) throw nameTaken(before.id)
    return { batch: before, isNew: false }
  }
  const draft = draftOf(body, context)
  const facts = name === undefined ? draft.facts : { ...draft.facts, bodyHash }
  return { batch: batches.create({ ...draft, facts, requestHash }), isNew: true }
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function nameTaken(batch: string): ApiError {
  return new ApiError({
    status: 409,
    message: `another request of today made ${batch} with this Idempotency-Key; give this one a key of its own`,
    code: 'idempotency_key_reused',
    mayRetry: false,
  })
}

/** The batch that such a request would make, with what it may cost. Throws ApiError. */
export function draftOf(
  body: unknown,
  context: Omit<CreateContext, 'isRetry' | 'idempotencyKey'>,
): Omit<Batch, 'id' | 'status' | 'requestHash'> {
  const { batches, files, key, nowMs } = context
  const { tenant, settings } = key
  const parsed = bodySchema.safeParse(body)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw wrong(`${path.join('.') || 'the body'}: ${message}`, path.join('.') || undefined)
  }
  const {
    input_file_id: inputFileId,
    endpoint,
    completion_window: window,
    output_expires_after: keep,
  } = parsed.data
  const metadata = parsed.data.metadata ?? null
  if (Object.keys(metadata ?? {}).length > pairsMax)
    throw wrong(`metadata has more than ${pairsMax} pairs`, 'metadata')
  if (!endpointUrls.includes(endpoint))
    throw wrong(
      `there are no batches for this endpoint; there are for ${endpointUrls.join(', ')}`,
      'endpoint',
    )
  const windowMs = windowMsOf(window)
  const wishes = wishesOf(parsed.data.carpool, metadata ?? {})
  const { purpose, bytes } = files.get(tenant, inputFileId)
  if (purpose !== 'batch')
    throw wrong(`the file ${inputFileId} was uploaded for ${purpose}, and not for "batch"`, 'input_file_id')
  const underWay = batches.countUnderWay(tenant)
  // Lines that nobody can answer cost nothing, and make a file of errors all the same.
  files.checkRoom(tenant, (bytes ?? 0) * (underWay + 1))
  if (underWay >= settings.batchesMax)
    throw refusedForNow(
      `${settings.batchesMax} batches of this key are under way, and no more may be at once; wait until one has ended, or cancel it`,
      'too_many_batches',
    )
  const budget = budgetFor(wishes, context)
  // The key's cap of now: a batch that went by the one in force at each of its jobs would buy a job anew after a restart.
  const priceCap = wishes.priceCap ?? (budget === null ? null : settings.priceCap)
  return {
    tenant,
    createdAtMs: nowMs,
    currency: budget?.currency ?? null,
    budgetMicros: budget?.micros ?? 0,
    facts: {
      endpoint,
      window,
      expiresAtMs: nowMs + windowMs,
      inputFileId,
      metadata,
      keepMs: keep ? keep.seconds * 1000 : keepMsDefault,
      wishes: { ...wishes, priceCap },
      budgetMicros: budget?.micros ?? 0,
      model: null,
      errors: [],
      moments: {},
      counts: { total: 0, completed: 0, failed: 0 },
      usage: { input: 0, output: 0 },
      outputFileId: null,
      errorFileId: null,
      proofFileIds: [],
      work: {
        engine: null,
        replicas: null,
        errorBound: null,
        executions: 0,
        owedMicros: 0,
        promisedMicros: budget?.micros ?? 0,
      },
    },
  }
}

function windowMsOf(window: string): number {
  const [, count, unit] = /^(\d{1,3})([hd])$/.exec(window) ?? []
  const ms = Number(count) * (unit === 'd' ? dayMs : hourMs)
  if (count === undefined || ms < hourMs || ms > windowMsMax)
    throw wrong('completion_window is no time from 1h to 30d, such as 24h', 'completion_window')
  return ms
}

/** The part of what is left of a day that a batch gets which names no budget, so that others can run beside it. A guess. */
const shareUsual = 1 / 4

/** The most that the batch may cost: what it says, or a part of what is left of the key's day. Null: it pays nobody. */
function budgetFor(
  { budget, priceCap }: Wishes,
  { batches, key, nowMs }: Pick<CreateContext, 'batches' | 'key' | 'nowMs'>,
): Money | null {
  const { budgetDay } = key.settings
  if (budgetDay === null) {
    if (budget === null && priceCap === null) return null
    throw wrong(
      'this key may spend nothing; its owner gives it a budget with: carpool key create --budget-day 5EUR',
      'carpool.budget',
    )
  }
  const { currency } = budgetDay
  for (const money of [budget, priceCap])
    if (money !== null && money.currency !== currency)
      throw wrong(`this key pays in ${currency}, and not in ${money.currency}`, 'carpool.budget')
  const spent = batches.spentSince(key.tenant, currency, nowMs - (nowMs % dayMs))
  const left = budgetDay.micros - spent
  const micros = budget?.micros ?? Math.floor(left * shareUsual)
  if (micros > left || (left <= 0 && budgetDay.micros > 0))
    throw refusedForNow(
      `of this key's budget of today, ${left / 1e6} ${currency} are left, and batches under way hold the rest; ask for less with carpool.budget, or tomorrow (UTC)`,
      'insufficient_quota',
    )
  return { currency, micros }
}

function refusedForNow(message: string, code: string): ApiError {
  return new ApiError({ status: 429, message, code, mayRetry: false })
}
