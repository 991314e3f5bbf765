/**
 * What stewards and vehicles say over their long-lived control stream.
 *
 * Nothing here binds anybody: what binds is the signed record inside. Each message says when it is sent.
 */
import { z } from 'zod'
import { decodeCbor, encodeCbor } from './block.ts'
import type { JobId, LeaseId, RecordId } from './ids.ts'
import { type Opening, openingSchema } from './lease.ts'
import { cidSchema, malformed, naturalSchema, type SignedRecord, signedRecordSchema } from './record.ts'

export type Message =
  /** Steward to vehicle: will you? The manifest comes along, so that the offer explains itself. */
  | { readonly type: 'offer'; readonly manifest: SignedRecord; readonly lease: SignedRecord }
  /** Vehicle to steward: yes; the lease is queued. */
  | { readonly type: 'accept'; readonly lease: LeaseId }
  /** Vehicle to steward: no, or not any more, because. Not before retryMs, please. */
  | {
      readonly type: 'decline'
      readonly lease: LeaseId
      readonly reason: DeclineReason
      readonly retryMs: number
    }
  /** Vehicle to steward, now and then: the lease lives, and this many of its shards are done. */
  | { readonly type: 'progress'; readonly lease: LeaseId; readonly done: number }
  /** Vehicle to steward: what is done. With `released` the rest of the lease is given back, for the reason. */
  | {
      readonly type: 'receipt'
      readonly record: SignedRecord
      readonly opening: Opening
      readonly released: ReleaseReason | null
    }
  /** Steward to vehicle: the receipt is on my disk; you need not send it again. */
  | { readonly type: 'acknowledge'; readonly receipt: RecordId }
  /** Steward to vehicle: stop this lease; what you finished of it is still welcome. */
  | { readonly type: 'withdraw'; readonly lease: LeaseId }
  /** Steward to vehicle: the job is over; its blocks and results may go. */
  | { readonly type: 'ended'; readonly job: JobId }

const declineReasons = [
  'busy',
  'draining',
  'stopped',
  'no-such-engine',
  'not-a-steward',
  'own-job',
  'expired',
  'wrong-blocks',
  'missing-blocks',
  'failed',
] as const
export type DeclineReason = (typeof declineReasons)[number]

const releaseReasons = ['stopped', 'draining', 'withdrawn', 'failed'] as const
export type ReleaseReason = (typeof releaseReasons)[number]

const schema: z.ZodType<Message> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('offer'), manifest: signedRecordSchema, lease: signedRecordSchema }),
  z.strictObject({ type: z.literal('accept'), lease: cidSchema }),
  z.strictObject({
    type: z.literal('decline'),
    lease: cidSchema,
    reason: z.enum(declineReasons),
    retryMs: naturalSchema,
  }),
  z.strictObject({ type: z.literal('progress'), lease: cidSchema, done: naturalSchema }),
  z.strictObject({
    type: z.literal('receipt'),
    record: signedRecordSchema,
    opening: openingSchema,
    released: z.enum(releaseReasons).nullable(),
  }),
  z.strictObject({ type: z.literal('acknowledge'), receipt: cidSchema }),
  z.strictObject({ type: z.literal('withdraw'), lease: cidSchema }),
  z.strictObject({ type: z.literal('ended'), job: cidSchema }),
])

/** An offer with a full manifest and 64 shards takes about 25 KiB. */
const messageBytesMax = 64 * 1024

export function encodeMessage(message: Message): Uint8Array {
  return encodeCbor(message)
}

/** Throws ProtocolError: too-large, malformed, not-canonical. */
export function decodeMessage(bytes: Uint8Array): Message {
  const decoded = schema.safeParse(decodeCbor('message', bytes, messageBytesMax))
  if (!decoded.success) throw malformed('message', decoded.error)
  return decoded.data
}
