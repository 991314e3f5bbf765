/** Making, looking at and cancelling batches. Below /v1 for programs, and below /api for the page. */
import type { Context, Hono } from 'hono'
import type { AppContext, AppEnv } from './app-context.ts'
import { type Batch, batchObject, isOver, type Part } from './batches.ts'
import { readJson } from './body.ts'
import { createBatch } from './create-batch.ts'
import { wrong } from './errors.ts'
import { batchEvents } from './events.ts'
import { listQueryOf, pageOf } from './file-routes.ts'
import { inForce } from './keys.ts'

/** A batch's jobs are asked what they wait for once in so long, however often its client asks. A guess. */
const waitingMs = 2_000
/** Batches whose answer is remembered: more are not asked for at a time. A guess. */
const waitingMax = 1_000

/** Sentences on what the jobs of a batch wait for, that owners are too few, say; none: nothing, or it is over. */
async function waitingFor(
  { status }: Batch,
  parts: readonly Part[],
  { api }: AppContext['node'],
): Promise<string[]> {
  if (isOver(status)) return []
  const jobs = parts.flatMap(({ job }) => job ?? [])
  // One that was forgotten meanwhile waits for nothing.
  const statuses = await Promise.all(jobs.map((job) => api.status(job).catch(() => undefined)))
  const reasons = statuses.flatMap((job) => (job?.state === 'running' && job.reason !== '' ? job.reason : []))
  return [...new Set(reasons)]
}

const pageMost = 100
const pageUsual = 20

export function batchRoutes(
  app: Hono<AppEnv>,
  { batches, files, keys, runner, clock, node }: AppContext,
  prefix: string,
): void {
  const known = new Map<string, { readonly atMs: number; readonly said: Promise<string[]> }>()
  const waiting = (batch: Batch, parts: readonly Part[]): Promise<string[]> => {
    const [nowMs, before] = [clock.monotonicMs(), known.get(batch.id)]
    if (before !== undefined && nowMs - before.atMs < waitingMs && !isOver(batch.status)) return before.said
    const said = waitingFor(batch, parts, node)
    known.delete(batch.id)
    if (!isOver(batch.status)) known.set(batch.id, { atMs: nowMs, said })
    for (const oldest of known.keys()) {
      if (known.size <= waitingMax) break
      known.delete(oldest)
    }
    return said
  }
  const shown = (batch: Batch) => batchObject(batch, batches.parts(batch.id)) as { readonly id: string }
  const find = (c: Context<AppEnv>) => batches.get(c.get('key').tenant, c.req.param('id') ?? '')
  app.post(`${prefix}/batches`, async (c) => {
    const body = await readJson(c.env.incoming)
    // Its body may have come long after its head.
    const key = inForce(c.get('key'), keys)
    const isRetry = Number(c.req.header('x-stainless-retry-count') ?? 0) >= 1
    const idempotencyKey = c.req.header('idempotency-key')
    const context = { batches, files, key, nowMs: clock.now(), isRetry, idempotencyKey }
    const { batch, isNew } = createBatch(body, context)
    if (isNew) runner.begin(batch)
    return c.json(shown(batch))
  })
  app.get(`${prefix}/batches`, (c) => {
    const { rows, hasMore } = batches.list(c.get('key').tenant, listQueryOf(c, pageMost, pageUsual))
    return c.json(pageOf(rows.map(shown), hasMore))
  })
  app.get(`${prefix}/batches/:id`, async (c) => {
    const batch = find(c)
    const parts = batches.parts(batch.id)
    return c.json(batchObject(batch, parts, await waiting(batch, parts)))
  })
  app.get(`${prefix}/batches/:id/events`, (c) => {
    const isAllowed = () => keys.byId(c.get('key').id) !== undefined
    return batchEvents(c, find(c).id, { batches, runner, isAllowed })
  })
  app.post(`${prefix}/batches/:id/cancel`, (c) => {
    const { id, status } = find(c)
    if (isOver(status) && status !== 'cancelled')
      throw wrong(`the batch is ${status} already, and cannot be cancelled any more`)
    runner.cancel(id)
    return c.json(shown(batches.byId(id)!))
  })
}
