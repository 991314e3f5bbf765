/**
 * The messages that stewards, vehicles and members of a mesh send each other over their long-lived control stream.
 * A message binds nobody: only the signed record inside does. Each message says when it is sent.
 */
import { z } from 'zod'
import type { JobId, LeaseId, RecordId } from './ids.ts'
import { type OfferedPlace, offeredPlaceSchema } from './job/consent.ts'
import { type Opening, openingSchema } from './job/lease.ts'
import { type PageLog, receiptLogSchema } from './job/receipt-log.ts'
import {
  type PayeeWord,
  type PaymentNotice,
  payeeWordSchema,
  paymentNoticesSchema,
} from './ledger/payment.ts'
import { type WireClaim, wireClaimsSchema } from './ledger/statement.ts'
import { handoverRecordsMax, leaseShardsMax, syncIdsMax, wrappedKeyBytes } from './limits.ts'
import { decodeCbor, encodeCbor } from './record/block.ts'
import {
  bytesOfLength,
  bytesSchema,
  cidSchema,
  malformed,
  naturalSchema,
  type SignedRecord,
  signedRecordSchema,
} from './record/record.ts'
import { trieFanout } from './record/record-trie.ts'
import { messageBytesMax } from './sizes.ts'
import { type Evidence, evidenceSchema } from './verification/evidence.ts'

export type Message =
  /** Steward to vehicle: will you? The manifest comes along, so that the offer explains itself. */
  | {
      readonly type: 'offer'
      readonly manifest: SignedRecord
      /** The path that makes the sender a steward; empty for those that the manifest names. */
      readonly handovers: readonly SignedRecord[]
      readonly lease: SignedRecord
      /**
       * The keys of the lease's shards, 32 bytes each; in a blind job as its submitter wrapped them for this vehicle,
       * 40 bytes each.
       */
      readonly keys: readonly Uint8Array[]
    }
  /** Steward to vehicle: the job is looked after from here now; what you have of it, leases and receipts, comes to me. */
  | { readonly type: 'adopt'; readonly manifest: SignedRecord; readonly handovers: readonly SignedRecord[] }
  /** Vehicle to steward: yes; the lease is queued. */
  | { readonly type: 'accept'; readonly job: JobId; readonly lease: LeaseId }
  /** Vehicle to steward: no, or not any more, because. Not before retryMs, please. */
  | {
      readonly type: 'decline'
      readonly job: JobId
      readonly lease: LeaseId
      readonly reason: DeclineReason
      readonly retryMs: number
    }
  /** Vehicle to steward, now and then: the lease lives, and this many of its shards are done. */
  | {
      readonly type: 'progress'
      readonly job: JobId
      readonly lease: LeaseId
      readonly done: number
      /** As long as it lacks weights of the job. */
      readonly weights?: WeightsArrived
    }
  /** Vehicle to steward: the shards that are done. With `released` the rest of the lease is given back. */
  | {
      readonly type: 'receipt'
      readonly record: SignedRecord
      readonly opening: Opening
      readonly released: ReleaseReason | null
      /** The stderr of modules, where they wrote something. */
      readonly logs?: readonly PageLog[]
    }
  /** Steward to vehicle: the receipt is on my disk; you need not send it again. */
  | { readonly type: 'acknowledge'; readonly receipt: RecordId }
  /** Steward to vehicle: stop this lease; shards that you finished are still welcome. */
  | { readonly type: 'withdraw'; readonly lease: LeaseId }
  /**
   * Steward to vehicle: the job is over, by this end; its blocks and results may go. `cancellation`: the submitter's, where the
   * end calls the job cancelled.
   */
  | {
      readonly type: 'ended'
      readonly job: JobId
      readonly end: SignedRecord
      readonly cancellation: SignedRecord | null
    }
  /** To a node: would you stand by as a steward of a job of this size? */
  | {
      readonly type: 'invite'
      readonly nonce: Uint8Array
      readonly bytes: number
      /** The place that it would take in a job that runs; null: the job is about to be submitted. */
      readonly place: OfferedPlace | null
    }
  /** Its answer: yes, with its consent to that place; null where none was named. */
  | { readonly type: 'willing'; readonly nonce: Uint8Array; readonly consent: SignedRecord | null }
  /** … or no. */
  | { readonly type: 'unwilling'; readonly nonce: Uint8Array; readonly reason: UnwillingReason }
  /** Steward to steward: this job names you; and who became a steward since. */
  | {
      readonly type: 'entrust'
      readonly manifest: SignedRecord
      readonly handovers: readonly SignedRecord[]
      /** From which the keys of the job are derived; null: it is blind. */
      readonly secret: Uint8Array | null
      /** From which the draws of the job's stewards come (job/draw.ts). It opens no document. */
      readonly drawSecret: Uint8Array
    }
  /** Steward to steward, or a vehicle to a steward that adopted its lease: a record that you may lack. */
  | {
      readonly type: 'record'
      readonly job: JobId
      readonly record: SignedRecord
      readonly opening: Opening | null
    }
  /** Steward to steward, now and then: I live; whether I act; the root over the ids of all records that I have. */
  | {
      readonly type: 'beat'
      readonly job: JobId
      readonly acting: boolean
      readonly root: Uint8Array
      /** The sender does not know that the other has the same records: one whose job has ended says so, and no more. */
      readonly asks: boolean
      /** The sender's own count, and that of the last beat that it has from the other. */
      readonly count: number
      readonly heard: number | null
    }
  /** Steward to steward, when roots differ: my hashes of the trie's branches. */
  | { readonly type: 'branches'; readonly job: JobId; readonly hashes: readonly Uint8Array[] }
  /** The answer for each branch that differs: my hashes of its leaves. */
  | {
      readonly type: 'leaves'
      readonly job: JobId
      readonly branch: number
      readonly hashes: readonly Uint8Array[]
    }
  /**
   * The answer for each leaf that differs: the ends of all ids that I have in it; send the others, and name those you
   * lack.
   */
  | { readonly type: 'ids'; readonly job: JobId; readonly leaf: number; readonly ids: readonly string[] }
  /** The answer to that: send me these. */
  | { readonly type: 'want'; readonly job: JobId; readonly leaf: number; readonly ids: readonly string[] }
  /** To any node: which jobs of this submitter do you look after? They are entrusted to its reader. */
  | { readonly type: 'find'; readonly access: SignedRecord }
  /** In a fleet, to everybody when there is news: what the fleet says now, and how its keys came about. */
  | { readonly type: 'charter'; readonly charter: SignedRecord }
  /** To a newcomer: what the sender offers, so that not everybody hears it once more. */
  | { readonly type: 'advert'; readonly advert: SignedRecord }
  /** Registrar to vehicle: your credential for the next day. */
  | { readonly type: 'credential'; readonly credential: SignedRecord }
  /**
   * Steward to vehicle, when something was decided about its work, and when it asks: what is owed for it, and what became of
   * its claims, the newest first. `next`: ask again with this for those before them; null: that is all.
   */
  | {
      readonly type: 'statement'
      readonly record: SignedRecord
      readonly claims: readonly WireClaim[]
      readonly next: number | null
      /** By the node that pays: its newest payments for the vehicle's work, in any job. */
      readonly payments?: readonly PaymentNotice[]
    }
  /** Vehicle to steward: what became of my work for this job? Of claims decided before this, or of all. */
  | {
      readonly type: 'account'
      readonly job: JobId
      readonly before: number | null
      readonly heard?: PayeeWord
    }
  /** Vehicle to steward: your statement is on my disk; by my own receipts, what it pays comes to this much. */
  | {
      readonly type: 'accounted'
      readonly job: JobId
      readonly statement: RecordId
      readonly micros: number
      readonly heard?: PayeeWord
    }
  /** To everybody: this vehicle lied, check it yourself. */
  | { readonly type: 'evidence'; readonly evidence: Evidence }

