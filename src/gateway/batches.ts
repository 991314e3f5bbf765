/** The batches of tenants, as the table keeps them, and as clients read them. */
import { randomBytes } from 'node:crypto'
import type { Database } from '../host/store/database.ts'
import type { Micros } from '../protocol/price.ts'
import { missing } from './errors.ts'
import { type ListQuery, seconds } from './files.ts'
import { Kept } from './kept.ts'
import type { Wishes } from './wishes.ts'

export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled'

/** Those after which nothing changes. */
const overStatuses: readonly BatchStatus[] = ['failed', 'completed', 'expired', 'cancelled']

export function isOver(status: BatchStatus): boolean {
  return overStatuses.includes(status)
}

/** A fault of the input file, or of the whole batch. */
export interface BatchError {
  readonly code: string
  /** From 1; null: it is about no line. */
  readonly line: number | null
  readonly message: string
  readonly param: string | null
}

/** Moments of a batch, in milliseconds; those that did not come are missing. */
type Moment = 'in_progress' | 'finalizing' | 'completed' | 'failed' | 'expired' | 'cancelling' | 'cancelled'

export interface BatchFacts {
  readonly endpoint: string
  readonly window: string
  readonly expiresAtMs: number
  readonly inputFileId: string
  readonly metadata: Readonly<Record<string, string>> | null
  /** How long its files are kept, from when they are made. */
  readonly keepMs: number
  readonly wishes: Wishes
  /** All that it may cost. */
  readonly budgetMicros: Micros
  /** A hash of the body that made it, where its client gave the request a name. */
  readonly bodyHash?: string
  /** Its first jobs are submitted, and others not yet. */
  readonly isSubmitting?: boolean
  /** The only model, once it is known. */
  readonly model: string | null
  readonly errors: readonly BatchError[]
  readonly moments: Readonly<Partial<Record<Moment, number>>>
  readonly counts: { readonly total: number; readonly completed: number; readonly failed: number }
  readonly usage: { readonly input: number; readonly output: number }
  readonly outputFileId: string | null
  readonly errorFileId: string | null
  readonly proofFileIds: readonly string[]
  /** Those of its jobs, as far as they have been looked at. */
  readonly work: {
    readonly engine: string | null
    readonly replicas: number | null
    readonly errorBound: number | null
    readonly executions: number
    readonly owedMicros: Micros
    readonly promisedMicros: Micros
  }
}

export interface Batch {
  readonly id: string
  readonly tenant: string
  readonly status: BatchStatus
  readonly requestHash: string
  readonly createdAtMs: number
  readonly currency: string | null
  /** While it runs, all that it may cost; then what it did cost. */
  readonly budgetMicros: Micros
  readonly facts: BatchFacts
}

export interface Part {
  readonly part: number
  readonly model: string
  readonly job: string | null
  /** It has the first lines of its model, whose answers come while the others wait. */
  readonly isEarly: boolean
  /** Those of all documents of its model. */
  readonly modelBytes: number
  /** Those of its lines when they were checked: its payment comes of them, whatever reading its documents finds. */
  readonly records: number
}

export class Batches {
  readonly kept: Kept
  readonly #tables: Database

  constructor(tables: Database) {
    this.#tables = tables
    this.kept = new Kept(tables)
  }

