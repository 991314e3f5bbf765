/** Making, looking at and cancelling batches. Below /v1 for programs, and below /api for the page. */
import type { Context, Hono } from 'hono'
import type { AppContext, AppEnv } from './app-context.ts'
import { type Batch, batchObject, isOver } from './batches.ts'
import { readJson } from './body.ts'
import { createBatch } from './create-batch.ts'
import { wrong } from './errors.ts'
import { batchEvents } from './events.ts'
import { listQueryOf, pageOf } from './file-routes.ts'
import { inForce } from './keys.ts'

const pageMost = 100
const pageUsual = 20

export function batchRoutes(
  app: Hono<AppEnv>,
  { batches, files, keys, runner, clock }: AppContext,
  prefix: string,
): void {
  const shown = (batch: Batch) => batchObject(batch, batches.parts(batch.id)) as { readonly id: string }
  const find = (c: Context<AppEnv>) => batches.get(c.get('key').tenant, c.req.param('id') ?? '')
  app.post(`${prefix}/batches`, async (c) => {
    const body = await readJson(c.env.incoming)
    // Its body may have come long after its head.
    const key = inForce(c.get('key'), keys)
    const isRetry = Number(c.req.header('x-stainless-retry-count') ?? 0) >= 1
    const context = { batches, files, key, nowMs: clock.now(), isRetry }
    const { batch, isNew } = createBatch(body, context)
    if (isNew) runner.begin(batch)
    return c.json(shown(batch))
  })
  app.get(`${prefix}/batches`, (c) => {
    const { rows, hasMore } = batches.list(c.get('key').tenant, listQueryOf(c, pageMost, pageUsual))
    return c.json(pageOf(rows.map(shown), hasMore))
  })
  app.get(`${prefix}/batches/:id`, (c) => c.json(shown(find(c))))
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
