/** The submitter's view: the batches of a tenant, and all about one of them. */
import type { JobStatus } from '../../host/api.ts'
import { leftUntil } from '../../host/clock.ts'
import { dayMs } from '../../protocol/rules/week.ts'
import type { AppContext } from '../app-context.ts'
import { type Batch, batchObject } from '../batches.ts'
import { ApiError } from '../errors.ts'
import type { KeyRow } from '../keys.ts'
import { composersOf } from './compose.ts'
import { JobWatches } from './job-watches.ts'
import { shardMap } from './shard-map.ts'
import { Paces } from './time-left.ts'
import type { ViewParts } from './view-parts.ts'

/** More than a person reads; older ones are asked for by the API. */
const batchesShown = 50
const vehiclesShown = 200
const doubtsShown = 20

export class JobsView {
  readonly #context: AppContext
  readonly #watches: JobWatches
  readonly #paces = new Paces()

  constructor(context: AppContext) {
    this.#context = context
    this.#watches = new JobWatches(context.node.api, context.clock)
  }

  /** `id`: the batch that is looked at. */
  async look(key: KeyRow, id: string | null): Promise<ViewParts> {
    const { batches, node } = this.#context
    const { rows, hasMore } = batches.list(key.tenant, { after: null, limit: batchesShown, order: 'desc' })
    const list = rows.map((batch) => ({
      id: batch.id,
      name: this.#nameOf(batch),
      status: batch.status,
      endpoint: batch.facts.endpoint,
      model: batch.facts.model,
      createdAtMs: batch.createdAtMs,
      counts: batch.facts.counts,
    }))
    return {
      key: { ...this.#budgetOf(key), work: composersOf(node.api) },
      batches: { list, hasMore },
      batch: id === null ? null : await this.#one(key, id),
    }
  }

  async #one(key: KeyRow, id: string): Promise<object> {
    const { batches, clock } = this.#context
    let batch: Batch
    try {
      batch = batches.get(key.tenant, id)
    } catch (error) {
      if (error instanceof ApiError) return { id, missing: error.message }
      throw error
    }
    const parts = batches.parts(id)
    const { counts, moments } = batch.facts
    const isRunning = batch.status === 'in_progress' || batch.status === 'cancelling'
    const nowMs = clock.monotonicMs()
    const began = moments.in_progress
    const beganMs = began === undefined ? null : nowMs + leftUntil(clock, began)
    const pace = { done: counts.completed + counts.failed, total: counts.total, beganMs }
    const jobs: object[] = []
    const statuses: JobStatus[] = []
    for (const { job, model } of parts) {
      const look = job === null ? undefined : await this.#watches.look(job)
      if (look === undefined) continue
      statuses.push(look.status)
      jobs.push({ model, ...statusShown(look.status), map: shardMap(look.map) })
    }
    return {
      ...batchObject(isRunning ? withWork(batch, statuses) : batch, parts),
      name: this.#nameOf(batch),
      timeLeft: isRunning ? this.#paces.look(id, pace, nowMs) : null,
      jobs,
    }
  }

  #nameOf({ tenant, facts }: Batch): string {
    const { files } = this.#context
    try {
      return facts.metadata?.title ?? files.get(tenant, facts.inputFileId).filename
    } catch {
      return facts.metadata?.title ?? ''
    }
  }

  #budgetOf({ tenant, settings: { budgetDay } }: KeyRow): object {
    if (budgetDay === null) return { budget: null }
    const { batches, clock } = this.#context
    const dayBegan = Math.floor(clock.now() / dayMs) * dayMs
    const spent = batches.spentSince(tenant, budgetDay.currency, dayBegan)
    return { budget: { ...budgetDay, leftMicros: Math.max(0, budgetDay.micros - spent) } }
  }
}

/** As its jobs stand now; the table has it so at the end. */
function withWork(batch: Batch, statuses: readonly JobStatus[]): Batch {
  const [first] = statuses
  if (first === undefined) return batch
  const sum = (field: 'owedMicros' | 'promisedMicros') =>
    statuses.reduce((all, { payment }) => all + (payment?.[field] ?? 0), 0)
  const work = {
    ...batch.facts.work,
    engine: first.engine,
    replicas: Math.min(...statuses.map(({ replicas }) => replicas)),
    errorBound: statuses.some(({ errorBound }) => errorBound === null)
      ? null
      : Math.max(...statuses.map(({ errorBound }) => errorBound!)),
    executions: statuses.reduce((all, { executions }) => all + executions, 0),
    owedMicros: sum('owedMicros'),
    promisedMicros: sum('promisedMicros'),
  }
  return { ...batch, facts: { ...batch.facts, work } }
}

function statusShown({ vehicles, doubts, ...status }: JobStatus): object {
  const { job, state, reason, engine, runtime, replicas, audits, errorBound, shards, executions, owners } =
    status
  return {
    job,
    state,
    reason,
    engine: `${runtime}/${engine}`,
    replicas,
    checks: audits?.checks ?? null,
    errorBound,
    shards,
    executions,
    owners,
    standbys: status.standbys,
    contradicted: status.contradicted.length,
    doubts: doubts.slice(0, doubtsShown),
    vehicles: vehicles
      .slice(0, vehiclesShown)
      .map(({ peer, name, claims, agreed, contradicted }) => ({ peer, name, claims, agreed, contradicted })),
  }
}