/** Weights of a job on their way to a vehicle. */
export interface WeightsArrived {
  /** Those that are there. */
  readonly bytes: number
  readonly of: number
  /** The peers that brought some. */
  readonly peers: number
}

/** `not-lost`: it is connected to the steward that is called lost. */
const unwillingReasons = ['no-space', 'stopping', 'too-many-jobs', 'not-lost'] as const
export type UnwillingReason = (typeof unwillingReasons)[number]

const declineReasons = [
  'busy',
  'draining',
  'stopped',
  /** It will probably be gone before the lease could be done. */
  'leaving',
  'no-such-engine',
  'not-a-steward',
  'own-job',
  'expired',
  'wrong-blocks',
  'missing-blocks',
  'no-space',
  'price',
  'category',
  /** The job asks for more bytes than any vehicle gives one. */
  'too-large',
  /** Its deadline is further away than any job may run. */
  'deadline',
  /** An option of its runtime is unknown there, or out of range. */
  'options',
  'failed',
] as const
export type DeclineReason = (typeof declineReasons)[number]

const releaseReasons = ['stopped', 'draining', 'withdrawn', 'failed'] as const
export type ReleaseReason = (typeof releaseReasons)[number]

const handoversSchema = z.array(signedRecordSchema).max(handoverRecordsMax)
const nonceSchema = bytesOfLength(16)
const hashSchema = bytesOfLength(32)
const shortIdsSchema = z.array(z.string().max(64)).max(syncIdsMax)
const hashesSchema = z.array(bytesSchema).length(trieFanout)

