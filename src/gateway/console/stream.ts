/**
 * GET /api/events?view=…: all that a view shows, at once, and each part of it again after it has changed. A browser opens six
 * connections to a server, so a page has one of these.
 *
 * What is shown is looked at once a second as long as somebody watches. Of the changes of a fleet most are of no news to a person, and
 * a look costs less than to be told of each.
 */
import type { Context, Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { AppContext, AppEnv } from '../app-context.ts'
import { ApiError, wrong } from '../errors.ts'
import { type KeyRow, type Role, withRole } from '../keys.ts'
import { fleetView } from './fleet-view.ts'
import { tokenOf } from './guard.ts'
import { JobsView } from './jobs-view.ts'
import { vehicleView } from './vehicle-view.ts'
import type { ViewParts } from './view-parts.ts'

const lookMs = 1_000
/** The page takes a server for lost that is silent for three of them; and the server hangs up on who is silent for 30 s. */
const pulseMs = 8_000
/** Streams of one key, and of all together. Guesses. */
const streamsMax = 16
const streamsOfAllMax = 128

export function streamRoutes(app: Hono<AppEnv>, context: AppContext): void {
  const { sessions, clock } = context
  const open = new Map<string, number>()
  const jobs = new JobsView(context)
  const views: Readonly<Record<string, { readonly role: Role; readonly look: Look }>> = {
    jobs: {
      role: 'submitter',
      look: (key, query) => jobs.look(key, query.batch ?? null),
    },
    vehicle: { role: 'owner', look: async () => vehicleView(context) },
    fleet: { role: 'operator', look: async (_, query) => fleetView(context, query.filter ?? '') },
  }
  app.get('/api/events', (c) => {
    const key = c.get('key')
    const view = Object.hasOwn(views, c.req.query('view') ?? '') ? views[c.req.query('view')!] : undefined
    if (view === undefined) throw wrong(`view is none of ${Object.keys(views).join(', ')}`, 'view')
    withRole(key, view.role)
    const token = tokenOf(c)!
    const isAllowed = () => sessions.keyOf(token, clock.now())?.id === key.id
    return during(open, key.id, (over) =>
      shown(c, () => view.look(key, c.req.query()), { isAllowed, over, context }),
    )
  })
}

type Look = (key: KeyRow, query: Readonly<Record<string, string>>) => Promise<ViewParts>

/** Counts a stream until `over` is called. Throws ApiError where there are too many. */
function during(open: Map<string, number>, key: string, begin: (over: () => void) => Response): Response {
  const all = [...open.values()].reduce((sum, count) => sum + count, 0)
  const own = open.get(key) ?? 0
  if (own >= streamsMax || all >= streamsOfAllMax)
    throw new ApiError({
      status: 429,
      message: `${own} pages of this key are open, and ${all} in all; close one`,
      code: 'too_many_pages',
    })
  open.set(key, own + 1)
  return begin(() => {
    const left = open.get(key)! - 1
    if (left > 0) open.set(key, left)
    else open.delete(key)
  })
}

function shown(
  c: Context<AppEnv>,
  look: () => Promise<ViewParts>,
  {
    isAllowed,
    over,
    context: { clock, log },
  }: {
    readonly isAllowed: () => boolean
    readonly over: () => void
    readonly context: Pick<AppContext, 'clock' | 'log'>
  },
): Response {
  return streamSSE(c, async (stream) => {
    const last = new Map<string, string>()
    let saidMs = clock.monotonicMs()
    try {
      while (!stream.aborted) {
        if (!isAllowed()) return await stream.writeSSE({ event: 'refused', data: '' })
        for (const [event, value] of Object.entries(await look())) {
          const data = JSON.stringify(value)
          if (last.get(event) === data) continue
          last.set(event, data)
          saidMs = clock.monotonicMs()
          await stream.writeSSE({ event, data })
        }
        if (clock.monotonicMs() - saidMs >= pulseMs) {
          saidMs = clock.monotonicMs()
          await stream.writeSSE({ event: 'pulse', data: '' })
        }
        await stream.sleep(lookMs)
      }
    } catch (error) {
      // The page opens another one.
      log.debug({ error }, 'a page is not told of changes any more')
    } finally {
      over()
    }
  })
}
