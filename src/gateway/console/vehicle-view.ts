/** The owner's view: whether the vehicle works, why, what it did and what it earned; and the owner's word to it. */
import type { Hono } from 'hono'
import { z } from 'zod'
import type { EarningsView } from '../../host/ledger/contract.ts'
import type { AppContext, AppEnv } from '../app-context.ts'
import { readJson } from '../body.ts'
import { wrong } from '../errors.ts'
import type { ViewParts } from './view-parts.ts'

const daysShown = 7
/** Sums over a ledger are made anew at most this often, however many pages ask. */
const earningsMs = 10_000

export async function vehicleView(context: AppContext): Promise<ViewParts> {
  const { node, samples } = context
  const { name, software, fleet, connections, vehicle, notices } = node.api.info()
  const { days, timeZone } = node.api.history(daysShown)
  return {
    node: {
      name,
      software,
      connections,
      slots: vehicle.slots,
      leases: vehicle.leases,
      fleet: fleet === null ? null : { name: fleet.name, state: fleet.state, why: fleet.why },
      notices: notices.map(({ text }) => text),
    },
    why: node.api.why(),
    history: { timeZone, days },
    money: await moneyOf(context),
    samples: samples
      .list()
      .map(({ atMs, mode, slotsFree, pages, joules }) => ({ atMs, mode, slotsFree, pages, joules })),
  }
}

const known = new WeakMap<AppContext['node'], { readonly atMs: number; readonly money: Promise<Money> }>()

interface Money {
  readonly isWhole: boolean
  readonly currencies: readonly {
    readonly currency: string
    readonly pendingMicros: number
    readonly owedMicros: number
    readonly paidMicros: number
  }[]
}

function moneyOf({ node, clock }: AppContext): Promise<Money> {
  const before = known.get(node)
  const nowMs = clock.monotonicMs()
  if (before !== undefined && nowMs < before.atMs + earningsMs) return before.money
  const money = node.api.earnings([{ name: 'all', sinceMs: 0 }]).then(sumsOf)
  known.set(node, { atMs: nowMs, money })
  return money
}

function sumsOf({ damagedAt, currencies }: EarningsView): Money {
  return {
    isWhole: damagedAt === null,
    currencies: currencies.map(({ currency, pendingMicros, owedMicros, periods }) => ({
      currency,
      pendingMicros,
      owedMicros,
      paidMicros: periods[0]?.paidMicros ?? 0,
    })),
  }
}

const pauseSchema = z.strictObject({
  /** Null: until told otherwise; else for so long. */
  forMs: z
    .int()
    .min(60_000)
    .max(31 * 86_400_000)
    .nullable(),
})

export function vehicleRoutes(app: Hono<AppEnv>, { node, clock }: AppContext): void {
  app.post('/api/vehicle/pause', async (c) => {
    const parsed = pauseSchema.safeParse(await readJson(c.env.incoming))
    if (!parsed.success)
      throw wrong('a pause is {"forMs": 3600000}, or null for until told otherwise', 'forMs')
    const { forMs } = parsed.data
    node.api.pause(forMs === null ? null : clock.now() + forMs)
    return c.json(node.api.why())
  })
  app.post('/api/vehicle/resume', (c) => {
    node.api.resume()
    return c.json(node.api.why())
  })
}