const schema: z.ZodType<Message> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('offer'),
    manifest: signedRecordSchema,
    handovers: handoversSchema,
    lease: signedRecordSchema,
    keys: z.array(z.union([bytesOfLength(32), bytesOfLength(wrappedKeyBytes)])).max(leaseShardsMax),
  }),
  z.object({ type: z.literal('adopt'), manifest: signedRecordSchema, handovers: handoversSchema }),
  z.object({ type: z.literal('accept'), job: cidSchema, lease: cidSchema }),
  z.object({
    type: z.literal('decline'),
    job: cidSchema,
    lease: cidSchema,
    reason: z.enum(declineReasons),
    retryMs: naturalSchema,
  }),
  z.object({
    type: z.literal('progress'),
    job: cidSchema,
    lease: cidSchema,
    done: naturalSchema,
    weights: z.object({ bytes: naturalSchema, of: naturalSchema, peers: naturalSchema }).exactOptional(),
  }),
  z.object({
    type: z.literal('receipt'),
    record: signedRecordSchema,
    opening: openingSchema,
    released: z.enum(releaseReasons).nullable(),
    logs: receiptLogSchema.exactOptional(),
  }),
  z.object({ type: z.literal('acknowledge'), receipt: cidSchema }),
  z.object({ type: z.literal('withdraw'), lease: cidSchema }),
  z.object({
    type: z.literal('ended'),
    job: cidSchema,
    end: signedRecordSchema,
    cancellation: signedRecordSchema.nullable(),
  }),
  z.object({
    type: z.literal('invite'),
    nonce: nonceSchema,
    bytes: naturalSchema,
    place: offeredPlaceSchema.nullable(),
  }),
  z.object({
    type: z.literal('willing'),
    nonce: nonceSchema,
    consent: signedRecordSchema.nullable(),
  }),
  z.object({ type: z.literal('unwilling'), nonce: nonceSchema, reason: z.enum(unwillingReasons) }),
  z.object({
    type: z.literal('entrust'),
    manifest: signedRecordSchema,
    handovers: handoversSchema,
    secret: bytesOfLength(32).nullable(),
    drawSecret: bytesOfLength(32),
  }),
  z.object({
    type: z.literal('record'),
    job: cidSchema,
    record: signedRecordSchema,
    opening: openingSchema.nullable(),
  }),
  z.object({
    type: z.literal('beat'),
    job: cidSchema,
    acting: z.boolean(),
    root: hashSchema,
    asks: z.boolean(),
    count: naturalSchema,
    heard: naturalSchema.nullable(),
  }),
  z.object({ type: z.literal('branches'), job: cidSchema, hashes: hashesSchema }),
  z.object({
    type: z.literal('leaves'),
    job: cidSchema,
    branch: naturalSchema.max(trieFanout - 1),
    hashes: hashesSchema,
  }),
  z.object({
    type: z.literal('ids'),
    job: cidSchema,
    leaf: naturalSchema.max(trieFanout ** 2 - 1),
    ids: shortIdsSchema,
  }),
  z.object({
    type: z.literal('want'),
    job: cidSchema,
    leaf: naturalSchema.max(trieFanout ** 2 - 1),
    ids: shortIdsSchema,
  }),
  z.object({ type: z.literal('find'), access: signedRecordSchema }),
  z.object({ type: z.literal('charter'), charter: signedRecordSchema }),
  z.object({ type: z.literal('advert'), advert: signedRecordSchema }),
  z.object({ type: z.literal('credential'), credential: signedRecordSchema }),
  z.object({
    type: z.literal('statement'),
    record: signedRecordSchema,
    claims: wireClaimsSchema,
    next: naturalSchema.nullable(),
    payments: paymentNoticesSchema.exactOptional(),
  }),
  z.object({
    type: z.literal('account'),
    job: cidSchema,
    before: naturalSchema.nullable(),
    heard: payeeWordSchema.exactOptional(),
  }),
  z.object({
    type: z.literal('accounted'),
    job: cidSchema,
    statement: cidSchema,
    micros: naturalSchema,
    heard: payeeWordSchema.exactOptional(),
  }),
  z.object({ type: z.literal('evidence'), evidence: evidenceSchema }),
])

export function encodeMessage(message: Message): Uint8Array {
  return encodeCbor(message)
}

/** Throws ProtocolError: too-large, malformed, not-canonical. */
export function decodeMessage(bytes: Uint8Array): Message {
  const decoded = schema.safeParse(decodeCbor('message', bytes, messageBytesMax))
  if (!decoded.success) throw malformed('message', decoded.error)
  return decoded.data
}
