/**
 * The methods that a client may call over the socket: one line for each method of NodeApi. The server and the client
 * are made from this table, so that a new method is a line here, its signature in api.ts and its answer in
 * node/api.ts.
 *
 * The requests come from programs of the same user. Checking them is therefore no wall against enemies: it tells
 * older clients and hand-written scripts where they are wrong.
 */
import { z } from 'zod'
import { categorySchema } from '../../protocol/job/manifest.ts'
import { pricedUnitsMax, shardPagesMax, stewardsMax, unitMicrosMax } from '../../protocol/limits.ts'
import { ownerSchema } from '../../protocol/membership/owner.ts'
import { currencySchema } from '../../protocol/price.ts'
import { naturalSchema, peerIdSchema, printableSchema } from '../../protocol/record/record.ts'
import { paymentReferenceCharsMax } from '../../protocol/sizes.ts'
import type { NodeApi } from '../api.ts'
import type { SettleRequest } from '../ledger/settle-contract.ts'
import { submitDefaults } from '../submit-defaults.ts'

export type MethodName = keyof NodeApi

/** An argument's name in a request, and the values that it may have. */
type Argument<Value> = readonly [name: string, schema: z.ZodType<Value>]
type Arguments<Values extends readonly unknown[]> = { readonly [At in keyof Values]: Argument<Values[At]> }

/** Arguments by name; one answer. */
interface Call<Values extends readonly unknown[]> {
  readonly kind: 'call'
  readonly args: Arguments<Values>
}

/**
 * An operation with one argument, which is the whole of `params`, and one answer, with news of the progress as events
 * before it.
 */
interface Order<Value> {
  readonly kind: 'order'
  readonly schema: z.ZodType<Value>
}

/** Arguments by name; events until there are no more, or the client hangs up. */
interface Watch<Values extends readonly unknown[]> {
  readonly kind: 'watch'
  readonly args: Arguments<Values>
}

/** Arguments by name; lines as events, made no faster than they are read, and what ends them as the answer. */
interface Stream<Values extends readonly unknown[]> {
  readonly kind: 'stream'
  readonly args: Arguments<Values>
}

export type Operation =
  | Call<readonly unknown[]>
  | Order<unknown>
  | Watch<readonly unknown[]>
  | Stream<readonly unknown[]>

type OperationOf<Method> = Method extends (...given: infer Given extends readonly unknown[]) => infer Answer
  ? Answer extends AsyncIterable<unknown>
    ? Given extends readonly [...infer Values, AbortSignal]
      ? Watch<Values>
      : Stream<Given>
    : Call<Given> | Order<Given[0]>
  : never

/** Longer lists belong in a folder; a million paths would not fit on a line either. */
const pathsMax = 100_000

const path = z.string().min(1).max(4096)
const job = z.string().min(1).max(128)
const weightsName = z.string().min(4).max(128)
/** Log lines in one answer: some megabytes. */
const fleetLogLinesMax = 10_000

/** The user who gives a command about a fleet. */
const by: Argument<string | undefined> = ['by', printableSchema(64).optional()]

const waiting = z.strictObject({ vehicle: printableSchema(64).nullable(), owner: ownerSchema.nullable() })

const oneJob: Argument<string> = ['job', job]

const submission = z.strictObject({
  paths: z.array(path).min(1).max(pathsMax),
  as: z.enum(['auto', 'document', 'lines']).default(submitDefaults.as),
  folder: path.nullable().default(submitDefaults.folder),
  runtime: z.string().min(1).max(32),
  engine: z.string().min(1).max(32),
  module: path.nullable(),
  model: path.nullable().default(submitDefaults.model),
  promptTemplate: path.nullable().default(submitDefaults.promptTemplate),
  languages: z.array(z.string().min(1).max(32)).max(8).nullable().default(null),
  traineddata: z.array(path).max(8).default([]),
  options: z.record(z.string().max(64), z.union([z.string().max(1024), z.number(), z.boolean()])),
  errorBound: z.number(),
  colludingShare: z.number(),
  replicas: z.int().min(1).max(64).nullable(),
  deadlineMs: z.int().min(1).nullable(),
  waits: z.boolean().default(submitDefaults.waits),
  shardSize: z.int().min(1).max(shardPagesMax).nullable().default(submitDefaults.shardSize),
  shortage: z.enum(['wait', 'fail']),
  arbiter: z.enum(['auto', 'owners', 'steward']),
  selfCheck: z.boolean().default(submitDefaults.selfCheck),
  blind: z.boolean().default(submitDefaults.blind),
  category: categorySchema.default(submitDefaults.category),
  payment: z
    .strictObject({
      currency: currencySchema,
      unitMicrosMax: z.int().min(0).max(unitMicrosMax),
      per: z.int().min(2).max(pricedUnitsMax).exactOptional(),
      budgetMicros: z.int().min(0).nullable(),
    })
    .nullable()
    .default(submitDefaults.payment),
  standbys: z
    .number()
    .int()
    .min(0)
    .max(stewardsMax - 1)
    .default(submitDefaults.standbys),
  mustOutlive: z.boolean().default(submitDefaults.mustOutlive),
  pages: z
    .array(z.strictObject({ first: z.int().min(1), last: z.int().min(1).nullable() }))
    .min(1)
    .max(1000)
    .nullable()
    .default(null),
  passwordFile: path.nullable().default(submitDefaults.passwordFile),
  strict: z.boolean().default(submitDefaults.strict),
})

