/**
 * The greeting of two nodes before there is a connection: first they say who they are, then whether the other may
 * come in, with the charters that it lacks.
 */
import { z } from 'zod'
import { ProtocolError } from '../../protocol/errors.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { fleetKeyChangesMax } from '../../protocol/limits.ts'
import type { Credential, Fleet } from '../../protocol/membership/fleet.ts'
import { openCertificate, ownerIdOf } from '../../protocol/membership/owner.ts'
import { decodeCbor, encodeCbor } from '../../protocol/record/block.ts'
import {
  malformed,
  naturalSchema,
  printableSchema,
  type SignedRecord,
  signedRecordSchema,
  type Verified,
} from '../../protocol/record/record.ts'
import { recordBytesMax } from '../../protocol/sizes.ts'
import { systemClock } from '../clock.ts'
import { sha256 } from '../sha256.ts'
import { verifyByPeerId } from '../store/keys.ts'
import { differenceOfClocks } from './clock-offsets.ts'

/** A peer that showed its credential, and the name that it stated. */
export interface Guest {
  readonly credential: Verified<Credential>
  /** The same, as it was signed. */
  readonly record: SignedRecord
  readonly vehicle: string
}

/** The first that two nodes say to each other. */
export interface Greeting {
  readonly credential: SignedRecord | null
  readonly vehicle: string
  /** The owner's signature under the peer; null: it is its own owner. */
  readonly certificate: SignedRecord | null
  /** Serial of the newest charter. */
  readonly charter: number
  /** The time of day by its clock; older nodes do not say it. */
  readonly atMs?: number | undefined
}

/** The second. */
export interface Reply {
  /** Null: come in. */
  readonly refused: string | null
  /** A registrar gives it to a node that it knows. */
  readonly credential: SignedRecord | null
  /** The charters that the other node lacks. */
  readonly charters: readonly SignedRecord[]
}

/** A sentence with a vehicle's name in it. */
const refusalLettersMax = 256

/** A later version may add fields to both. */
const greetingSchema: z.ZodType<Greeting> = z.object({
  credential: signedRecordSchema.nullable(),
  vehicle: printableSchema(64),
  certificate: signedRecordSchema.nullable(),
  charter: naturalSchema,
  atMs: naturalSchema.optional(),
})
const replySchema: z.ZodType<Reply> = z.object({
  refused: printableSchema(refusalLettersMax).nullable(),
  credential: signedRecordSchema.nullable(),
  charters: z.array(signedRecordSchema).max(fleetKeyChangesMax + 2),
})

/** Two signed records. */
const greetingBytesMax = 4096
const replyBytesMax = (fleetKeyChangesMax + 2) * recordBytesMax.charter

export function encodeGreeting(greeting: Greeting): Uint8Array {
  return encodeCbor({ ...greeting, atMs: systemClock.now() })
}

/** Throws ProtocolError. */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  return decode('greeting', greetingSchema, bytes, greetingBytesMax)
}

export function encodeReply(reply: Reply): Uint8Array {
  return encodeCbor(reply)
}

/** Throws ProtocolError. */
export function decodeReply(bytes: Uint8Array): Reply {
  return decode('reply', replySchema, bytes, replyBytesMax)
}

/** Throws ProtocolError when the certificate is not for this peer. */
export function ownerOf(peer: PeerId, certificate: SignedRecord | null): OwnerId {
  if (certificate === null) return ownerIdOf(sha256, peer)
  const { payload, signer, expiresMs } = openCertificate(certificate, sha256, verifyByPeerId)
  if (payload.peer !== peer || expiresMs <= systemClock.now())
    throw new ProtocolError({ code: 'not-admitted', why: "its owner's certificate is not for it, or over" })
  return ownerIdOf(sha256, signer)
}

/**
 * Checks the credential that a peer showed, for the owner of its greeting. Throws ProtocolError 'not-admitted', which also says
 * whether the peer's clock differs from this node's.
 */
export function vouchFor(
  fleet: Pick<Fleet, 'vouch'>,
  peer: PeerId,
  { certificate, atMs }: Greeting,
  shown: SignedRecord | null,
): Verified<Credential> {
  const nowMs = systemClock.now()
  try {
    return fleet.vouch(shown, peer, ownerOf(peer, certificate), nowMs)
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.refusal.code !== 'not-admitted') throw error
    const why = `${error.refusal.why}${differenceOfClocks(atMs, nowMs)}`
    throw new ProtocolError({ code: 'not-admitted', why })
  }
}

/** Items of a greeting or a reply: a few records, which are bytes. */
const itemsMax = 4_096

function decode<Content>(
  what: string,
  schema: z.ZodType<Content>,
  bytes: Uint8Array,
  bytesMax: number,
): Content {
  const decoded = schema.safeParse(decodeCbor(what, bytes, bytesMax, itemsMax))
  if (!decoded.success) throw malformed(what, decoded.error)
  return decoded.data
}
