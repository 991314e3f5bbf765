/**
 * Verdicts: a steward's decisions about shards, the claims that they rest on, and the end of a job. A verdict is
 * provisional until nothing can invalidate it any more; with unanimous replicas it is final at once.
 */
import { z } from 'zod'
import type { Cid, RecordId, ShardId } from '../ids.ts'
import { leaseShardsMax, settledVerdictsMax, verdictReceiptsMax } from '../limits.ts'
import { bytesOfLength, cidSchema, naturalSchema, recordType } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

export interface Verdict {
  readonly shards: readonly ShardVerdict[]
}

export interface ShardVerdict {
  /** Position in the job's list of shards, and the shard itself. */
  readonly position: number
  readonly shard: ShardId
  readonly outcome: 'accepted' | 'failed'
  readonly status: 'provisional' | 'final'
  /** Null when the shard failed. */
  readonly result: Cid | null
  readonly because:
    | 'unanimous'
    | 'lead'
    | 'recomputed'
    | 'audited'
    | 'no-owner-left'
    | 'too-many-losses'
    /** The job ended before the shard had a result. Says nothing while the job runs. */
    | 'ended'
  /** For a shard that failed: claims that agree, and are owed though they were too few. */
  readonly agreeing: readonly RecordId[]
  readonly contradicting: readonly RecordId[]
  /** Verdicts on this shard that stewards made apart and that differ: this one stands in their place. */
  readonly settles: readonly RecordId[]
}

export interface JobEnd {
  readonly outcome: 'complete' | 'failed' | 'cancelled'
  /** For people. */
  readonly reason: string
  /** For programs; an end of an older version has none. */
  readonly code?: EndCode
  /** The secret that every draw of the job came from, revealed (draw.ts). */
  readonly secret: Uint8Array
}

/** Why a job has ended, and the outcome that goes with it. */
const outcomeOfCode = {
  verified: 'complete',
  cancelled: 'cancelled',
  'shards-failed': 'failed',
  'deadline-passed': 'failed',
  'too-few-owners': 'failed',
  'budget-spent': 'failed',
} as const satisfies Readonly<Record<string, JobEnd['outcome']>>

export type EndCode = keyof typeof outcomeOfCode

const endCodes = Object.keys(outcomeOfCode) as [EndCode, ...EndCode[]]

const shardVerdictSchema: z.ZodType<ShardVerdict> = z.strictObject({
  position: naturalSchema,
  shard: cidSchema,
  outcome: z.enum(['accepted', 'failed']),
  status: z.enum(['provisional', 'final']),
  result: cidSchema.nullable(),
  because: z.enum([
    'unanimous',
    'lead',
    'recomputed',
    'audited',
    'no-owner-left',
    'too-many-losses',
    'ended',
  ]),
  agreeing: z.array(cidSchema).max(verdictReceiptsMax),
  contradicting: z.array(cidSchema).max(verdictReceiptsMax),
  settles: z.array(cidSchema).max(settledVerdictsMax),
})
const verdictSchema: z.ZodType<Verdict> = z.strictObject({
  shards: z.array(shardVerdictSchema).min(1).max(leaseShardsMax),
})
const endSchema: z.ZodType<JobEnd> = z
  .strictObject({
    outcome: z.enum(['complete', 'failed', 'cancelled']),
    reason: z.string().max(256),
    code: z.enum(endCodes).exactOptional(),
    secret: bytesOfLength(32),
  })
  .refine(({ code, outcome }) => code === undefined || outcomeOfCode[code] === outcome, {
    path: ['code'],
    message: 'is the code of another outcome',
  })

/** Makes the end for a reason, with the outcome that goes with it. */
export function endFor(code: EndCode, reason: string, secret: Uint8Array): JobEnd {
  return { outcome: outcomeOfCode[code], reason, code, secret }
}

export const verdictType = recordType('verdict', verdictSchema, recordBytesMax.verdict, {
  names: ({ shards }) =>
    shards.reduce(
      (sum, { agreeing, contradicting, settles }) =>
        sum + 4 + 2 * agreeing.length + 2 * contradicting.length + settles.length,
      0,
    ),
})
export const { open: openVerdict } = verdictType

export const endType = recordType('end', endSchema, recordBytesMax.end)
export const { open: openEnd } = endType

/** Packs verdicts on shards, as many in one record as it takes. */
export function packVerdicts(verdicts: readonly ShardVerdict[]): ShardVerdict[][] {
  const packs: ShardVerdict[][] = []
  let receipts = 0
  for (const verdict of verdicts) {
    const named = verdict.agreeing.length + verdict.contradicting.length
    const last = packs.at(-1)
    receipts += named
    if (last === undefined || last.length === leaseShardsMax || receipts > 2 * verdictReceiptsMax) {
      packs.push([verdict])
      receipts = named
    } else last.push(verdict)
  }
  return packs
}
