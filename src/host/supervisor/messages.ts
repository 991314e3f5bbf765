/**
 * The messages of a node and its supervisor over one socket: JSON lines, checked on both sides. Either of them may
 * have been broken into by what it reads, and neither is to be ended or confused by the other.
 */
import { z } from 'zod'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import {
  type DispensableSignal,
  dispensableSignals,
  type Preferences,
} from '../../protocol/rules/preferences.ts'
import { keptSchema } from './kept.ts'

/** Preferences with a hundred quiet hours and 512 departures take 20 KB; a judgement 4 KB. */
export const messageBytesMax = 256 * 1024

/** A node has as many slots as an advert can tell of, and they are replaced while others end. */
export const childrenMax = 4096

const pid = z.int().min(2)
const atMs = z.int().min(0)
const text = (max: number) => z.string().max(max)

const preferencesSchema: z.ZodType<Preferences> = z.strictObject({
  pluggedOnly: z.boolean(),
  chargePercentMin: z.number(),
  reservePercent: z.number(),
  parkLock: z.boolean(),
  ignitionOff: z.boolean(),
  settleMs: z.int().min(0),
  packCelsiusMax: z.number(),
  outsideCelsiusMin: z.number(),
  outsideCelsiusMax: z.number(),
  cabinRiseCelsiusMax: z.number(),
  lowVoltsMin: z.number(),
  noSignal: z.array(z.enum(Object.keys(dispensableSignals) as [DispensableSignal])).max(16),
  unmeteredOnly: z.boolean(),
  meteredBytesPerMonthMax: z.number().nullable(),
  quietHours: z.array(text(64)).max(1024),
  readyBy: z.array(text(64)).max(1024),
  timeZone: text(64),
  powerWattsMax: z.number().nullable(),
  energyWhPerDayMax: z.number().nullable(),
  surplusOnly: z.boolean(),
  categories: z.array(text(64)).max(1024).nullable(),
})

export const toSupervisorSchema = z.discriminatedUnion('type', [
  /** First, and once. */
  z.strictObject({
    type: z.literal('begin'),
    preferences: preferencesSchema,
    /** The sources of readings (src/host/signals/open.ts). */
    signals: z.array(text(4096)).min(1).max(64),
    network: z.enum(['auto', 'metered', 'unmetered']),
    slotWatts: z.number().min(0),
    kept: keptSchema,
    pause: z.strictObject({ untilMs: atMs.nullable(), isDate: z.boolean() }).nullable(),
    logLevel: text(16),
  }),
  /** A process of a slot, which has had nothing to do yet. Ticks as in src/host/executor/usage.ts. */
  z.strictObject({ type: z.literal('child'), pid, startedTicks: z.int().min(0).nullable() }),
  z.strictObject({ type: z.literal('gone'), pid }),
  z.strictObject({ type: z.literal('pause'), untilMs: atMs.nullable(), isDate: z.boolean() }),
  z.strictObject({ type: z.literal('resume') }),
  /** Every few seconds: do you live? And the bytes of the node's traffic since it asked before. */
  z.strictObject({ type: z.literal('tick'), trafficBytes: z.int().min(0) }),
])

export type ToSupervisor = z.infer<typeof toSupervisorSchema>

const verdict = z.enum(['run', 'drain', 'stop'])

const judgementSchema: z.ZodType<Judgement> = z.strictObject({
  verdict,
  reasons: z.array(text(32)).max(64),
  rules: z
    .array(
      z.strictObject({
        code: text(32),
        verdict,
        value: text(1024),
        limit: text(4096),
        preference: text(64).nullable(),
      }),
    )
    .max(64),
  availableUntilMs: atMs.nullable(),
})

export const fromSupervisorSchema = z.discriminatedUnion('type', [
  /**
   * The judgement of the rules. When it says stop, the supervisor has already stopped all children that it knows of.
   */
  z.strictObject({
    type: z.literal('judged'),
    judgement: judgementSchema,
    energyRate: z.strictObject({
      joulesPerCpuSecond: z.number().min(0),
      basis: z.enum(['measured', 'estimated']),
    }),
  }),
  /** The answer to a pause or a resume; the judgement that has it came before. */
  z.strictObject({ type: z.literal('heeded') }),
  z.strictObject({ type: z.literal('keep'), kept: keptSchema }),
  /** The answer to a tick. */
  z.strictObject({ type: z.literal('tock') }),
  /** A line of pino's. */
  z.strictObject({ type: z.literal('log'), line: text(16_384) }),
  /** It cannot do what `begin` asks for, in one sentence, and ends. */
  z.strictObject({ type: z.literal('failed'), message: text(4096) }),
])

export type FromSupervisor = z.infer<typeof fromSupervisorSchema>