const signedText = z.strictObject({ body: z.string().max(4096), signature: z.string().max(256) })
const periods = z.array(z.strictObject({ name: z.string().max(64), sinceMs: z.number() })).max(16)

const thresholds = z.record(z.union([currencySchema, z.literal('*')]), naturalSchema)
const transferName = z.string().min(1).max(64)

const bankSum = z.strictObject({
  of: z.enum(['all', 'booked']),
  lines: naturalSchema.exactOptional(),
  micros: naturalSchema.exactOptional(),
  inCurrency: currencySchema.exactOptional(),
})

const settlement: z.ZodType<SettleRequest> = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('preview'), thresholds }),
  z.strictObject({
    action: z.literal('prepare'),
    thresholds,
    payees: z.array(z.string().max(128)).max(100_000).nullable(),
    executionDate: z.iso.date(),
    alsoUnheard: z.boolean(),
  }),
  z.strictObject({ action: z.literal('show'), of: transferName }),
  z.strictObject({
    action: z.literal('note'),
    news: z
      .array(
        z.strictObject({
          of: transferName,
          currency: currencySchema.exactOptional(),
          state: z.enum(['sent', 'paid', 'returned', 'rejected', 'cancelled']),
          reference: printableSchema(paymentReferenceCharsMax),
          reason: printableSchema(paymentReferenceCharsMax),
          micros: naturalSchema.exactOptional(),
          inCurrency: currencySchema.exactOptional(),
          byBank: z.literal(true).exactOptional(),
          sum: bankSum.exactOptional(),
        }),
      )
      .max(10_000),
  }),
  z.strictObject({ action: z.literal('take-over') }),
])

export const operations = {
  info: call(),
  peers: call(),
  quote: order(submission),
  submit: order(submission),
  retry: order(z.strictObject({ job })),
  jobs: call(),
  seekJobs: call(),
  status: call(oneJob),
  watch: watch(oneJob),
  shardMap: call(oneJob),
  results: stream(oneJob),
  followResults: stream(oneJob),
  document: stream(oneJob, ['name', path], ['page', z.int().min(1)]),
  logs: stream(oneJob),
  cancel: call(oneJob),
  owes: call(oneJob),
  forget: call(oneJob),
  release: call(oneJob),
  report: call(oneJob, ['path', path]),
  earnings: call(['periods', periods]),
  ownersAccounts: call(['access', signedText], ['periods', periods]),
  operatorsAccounts: call(['periods', periods]),
  bill: stream(oneJob),
  settle: order(settlement),
  payments: call(),
  markPayment: call(['settlement', transferName], ['isMissing', z.boolean()]),
  ledger: stream(),
  receipts: stream(),
  fleetMembers: call(),
  fleetApprove: call(['peer', peerIdSchema], by),
  fleetApproveWaiting: call(['meant', waiting], by),
  fleetReject: call(['peer', peerIdSchema], by),
  fleetRejectWaiting: call(['meant', waiting], by),
  fleetAdmit: call(
    ['peer', peerIdSchema],
    ['owner', ownerSchema.nullable()],
    ['vehicle', printableSchema(64)],
    by,
  ),
  fleetRevoke: call(['id', z.union([ownerSchema, peerIdSchema])], by),
  fleetClear: call(['owner', ownerSchema], by),
  fleetSet: call(
    ['name', printableSchema(64).min(1).nullable()],
    ['operatorPpm', naturalSchema.max(1_000_000).nullable()],
    by,
  ),
  fleetAddRegistrar: call(['address', printableSchema(256).min(1)], by),
  fleetRemoveRegistrar: call(['address', printableSchema(256).min(1)], by),
  fleetRotate: call(['finish', z.boolean()], by),
  fleetLog: call(['last', z.int().min(1).max(fleetLogLinesMax)]),
  fleetTerms: call(),
  fleetCharter: call(),
  history: call(['days', z.int().min(1).max(400)]),
  weights: call(),
  addWeights: call(['path', path]),
  pinWeights: call(['file', weightsName], ['isPinned', z.boolean()]),
  removeWeights: call(['file', weightsName]),
  models: call(),
  addModel: call(['path', path], ['name', z.string().min(1).max(128)]),
  removeModel: call(['name', z.string().min(1).max(128)]),
  bans: call(),
  liftBan: call(['owner', ownerSchema]),
  why: call(),
  watchWhy: watch(),
  pause: call(['untilMs', z.int().min(0).nullable()], ['isDate', z.boolean().optional()]),
  resume: call(),
  reload: call(),
} satisfies { readonly [Name in MethodName]: OperationOf<NodeApi[Name]> }

function call<Values extends readonly unknown[]>(...args: Arguments<Values>): Call<Values> {
  return { kind: 'call', args }
}

function order<Value>(schema: z.ZodType<Value>): Order<Value> {
  return { kind: 'order', schema }
}

function watch<Values extends readonly unknown[]>(...args: Arguments<Values>): Watch<Values> {
  return { kind: 'watch', args }
}

function stream<Values extends readonly unknown[]>(...args: Arguments<Values>): Stream<Values> {
  return { kind: 'stream', args }
}
