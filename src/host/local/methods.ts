/**
 * What may be asked over the socket: every method of NodeApi, the parameters it takes by name, and how it is
 * answered. The requests come from programs of the same user, so that checking them is not a wall against
 * enemies but against older clients and hand-written scripts: whoever is wrong gets told where.
 */
import { z } from 'zod'
import { categoryDefault, categorySchema } from '../../protocol/job/manifest.ts'
import { standbysDefault, stewardsMax, unitMicrosMax } from '../../protocol/limits.ts'
import { ownerSchema } from '../../protocol/membership/owner.ts'
import { currencySchema } from '../../protocol/price.ts'
import { naturalSchema, peerIdSchema } from '../../protocol/record/record.ts'
import type { NodeApi } from '../api.ts'

/** One request that is being answered. */
export interface Caller {
  /** Sends an event; resolves when the client has room for the next. Rejects when the client is gone. */
  send(event: unknown): Promise<void>
  /** Sends an event if the client has room for it now; else nobody misses it. */
  mention(event: unknown): void
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal
}

export interface Method {
  /** Throws ZodError for wrong parameters, and whatever the method throws. */
  answer(api: NodeApi, params: unknown, caller: Caller): Promise<unknown>
}

export type MethodName = keyof NodeApi

/** Longer lists belong in a folder; a million paths would not fit on a line either. */
const pathsMax = 100_000

const path = z.string().min(1).max(4096)
const job = z.string().min(1).max(128)
const nothing = z.strictObject({})
const oneJob = z.strictObject({ job })

const submission = z.strictObject({
  paths: z.array(path).min(1).max(pathsMax),
  runtime: z.string().min(1).max(32),
  engine: z.string().min(1).max(32),
  module: path.nullable(),
  options: z.record(z.string().max(64), z.union([z.string().max(1024), z.number(), z.boolean()])),
  errorBound: z.number(),
  colludingShare: z.number(),
  replicas: z.int().min(1).max(64).nullable(),
  deadlineMs: z.int().min(1).nullable(),
  shortage: z.enum(['wait', 'fail']),
  arbiter: z.enum(['auto', 'owners', 'steward']),
  selfCheck: z.boolean().default(false),
  blind: z.boolean().default(false),
  category: categorySchema.default(categoryDefault),
  payment: z
    .strictObject({
      currency: currencySchema,
      unitMicrosMax: z.int().min(0).max(unitMicrosMax),
      budgetMicros: z.int().min(0).nullable(),
    })
    .nullable()
    .default(null),
  standbys: z
    .number()
    .int()
    .min(0)
    .max(stewardsMax - 1)
    .default(standbysDefault),
})

const periods = z.array(z.strictObject({ name: z.string().max(64), sinceMs: z.number() })).max(16)

const settlement = z.strictObject({
  action: z.enum(['preview', 'prepare', 'paid', 'cancel']),
  thresholdMicros: naturalSchema,
  payees: z.array(z.string().max(128)).max(100_000).nullable(),
  payout: z.string().max(64).nullable(),
  reference: z.string().max(140),
})

export const methods: Readonly<Record<MethodName, Method>> = {
  info: method(nothing, (api) => api.info()),
  peers: method(nothing, (api) => api.peers()),
  quote: method(submission, (api, request, caller) =>
    api.quote(request, (progress) => caller.mention(progress)),
  ),
  submit: method(submission, (api, request, caller) =>
    api.submit(request, (progress) => caller.mention(progress)),
  ),
  jobs: method(nothing, (api) => api.jobs()),
  status: method(oneJob, (api, params) => api.status(params.job)),
  watch: method(oneJob, async (api, params, caller) => {
    for await (const status of api.watch(params.job, caller.signal)) await caller.send(status)
  }),
  results: method(oneJob, (api, params, caller) => sendAll(api.results(params.job), caller)),
  cancel: method(oneJob, (api, params) => api.cancel(params.job)),
  forget: method(oneJob, (api, params) => api.forget(params.job)),
  report: method(z.strictObject({ job, path }), (api, params) => api.report(params.job, params.path)),
  earnings: method(z.strictObject({ periods }), (api, params) => api.earnings(params.periods)),
  bill: method(oneJob, (api, params, caller) => sendAll(api.bill(params.job), caller)),
  settle: method(settlement, (api, request) => api.settle(request)),
  ledger: method(nothing, (api, _, caller) => sendAll(api.ledger(), caller)),
  receipts: method(nothing, (api, _, caller) => sendAll(api.receipts(), caller)),
  fleetMembers: method(nothing, (api) => api.fleetMembers()),
  fleetApprove: method(z.strictObject({ peer: peerIdSchema }), (api, params) =>
    api.fleetApprove(params.peer),
  ),
  fleetAdmit: method(
    z.strictObject({ peer: peerIdSchema, owner: ownerSchema.nullable(), vehicle: z.string().max(64) }),
    (api, { peer, owner, vehicle }) => api.fleetAdmit(peer, owner, vehicle),
  ),
  fleetRevoke: method(z.strictObject({ id: z.union([ownerSchema, peerIdSchema]) }), (api, params) =>
    api.fleetRevoke(params.id),
  ),
  fleetRotate: method(z.strictObject({ finish: z.boolean() }), (api, params) =>
    api.fleetRotate(params.finish),
  ),
  why: method(nothing, (api) => api.why()),
  watchWhy: method(nothing, async (api, _, caller) => {
    for await (const view of api.watchWhy(caller.signal)) await caller.send(view)
  }),
  pause: method(z.strictObject({ untilMs: z.int().min(0).nullable() }), (api, params) =>
    api.pause(params.untilMs),
  ),
  resume: method(nothing, (api) => api.resume()),
}

/** Each of them as an event; what they end with is the answer. */
async function sendAll<Line, End>(lines: AsyncGenerator<Line, End>, { send }: Caller): Promise<End> {
  try {
    for (;;) {
      const next = await lines.next()
      if (next.done) return next.value
      await send(next.value)
    }
  } finally {
    await lines.return(undefined as never)
  }
}

function method<Params>(
  params: z.ZodType<Params>,
  answer: (api: NodeApi, params: Params, caller: Caller) => unknown,
): Method {
  return { answer: async (api, raw, caller) => answer(api, params.parse(raw), caller) }
}
