/** The console: the page at `/`, and what it asks for below `/api`. */
import type { Context, Hono } from 'hono'
import { z } from 'zod'
import type { AppContext, AppEnv } from '../app-context.ts'
import { readJson } from '../body.ts'
import { ApiError, wrong } from '../errors.ts'
import { type KeyRow, type Role, withRole } from '../keys.ts'
import { fleetRoutes } from './fleet-view.ts'
import { dropToken, keepToken, keyOfSession, refuseOtherPages, tokenOf } from './guard.ts'
import { staticRoutes } from './static-files.ts'
import { streamRoutes } from './stream.ts'
import { submitRoutes } from './submit-routes.ts'
import { vehicleRoutes } from './vehicle-view.ts'

export function consoleRoutes(app: Hono<AppEnv>, context: AppContext): void {
  const { sessions, flights, clock, connections } = context
  staticRoutes(app)
  app.use('/api/*', async (c, next) => {
    refuseOtherPages(c)
    await next()
    c.header('cache-control', 'no-store')
  })
  sessionRoutes(app, context)
  app.use('/api/*', async (c, next) => {
    const key = keyOfSession(c, sessions, clock.now())
    connections.named(c.env.incoming.socket, key.tenant)
    c.set('key', key)
    flights.board(key.tenant, c.env.outgoing)
    await next()
  })
  for (const [path, role] of rights)
    app.use(path, async (c, next) => {
      withRole(c.get('key'), role)
      await next()
    })
  streamRoutes(app, context)
  submitRoutes(app, context)
  vehicleRoutes(app, context)
  fleetRoutes(app, context)
}

/** The right that each path takes; the stream of events asks for that of its view. */
const rights: readonly (readonly [path: string, role: Role])[] = [
  ['/api/files/*', 'submitter'],
  ['/api/batches/*', 'submitter'],
  ['/api/compose', 'submitter'],
  ['/api/quote', 'submitter'],
  ['/api/vehicle/*', 'owner'],
  ['/api/fleet/*', 'operator'],
]

const loginSchema = z.strictObject({ key: z.string().max(256) })

function sessionRoutes(app: Hono<AppEnv>, { sessions, node, clock }: AppContext): void {
  const shown = (c: Context<AppEnv>, { tenant, settings }: KeyRow) =>
    c.json({ name: tenant, roles: settings.roles, node: node.api.info().name })
  app.post('/api/session', async (c) => {
    const parsed = loginSchema.safeParse(await readJson(c.env.incoming))
    if (!parsed.success) throw wrong('a session is opened with {"key": "cpk-…"}', 'key')
    const opened = sessions.open(parsed.data.key.trim(), clock.now())
    if (opened === undefined)
      throw new ApiError({
        status: 401,
        message:
          'this key is not known here, or was revoked; a new one is made with: carpool key create --name <name>',
        code: 'invalid_api_key',
      })
    const before = tokenOf(c)
    if (before !== undefined) sessions.close(before)
    keepToken(c, opened.token)
    return shown(c, opened.key)
  })
  app.get('/api/session', (c) => shown(c, keyOfSession(c, sessions, clock.now())))
  app.delete('/api/session', (c) => {
    const token = tokenOf(c)
    if (token !== undefined) sessions.close(token)
    dropToken(c)
    return c.body(null, 204)
  })
}
