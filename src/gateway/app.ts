/** The paths of the gateway: who may ask for them, and what answers. */

import { type Context, Hono } from 'hono'
import type { Logger } from 'pino'
import { StoreError } from '../host/store/errors.ts'
import { inSpan } from '../host/tracing.ts'
import type { AppContext, AppEnv } from './app-context.ts'
import { batchRoutes } from './batch-routes.ts'
import { consoleRoutes } from './console/console.ts'
import { ApiError, type ErrorFacts, errorBody } from './errors.ts'
import { fileRoutes } from './file-routes.ts'
import { type KeyRow, type Keys, withRole } from './keys.ts'
import { endpointUrls, modelObject, modelsOf } from './models.ts'
import type { Probes } from './probes.ts'

export function appOf(context: AppContext): Hono<AppEnv> {
  const { hosts, probes, clock, log } = context
  const app = new Hono<AppEnv>()
  let serial = 0
  app.use((c, next) =>
    inSpan('carpool.http', { 'http.request.method': c.req.method }, async (span) => {
      await next()
      span?.setAttributes({ 'http.route': routeOf(c), 'http.response.status_code': c.res.status })
    }),
  )
  app.use(async (c, next) => {
    const startMs = clock.monotonicMs()
    serial += 1
    const id = `req_${clock.now().toString(36)}${serial.toString(36).padStart(4, '0')}`
    c.set('requestId', id)
    // A whole URL, as proxies are asked, would name another host than the header.
    const isPath = c.env.incoming.url?.startsWith('/') === true
    if (isPath && hosts.has(c.req.header('host'))) await next()
    else c.res = refuse(c, notAllowedHost)
    // Nobody reads what answers HEAD: a file would stay open, and a stream of events would go on for ever.
    if (c.req.method === 'HEAD') await c.res.body?.cancel()
    c.header('x-request-id', id)
    c.header('x-content-type-options', 'nosniff')
    probes.answered(routeOf(c), c.res.status, clock.monotonicMs() - startMs)
  })
  app.onError((error, c) => refuse(c, factsOf(error, c, log)))
  app.notFound((c) => refuse(c, { status: 404, message: 'there is nothing at this path', code: 'not_found' }))
  probeRoutes(app, probes)
  app.use('/v1/*', async (c, next) => {
    const key = keyOf(c, context.keys)
    c.set('key', key)
    context.connections.named(c.env.incoming.socket, key.tenant)
    context.flights.board(key.tenant, c.env.outgoing)
    await next()
  })
  modelRoutes(app, context)
  consoleRoutes(app, context)
  fileRoutes(app, context, ['/v1', '/api'])
  for (const prefix of ['/v1', '/api']) batchRoutes(app, context, prefix)
  for (const url of endpointUrls)
    app.post(url, () => {
      throw new ApiError({
        status: 404,
        message: `requests are answered in batches: upload a file of them, and make a batch for ${url} (POST /v1/batches)`,
        code: 'batches_only',
      })
    })
  return app
}

const notAllowedHost: ErrorFacts = {
  status: 403,
  message:
    'this server is not asked by this name; its owner allows others with: carpool node --http-host <name>',
  code: 'host_not_allowed',
}

/** The pattern of the path: never an id, of which there is no end. */
function routeOf(c: Context<AppEnv>): string {
  const route = c.req.routePath
  return route.includes('*') ? 'none' : route
}

function probeRoutes(app: Hono<AppEnv>, probes: Probes): void {
  app.get('/livez', (c) => c.text('ok\n'))
  app.get('/readyz', (c) => {
    const checks = probes.ready()
    const isReady = checks.every(({ ok }) => ok)
    const lines = checks.map(
      ({ name, ok, note }) => `[${ok ? '+' : '-'}]${name} ${ok ? 'ok' : 'failed'}${note && `: ${note}`}`,
    )
    const verbose = c.req.query('verbose') !== undefined || !isReady
    const verdict = isReady ? 'ready' : 'not ready'
    return c.text([...(verbose ? lines : []), verdict, ''].join('\n'), isReady ? 200 : 503)
  })
  app.get('/metrics', async (c) =>
    c.body(await probes.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )
}

function modelRoutes(app: Hono<AppEnv>, { node }: AppContext): void {
  app.get('/v1/models', (c) => c.json({ object: 'list', data: modelsOf(node.api).map(modelObject) }))
  app.get('/v1/models/:model{.+}', (c) => {
    const id = c.req.param('model')
    const model = modelsOf(node.api).find((one) => one.id === id)
    if (model === undefined)
      throw new ApiError({
        status: 404,
        message: `there is no model ${JSON.stringify(id.slice(0, 64))}; GET /v1/models lists them`,
        code: 'model_not_found',
        param: 'model',
      })
    return c.json(modelObject(model))
  })
}

/** Only a header says who asks: no page can make a browser send it. Throws ApiError. */
function keyOf(c: Context<AppEnv>, keys: Keys): KeyRow {
  const [, shown] = /^Bearer +(\S{1,256})$/i.exec(c.req.header('authorization') ?? '') ?? []
  const key = shown === undefined ? undefined : keys.check(shown)
  if (key !== undefined) return withRole(key, 'submitter')
  throw new ApiError({
    status: 401,
    message:
      shown === undefined
        ? 'show a key: Authorization: Bearer <key>; the owner of the node makes one with: carpool key create --name <name>'
        : 'this key is not known, or was revoked',
    code: 'invalid_api_key',
  })
}

function refuse(c: Context<AppEnv>, facts: ErrorFacts): Response {
  const headers: Record<string, string> = { 'x-request-id': c.get('requestId') }
  if (facts.mayRetry === false) headers['x-should-retry'] = 'false'
  if (facts.status === 401) headers['www-authenticate'] = 'Bearer'
  // What is left of a body that was refused is not read.
  if (c.req.method === 'POST') headers.connection = 'close'
  return c.json(errorBody(facts), facts.status, headers)
}

function isDiskFull(error: Error): boolean {
  if (error instanceof StoreError) return error.code === 'disk-full'
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function factsOf(error: Error, c: Context<AppEnv>, log: Logger): ErrorFacts {
  if (error instanceof ApiError) return error.facts
  if (isDiskFull(error)) return { status: 503, message: 'the disk of the node is full', code: 'disk_full' }
  log.error({ err: error, request: c.get('requestId'), route: routeOf(c) }, 'a request failed')
  return { status: 500, message: 'the node could not answer; its log says why', code: 'server_error' }
}
