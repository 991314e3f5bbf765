/**
 * Certificates: the records that people carry from machine to machine by hand, as files.
 *
 * An owner's certificate says that a peer is a vehicle of that owner; a fleet's charter says which key admits vehicles;
 * a credential, that it admitted one. All are ordinary signed records (src/protocol/membership/owner.ts, fleet.ts) inside a line
 * of JSON, so that they survive mail and chat, and so that a person who opens one can tell what it is. Reading one checks all that can be checked of it alone: form,
 * signature and date. Nothing in them is secret.
 */
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { ProtocolError } from '../../protocol/errors.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { credentialTtlMs, fleetKeyChangesMax } from '../../protocol/limits.ts'
import { type AccountsAccess, accountsAccessTtlMs } from '../../protocol/membership/accounts-access.ts'
import {
  type Charter,
  type Credential,
  openCharter,
  openCredential,
} from '../../protocol/membership/fleet.ts'
import { type OwnerCertificate, openCertificate } from '../../protocol/membership/owner.ts'
import {
  encodeBody,
  type RecordBody,
  type SignedRecord,
  type Verified,
} from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { systemClock } from '../clock.ts'
import { sha256 } from '../sha256.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'
import { plain } from '../store/plain.ts'

/** A charter with all revocations that it may name, in base64, as often as the fleet may change its key. */
const fileBytesMax = 2 ** 22

const dayMs = 24 * 3_600_000

/** A year: a car that nobody services for so long has other troubles. A guess. */
export const validDaysDefault = 365

export interface Validity {
  readonly nowMs?: number
  readonly days?: number
}

/** A record, to be passed on as it is, and its contents. */
export interface Opened<Payload> {
  readonly record: SignedRecord
  readonly content: Verified<Payload>
}

/** "This peer is a vehicle of mine", signed by the owner. */
export function signCertificate(ownerKey: SigningKey, peer: PeerId, validity: Validity = {}): SignedRecord {
  const { nowMs = systemClock.now(), days = validDaysDefault } = validity
  return signed(
    ownerKey,
    bodyOf('owner', {
      signer: ownerKey.peerId,
      // The time: signing again replaces what was signed before.
      serial: nowMs,
      expiresMs: nowMs + Math.round(days * dayMs),
      payload: { peer },
    }),
  )
}

/** "This is what holds in the fleet", signed by its key. It binds until one with a higher serial replaces it. */
export function signCharter(fleetKey: SigningKey, charter: Charter, serial: number): SignedRecord {
  return signed(
    fleetKey,
    bodyOf('charter', {
      signer: fleetKey.peerId,
      serial,
      expiresMs: Number.MAX_SAFE_INTEGER,
      payload: charter,
    }),
  )
}

/** "This peer may take part", signed by the fleet; for a day unless said otherwise. */
export function signCredential(
  fleetKey: SigningKey,
  credential: Credential,
  { nowMs = systemClock.now(), ttlMs = credentialTtlMs }: { nowMs?: number; ttlMs?: number } = {},
): SignedRecord {
  return signed(
    fleetKey,
    bodyOf('credential', {
      signer: fleetKey.peerId,
      // The time: signing again replaces what was signed before.
      serial: nowMs,
      expiresMs: nowMs + ttlMs,
      payload: credential,
    }),
  )
}

/** "This node may read my accounts": signed by an owner, or by a fleet for its operator's; for some minutes. */
export function signAccountsAccess(key: SigningKey, access: AccountsAccess): SignedRecord {
  const nowMs = systemClock.now()
  return signed(
    key,
    bodyOf('accounts', {
      signer: key.peerId,
      serial: nowMs,
      expiresMs: nowMs + accountsAccessTtlMs,
      payload: access,
    }),
  )
}

function signed(key: SigningKey, body: RecordBody): SignedRecord {
  const bytes = plain(encodeBody(body))
  return { body: bytes, signature: key.sign(bytes) }
}

export function certificateText(record: SignedRecord): string {
  return fileText('owner-certificate', record)
}

/** `later`: the charters that followed from it, the newest last. */
export function charterText(record: SignedRecord, later: readonly SignedRecord[] = []): string {
  return fileText('fleet', record, later)
}

export function credentialText(record: SignedRecord): string {
  return fileText('credential', record)
}

