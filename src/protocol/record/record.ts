/**
 * Records: signed statements.
 *
 * Everything that binds anybody (a manifest, an advert, a lease, a receipt, a verdict) has one form: a body
 * with domain, version, kind, job, epoch, steward, serial and expiry before its payload, and an Ed25519
 * signature over the body's bytes. The id of a record is the CID of its body alone, so nobody can make a second
 * record of the same statement by bending the signature; and the fields before the payload are in every body,
 * so a record of one job, epoch or kind can never be replayed as another.
 *
 * The core only ever sees bodies whose signature the shell has checked against `signer`.
 */
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import { isPrintable } from '../../base/printable.ts'
import { ProtocolError } from '../errors.ts'
import type { Cid, JobId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { cborCid, decodeCbor, encodeCbor, reopenCbor, type Sha256 } from './block.ts'

export interface RecordBody<Payload = unknown> {
  readonly domain: 'carpool'
  readonly version: typeof recordVersion
  /** A kind in the table of ../records.ts. */
  readonly kind: string
  /**
   * The job this is about; null for a record that concerns no job, and in the manifest, whose own id names the job.
   */
  readonly job: JobId | null
  /** Stewardship's generation: 0 for the stewards that the manifest names. */
  readonly epoch: number
  /** On whose behalf of the job's stewards; null where none is involved. */
  readonly steward: PeerId | null
  /** Rises with every record of this signer and kind. */
  readonly serial: number
  /** Milliseconds since 1970 after which the record binds nobody any more. */
  readonly expiresMs: number
  /** The key that signs, in the text form of a peer id; nodes, owners, submitters and fleets have one each. */
  readonly signer: PeerId
  readonly payload: Payload
}

/** A record as it travels and rests: the exact bytes that were signed, and the signature (64 bytes). */
export interface SignedRecord {
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

/** A record that was decoded, and whose signature was checked. */
export interface Verified<Payload = unknown> extends RecordBody<Payload> {
  readonly id: RecordId
}

/** Verifies a signature of the key that a peer id carries. Synchronous: Ed25519 takes 100 µs. */
export type Verify = (signer: PeerId, bytes: Uint8Array, signature: Uint8Array) => boolean

/**
 * CIDv1, sha2-256, dag-cbor or raw, in base32: 59 characters, of which the last holds three bits and two zeroes, so
 * that one block has one name.
 */
export const cidPattern = /^baf[yk]rei[a-h][a-z2-7]{50}[aeimquy4]$/
const cid = z.string().regex(cidPattern, 'is not a CID') as unknown as z.ZodType<Cid>
export const peerIdSchema = z.string().min(40).max(64) as unknown as z.ZodType<PeerId>
export const ownerIdSchema = z.string().max(64) as unknown as z.ZodType<OwnerId>
export const cidSchema = cid
/** A CID as dag-cbor's link (tag 42), read as its text. */
export const linkSchema: z.ZodType<Cid> = z
  .custom((value) => CID.asCID(value) !== null, 'is not a link')
  .transform((link) => `${link}` as Cid)
export const naturalSchema = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
/** Words of at most so many letters for people, which draw nothing where they are shown. */
export function printableSchema(max: number): z.ZodString {
  return z.string().max(max).refine(isPrintable, 'has signs that cannot be shown')
}
export const bytesSchema = z.instanceof(Uint8Array) as z.ZodType<Uint8Array>
export function bytesOfLength(length: number): z.ZodType<Uint8Array> {
  return bytesSchema.refine((bytes) => bytes.byteLength === length, `is not ${length} bytes long`)
}

/** The version of every record that this node reads and writes. */
export const recordVersion = 1

const bodySchema = z.strictObject({
  domain: z.literal('carpool'),
  version: z.literal(recordVersion),
  kind: z.string().max(32),
  job: cid.nullable(),
  epoch: naturalSchema,
  steward: peerIdSchema.nullable(),
  serial: naturalSchema,
  expiresMs: naturalSchema,
  signer: peerIdSchema,
  payload: z.unknown(),
})

export const signedRecordSchema = z.strictObject({ body: bytesSchema, signature: bytesSchema })

export function encodeBody(body: RecordBody): Uint8Array {
  return encodeCbor(body)
}

export function recordId(sha256: Sha256, body: Uint8Array): RecordId {
  return cborCid(sha256, body)
}

/** How records of one kind are read. It is defined beside the kind's payload, and named in the table of ../records.ts. */
export interface RecordType<Payload> {
  readonly kind: string
  readonly payload: z.ZodType<Payload>
  /** A body with more bytes is refused before it is decoded. */
  readonly bytesMax: number
  /**
   * Decodes a record from outside and checks that it is canonical, of this kind, and signed by its signer. Expiry is
   * the caller's business: it has the clock. Throws ProtocolError: too-large, malformed, not-canonical, wrong-signature.
   */
  readonly open: (record: SignedRecord, sha256: Sha256, verify: Verify) => Verified<Payload>
  /** Checks what others signed and this record carries. Throws ProtocolError. */
  checkCarried(record: Verified<Payload>, sha256: Sha256, verify: Verify): void
  /** The ids that it lists, each as often as it is kept: by this its bytes in memory are estimated (state/signer-bounds.ts). */
  names(payload: Payload): number
}

/** As many as a record has that lists nothing. */
const namesLeast = 8

export function recordType<Payload>(
  kind: string,
  payload: z.ZodType<Payload>,
  bytesMax: number,
  {
    checkCarried = () => {},
    names = () => namesLeast,
  }: Partial<Pick<RecordType<Payload>, 'checkCarried' | 'names'>> = {},
): RecordType<Payload> {
  const type: RecordType<Payload> = {
    kind,
    payload,
    bytesMax,
    checkCarried,
    names,
    open: (record, sha256, verify) =>
      openBody(decodeBody(kind, record.body, bytesMax), record, type, sha256, verify),
  }
  return type
}

/** Decodes a body of any kind, whose payload is not looked at. Throws ProtocolError. */
export function decodeBody(what: string, bytes: Uint8Array, bytesMax: number): RecordBody {
  const decoded = bodySchema.safeParse(decodeCbor(what, bytes, bytesMax))
  if (!decoded.success) throw malformed(what, decoded.error)
  return decoded.data
}

/** Checks the rest of a record whose body was just decoded. Throws ProtocolError. */
export function openBody<Payload>(
  body: RecordBody,
  record: SignedRecord,
  { kind, payload, checkCarried }: RecordType<Payload>,
  sha256: Sha256,
  verify: Verify,
): Verified<Payload> {
  if (body.kind !== kind) throw new ProtocolError({ code: 'malformed', what: kind, why: `is a ${body.kind}` })
  const content = payload.safeParse(body.payload)
  if (!content.success) throw malformed(kind, content.error)
  if (record.signature.byteLength !== 64 || !verify(body.signer, record.body, record.signature))
    throw new ProtocolError({ code: 'wrong-signature', what: kind, signer: body.signer })
  const opened = { ...body, payload: content.data, id: recordId(sha256, record.body) }
  checkCarried(opened, sha256, verify)
  return opened
}

/**
 * A record from this node's own journal. Its form and signature were checked before it got there, so that here only its
 * id tells whether its bytes are still what they were. Throws ProtocolError: malformed.
 */
export function reopenRecord(id: RecordId, body: Uint8Array, sha256: Sha256): Verified {
  if (recordId(sha256, body) !== id)
    throw new ProtocolError({ code: 'malformed', what: `record ${id}`, why: 'its bytes are damaged' })
  return { ...reopenCbor<RecordBody>(body), id }
}

/** The version that a record of another version says it has; null for one of this version, or no record at all. */
export function foreignVersionOf(bytes: Uint8Array, bytesMax: number): number | null {
  const body = foreignBodySchema.safeParse(decodeCbor('record', bytes, bytesMax))
  return body.success && body.data.version !== recordVersion ? body.data.version : null
}

const foreignBodySchema = z.object({ domain: z.literal('carpool'), version: naturalSchema })

export function malformed(what: string, error: z.ZodError): ProtocolError {
  const issue = error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  return new ProtocolError({ code: 'malformed', what, why: `${where}${issue?.message ?? 'unknown'}` })
}