  /** Throws ApiError where the tenant has so many that none may go. */
  create(row: Omit<Batch, 'id' | 'status'>): Batch {
    const batch: Batch = { ...row, id: `batch_${randomBytes(12).toString('hex')}`, status: 'validating' }
    this.kept.makeRoom(batch.tenant, batch.createdAtMs)
    this.#tables.run(
      `INSERT INTO batches (id, tenant, status, request_hash, facts, created_at_ms, currency, budget_micros, is_over)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
      batch.id,
      batch.tenant,
      batch.status,
      batch.requestHash,
      JSON.stringify(batch.facts),
      batch.createdAtMs,
      batch.currency,
      batch.budgetMicros,
    )
    return batch
  }

  /** Status, facts and budget are written; the rest never changes. */
  update({ id, status, facts, budgetMicros }: Batch): void {
    this.#tables.run(
      'UPDATE batches SET status = ?, facts = ?, budget_micros = ?, is_over = ?, over_at_ms = ? WHERE id = ?',
      status,
      JSON.stringify(facts),
      budgetMicros,
      isOver(status) ? 1 : 0,
      isOver(status) ? (facts.moments[status as Moment] ?? null) : null,
      id,
    )
  }

  /** Throws ApiError. */
  get(tenant: string, id: string): Batch {
    const batch = this.byId(id)
    if (batch === undefined || batch.tenant !== tenant)
      throw missing(`batch ${JSON.stringify(id.slice(0, 64))}`)
    return batch
  }

  byId(id: string): Batch | undefined {
    const row = this.#tables.get<StoredBatch>(`${selection} WHERE id = ?`, id)
    return row && batchOf(row)
  }

  /** Newest first. Throws ApiError for an `after` that is not there. */
  list(tenant: string, { after, limit }: ListQuery): { readonly rows: Batch[]; readonly hasMore: boolean } {
    if (after !== null) this.get(tenant, after)
    const rows = this.#tables.all<StoredBatch>(
      `${selection} WHERE tenant = ?1 AND (?2 IS NULL OR serial < (SELECT serial FROM batches WHERE id = ?2))
       ORDER BY serial DESC LIMIT ?3`,
      tenant,
      after,
      limit + 1,
    )
    return { rows: rows.slice(0, limit).map(batchOf), hasMore: rows.length > limit }
  }

  /** All that have not ended, the oldest first. */
  underWay(): Batch[] {
    return this.#tables.all<StoredBatch>(`${selection} WHERE is_over = 0 ORDER BY serial`).map(batchOf)
  }

  countUnderWay(tenant: string): number {
    const sql = 'SELECT count(*) AS count FROM batches WHERE is_over = 0 AND tenant = ?'
    return this.#tables.get<{ count: number }>(sql, tenant)!.count
  }

  countByStatus(): { readonly status: string; readonly count: number }[] {
    return this.#tables.all('SELECT status, count(*) AS count FROM batches GROUP BY status')
  }

  /** The batch that the same request has made since then. */
  madeBy(tenant: string, requestHash: string, sinceMs: number): Batch | undefined {
    const row = this.#tables.get<StoredBatch>(
      `${selection} WHERE tenant = ? AND request_hash = ? AND created_at_ms >= ? ORDER BY serial DESC LIMIT 1`,
      tenant,
      requestHash,
      sinceMs,
    )
    return row && batchOf(row)
  }

  /** The amount that a tenant's batches since then cost, or may cost. */
  spentSince(tenant: string, currency: string, sinceMs: number): Micros {
    const sql = `SELECT coalesce(sum(budget_micros), 0) AS micros FROM batches
      WHERE tenant = ? AND currency = ? AND created_at_ms >= ?`
    return this.#tables.get<{ micros: number }>(sql, tenant, currency, sinceMs)!.micros
  }

  parts(batch: string): Part[] {
    const sql = `SELECT part, model, job, is_early AS isEarly, model_bytes AS modelBytes, records FROM parts
      WHERE batch = ? ORDER BY part`
    const rows = this.#tables.all<Omit<Part, 'isEarly'> & { readonly isEarly: number }>(sql, batch)
    return rows.map(({ isEarly, ...part }) => ({ ...part, isEarly: isEarly === 1 }))
  }

  submitted(batch: string, part: number, job: string): void {
    this.#tables.run('UPDATE parts SET job = ? WHERE batch = ? AND part = ?', job, batch, part)
  }
}

const selection = `SELECT id, tenant, status, request_hash AS requestHash, facts, created_at_ms AS createdAtMs,
  currency, budget_micros AS budgetMicros FROM batches`

type StoredBatch = Omit<Batch, 'facts'> & { readonly facts: string }

function batchOf({ facts, ...row }: StoredBatch): Batch {
  return { ...row, facts: JSON.parse(facts) as BatchFacts }
}

/** As clients read it. `parts`: its jobs. `waiting`: what they wait for, where somebody has looked. */
export function batchObject(batch: Batch, parts: readonly Part[], waiting?: readonly string[]): object {
  const { facts } = batch
  const { moments, usage, work } = facts
  const at = (moment: Moment) => {
    const ms = moments[moment]
    return ms === undefined ? null : seconds(ms)
  }
  const { errors } = facts
  return {
    id: batch.id,
    object: 'batch',
    endpoint: facts.endpoint,
    model: facts.model,
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    input_file_id: facts.inputFileId,
    completion_window: facts.window,
    status: batch.status,
    output_file_id: facts.outputFileId,
    error_file_id: facts.errorFileId,
    created_at: seconds(batch.createdAtMs),
    in_progress_at: at('in_progress'),
    expires_at: seconds(facts.expiresAtMs),
    finalizing_at: at('finalizing'),
    completed_at: at('completed'),
    failed_at: at('failed'),
    expired_at: at('expired'),
    cancelling_at: at('cancelling'),
    cancelled_at: at('cancelled'),
    request_counts: facts.counts,
    usage: {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.input + usage.output,
    },
    metadata: facts.metadata,
    carpool: {
      jobs: parts.flatMap(({ job }) => (job === null ? [] : [job])),
      engine: work.engine,
      replicas: work.replicas,
      error_bound: work.errorBound,
      executions: work.executions,
      ...(waiting === undefined ? {} : { waiting }),
      cost:
        batch.currency === null
          ? null
          : {
              currency: batch.currency,
              owed_micros: work.owedMicros,
              promised_micros: work.promisedMicros,
              budget_micros: facts.budgetMicros,
            },
      proof_file_id: facts.proofFileIds[0] ?? null,
      proof_file_ids: facts.proofFileIds,
    },
  }
}