/** Throws Error, one sentence that names the file. */
export function readCertificate(path: string, nowMs = systemClock.now()): Opened<OwnerCertificate> {
  return open(path, 'owner-certificate', openCertificate, nowMs)
}

/** The fleet's first charter, and those that followed, not yet held against it. Throws Error, one sentence that names the file. */
export function readCharter(path: string): Opened<Charter> & { readonly later: readonly SignedRecord[] } {
  return { ...open(path, 'fleet', openCharter, systemClock.now()), later: readFile(path, 'fleet').later }
}

/** Returns the name of the journal's setting that keeps the charters of a fleet, as a JSON list of their texts. */
export function chartersSetting(fleet: PeerId): string {
  return `charters-of-${fleet}`
}

/** A charter from this node's own journal, as charterText wrote it. */
export function parseCharter(text: string): SignedRecord {
  const { body, signature } = fileSchema.parse(JSON.parse(text))
  return { body: bytes(body), signature: bytes(signature) }
}

/** Throws Error, one sentence that names the file. */
export function readCredential(path: string, nowMs = systemClock.now()): Opened<Credential> {
  return open(path, 'credential', openCredential, nowMs)
}

type FileKind = 'owner-certificate' | 'fleet' | 'credential'

const inWords: Readonly<Record<FileKind, string>> = {
  'owner-certificate': 'an owner certificate',
  fleet: 'a fleet charter',
  credential: 'a credential',
}

const fileSchema = z.strictObject({
  carpool: z.enum(['owner-certificate', 'fleet', 'credential']),
  body: z.base64(),
  signature: z.base64(),
  /** The charters that followed, of a fleet that has changed its terms since it was made. */
  later: z
    .array(z.strictObject({ body: z.base64(), signature: z.base64() }))
    .max(fleetKeyChangesMax + 2)
    .optional(),
})

function fileText(kind: FileKind, record: SignedRecord, later: readonly SignedRecord[] = []): string {
  const inBase64 = ({ body, signature }: SignedRecord) => ({
    body: base64(body),
    signature: base64(signature),
  })
  const file: z.infer<typeof fileSchema> = {
    carpool: kind,
    ...inBase64(record),
    ...(later.length > 0 && { later: later.map(inBase64) }),
  }
  return `${JSON.stringify(file)}\n`
}

function open<Payload>(
  path: string,
  kind: FileKind,
  openKind: (record: SignedRecord, hash: typeof sha256, verify: typeof verifyByPeerId) => Verified<Payload>,
  nowMs: number,
): Opened<Payload> {
  const { body, signature } = readFile(path, kind)
  const record = { body, signature }
  let content: Verified<Payload>
  try {
    content = openKind(record, sha256, verifyByPeerId)
  } catch (error) {
    throw new Error(`${path} is not ${inWords[kind]} that can be trusted: ${why(error)}`, { cause: error })
  }
  if (content.expiresMs <= nowMs)
    throw new Error(
      `${path} expired on ${new Date(content.expiresMs).toISOString().slice(0, 10)}: sign it again`,
    )
  return { record, content }
}

function readFile(path: string, kind: FileKind): SignedRecord & { readonly later: readonly SignedRecord[] } {
  let json: unknown
  try {
    if (statSync(path).size > fileBytesMax) throw new Error('the file is too large')
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path} is not ${inWords[kind]}: ${why(error)}`, { cause: error })
  }
  const file = fileSchema.safeParse(json)
  if (!file.success) throw new Error(`${path} is not ${inWords[kind]}: nothing in it that carpool wrote`)
  if (file.data.carpool !== kind)
    throw new Error(`${path} is not ${inWords[kind]} but ${inWords[file.data.carpool]}`)
  const raw = ({ body, signature }: { body: string; signature: string }) => ({
    body: bytes(body),
    signature: bytes(signature),
  })
  return { ...raw(file.data), later: (file.data.later ?? []).map(raw) }
}

function why(error: unknown): string {
  if (!(error instanceof ProtocolError)) return (error as Error).message
  return error.refusal.code === 'wrong-signature' ? 'its signature is not its signer’s' : error.message
}

function base64(raw: Uint8Array): string {
  return Buffer.from(raw).toString('base64')
}

function bytes(text: string): Uint8Array {
  return plain(Buffer.from(text, 'base64'))
}
