/** The routes by which the page submits: an input file of dropped files, a quote, and which lines failed. Files and batches are the API's own. */
import type { Hono } from 'hono'
import type { AppContext, AppEnv } from '../app-context.ts'
import { readJson } from '../body.ts'
import { compose } from './compose.ts'
import { failedLines } from './failed-lines.ts'
import { Quotes } from './quotes.ts'

export function submitRoutes(app: Hono<AppEnv>, context: AppContext): void {
  const quotes = new Quotes(context)
  app.post('/api/compose', async (c) =>
    c.json(await compose(await readJson(c.env.incoming, composeBytesMax), c.get('key'), context)),
  )
  app.post('/api/quote', async (c) => {
    const body = await readJson(c.env.incoming)
    return c.json(await quotes.quote(body, c.get('key'), c.req.raw.signal))
  })
  app.get('/api/batches/:id/failed', async (c) => {
    const batch = context.batches.get(c.get('key').tenant, c.req.param('id'))
    const { search = '', code = '' } = c.req.query()
    return c.json(await failedLines(batch, { search, code }, context))
  })
}

/** The ids of 5,000 files. */
const composeBytesMax = 2 ** 18
