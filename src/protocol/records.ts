/**
 * The table of record kinds: one row for each kind, and all that depends on the kind alone.
 *
 * A record is decoded, verified and checked once, at the door, by its row here; the outcome (`Opened`) is what inputs
 * and effects carry from there on, so that nobody has to find a record again by its id, or to ask once more what kind
 * it is. To add a kind, write its payload and its `recordType` in a file of its own, and add a row: every switch that
 * has to know of it then fails to compile.
 */
import { assert } from '../base/assert.ts'
import { compareText } from '../base/bytes.ts'
import type { Sha256 } from '../base/prng.ts'
import { digestType } from './cells/digest.ts'
import { ProtocolError } from './errors.ts'
import type { JobId, PeerId, RecordId } from './ids.ts'
import type { Opening } from './job/lease.ts'
import * as job from './job/record-types.ts'
import { statementType } from './ledger/statement.ts'
import { accountsAccessType } from './membership/accounts-access.ts'
import { advertType } from './membership/advert.ts'
import { charterType, credentialType } from './membership/fleet.ts'
import { certificateType } from './membership/owner.ts'
import { reopenCbor } from './record/block.ts'
import {
  decodeBody,
  openBody,
  type RecordBody,
  type RecordType,
  recordVersion,
  reopenRecord,
  type SignedRecord,
  type Verified,
  type Verify,
} from './record/record.ts'
import { carriedBytesMax } from './sizes.ts'

interface Row {
  readonly type: RecordType<unknown>
  /**
   * Its place among the records of a job: a record that it may rest on has a lower one. Reports list records in this
   * order. Null for a kind that is no part of a job's story.
   */
  readonly rank: number | null
  /** The stewards of a job keep it, and tell each other of it, until all have it. */
  readonly isShared: boolean
  /** The key that must have signed it. For a shared record this is checked where the job's records are. */
  readonly signedBy: 'steward' | 'vehicle' | 'submitter' | 'fleet' | 'owner' | 'node'
  /** True when the fate of the job's claims depends on it as it is; on verdicts and ends, once they count (state/). */
  readonly isMoney: boolean
  /** It commits to something that is shown beside it, and only to stewards. */
  readonly hasOpening: boolean
  /** A job's report has it always, never, or as far as it counts on the node that reports (state/reported.ts). */
  readonly reported: 'always' | 'counted' | 'never'
}

const counted = {
  isShared: true,
  signedBy: 'steward',
  isMoney: false,
  hasOpening: false,
  reported: 'counted',
} as const
const always = { ...counted, reported: 'always' } as const
const money = { ...counted, isMoney: true } as const
const alone = { rank: null, isShared: false, isMoney: false, hasOpening: false, reported: 'never' } as const

const table = {
  owner: { type: certificateType, ...alone, signedBy: 'owner' },
  charter: { type: charterType, ...alone, signedBy: 'fleet' },
  credential: { type: credentialType, ...alone, signedBy: 'fleet' },
  advert: { type: advertType, ...alone, signedBy: 'node' },
  digest: { type: digestType, ...alone, signedBy: 'node' },
  access: { type: job.accessType, ...alone, signedBy: 'submitter' },
  accounts: { type: accountsAccessType, ...alone, signedBy: 'owner' },
  consent: { type: job.consentType, ...alone, signedBy: 'node' },
  statement: { type: statementType, ...alone, signedBy: 'steward' },
  manifest: { type: job.manifestType, ...alone, rank: 0, reported: 'always', signedBy: 'submitter' },
  handover: { type: job.handoverType, rank: 1, ...always },
  draw: { type: job.drawBasisType, rank: 2, ...counted },
  lease: { type: job.leaseType, rank: 3, ...money },
  allowance: { type: job.allowanceType, rank: 4, ...money },
  receipt: { type: job.receiptType, rank: 5, ...money, signedBy: 'vehicle', hasOpening: true },
  window: { type: job.windowType, rank: 6, ...always },
  verdict: { type: job.verdictType, rank: 7, ...counted },
  holding: { type: job.holdingType, rank: 8, ...always },
  cancellation: { type: job.cancellationType, rank: 9, ...always, signedBy: 'submitter' },
  end: { type: job.endType, rank: 10, ...counted },
} as const satisfies Readonly<Record<string, Row>>

type Table = typeof table
export type RecordKind = keyof Table
type KindsWith<Trait> = { [Kind in RecordKind]: Table[Kind] extends Trait ? Kind : never }[RecordKind]
export type PayloadOf<Kind extends RecordKind> =
  Table[Kind]['type'] extends RecordType<infer Payload> ? Payload : never

/** Kinds that the stewards of a job share. */
export type JobRecordKind = KindsWith<{ readonly isShared: true }>
/** Kinds on which it depends what becomes of a job's claims. */
type MoneyRecordKind = KindsWith<{ readonly isMoney: true }>

/** A record that was decoded and checked, by its kind. */
export type Checked<Kind extends RecordKind> = {
  [Each in Kind]: {
    readonly kind: Each
    readonly record: Verified<PayloadOf<Each>>
    readonly opening: Each extends KindsWith<{ readonly hasOpening: true }> ? Opening : null
  }
}[Kind]

/** A checked record with the bytes that were signed, to be kept and passed on as they are. */
export type Opened<Kind extends RecordKind> = {
  [Each in Kind]: Checked<Each> & { readonly signed: SignedRecord }
}[Kind]

/** A record of a job that its stewards share. */
export type JobRecord = Checked<JobRecordKind>

const rows: ReadonlyMap<string, Row> = new Map(Object.entries(table))
export const recordKinds = Object.keys(table) as readonly RecordKind[]
const bytesMax = Math.max(...recordKinds.map((kind) => table[kind].type.bytesMax))
assert(bytesMax <= carriedBytesMax, 'every record and its opening fit a message')

for (const kind of recordKinds) assert(table[kind].type.kind === kind, 'a row has the name of its kind')

/** The kinds of records in a job's report, those first that rest on nothing else. */
export const reportedKinds: readonly RecordKind[] = recordKinds
  .filter((kind) => table[kind].rank !== null)
  .sort((a, b) => rankOf(a) - rankOf(b))

/**
 * Opens a record of which only its bytes say what kind it is, with the opening that came along. Throws ProtocolError:
 * too-large, malformed, not-canonical, wrong-signature.
 */
export function openRecord(
  signed: SignedRecord,
  opening: Opening | null,
  sha256: Sha256,
  verify: Verify,
): Opened<RecordKind> {
  const body = decodeBody('record', signed.body, bytesMax)
  const row = rows.get(body.kind)
  if (row === undefined) throw malformed(body.kind, 'no such kind is known')
  if (signed.body.byteLength > row.type.bytesMax)
    throw new ProtocolError({
      code: 'too-large',
      what: body.kind,
      bytes: signed.body.byteLength,
      bytesMax: row.type.bytesMax,
    })
  if (row.hasOpening && opening === null) throw malformed(body.kind, 'its opening is missing')
  const record = openBody(body, signed, row.type, sha256, verify)
  return { ...checked(body.kind as RecordKind, record, opening), signed } as Opened<RecordKind>
}

/** Opens a record that must be of this kind. Throws ProtocolError. */
export function openRecordAs<Kind extends RecordKind>(
  kind: Kind,
  signed: SignedRecord,
  opening: Opening | null,
  sha256: Sha256,
  verify: Verify,
): Opened<Kind> {
  const { type, hasOpening } = table[kind]
  if (hasOpening && opening === null) throw malformed(kind, 'its opening is missing')
  return { ...checked(kind, type.open(signed, sha256, verify), opening), signed } as never
}

/**
 * A record from this node's own journal, whose form and signature were checked before it got there: only its id says
 * whether its bytes are still what they were. Throws ProtocolError: malformed.
 */
export function reopen<Kind extends RecordKind>(
  kind: Kind,
  {
    id,
    body,
    extra,
  }: { readonly id: RecordId; readonly body: Uint8Array; readonly extra: Uint8Array | null },
  sha256: Sha256,
): Checked<Kind> {
  const opening = table[kind].hasOpening && extra !== null ? reopenCbor<Opening>(extra) : null
  return checked(kind, reopenRecord(id, body, sha256), opening)
}

/** A record that was made or checked here, by its kind. */
export function checked<Kind extends RecordKind>(
  kind: Kind,
  record: Verified,
  opening: Opening | null = null,
): Checked<Kind> {
  return { kind, record, opening: table[kind].hasOpening ? opening : null } as never
}

/** The body of a record that is to be signed. A body that names no job, epoch or steward concerns none. */
export function bodyOf<Kind extends RecordKind>(
  kind: Kind,
  fields: {
    readonly signer: PeerId
    readonly serial: number
    readonly expiresMs: number
    readonly payload: PayloadOf<Kind>
    readonly job?: JobId | null
    readonly epoch?: number
    readonly steward?: PeerId | null
  },
): RecordBody<PayloadOf<Kind>> & { readonly kind: Kind } {
  return { domain: 'carpool', version: recordVersion, kind, job: null, epoch: 0, steward: null, ...fields }
}

/** The longest body of a record of this kind. */
export function bytesMaxOf(kind: RecordKind): number {
  return table[kind].type.bytesMax
}

/** The ids that the record lists, each as often as it is kept. */
export function namesIn({ kind, record }: Checked<RecordKind>): number {
  return (table[kind].type as RecordType<unknown>).names(record.payload)
}

/** Tells whether a job's report has all records of this kind. */
export function isAlwaysReported(kind: RecordKind): boolean {
  return table[kind].reported === 'always'
}

/** Tells whether the stewards of a job share the record. */
export function isShared<Entry extends { readonly kind: RecordKind }>(
  entry: Entry,
): entry is Entry & { readonly kind: JobRecordKind } {
  return table[entry.kind].isShared
}

/** Tells whether the record can change the fate of a job's claims by being there. */
export function isMoney<Entry extends { readonly kind: RecordKind }>(
  entry: Entry,
): entry is Entry & { readonly kind: MoneyRecordKind } {
  return table[entry.kind].isMoney
}

export function signedByOf(kind: RecordKind): Row['signedBy'] {
  return table[kind].signedBy
}

/** Sorts what rests on nothing else first, so that no record comes before what it needs. */
export function byDependency(a: JobRecord, b: JobRecord): number {
  const byEpoch = rankOf(a.kind) - rankOf(b.kind) || a.record.epoch - b.record.epoch
  // Handovers in the order in which they follow each other (job/handover.ts).
  if (a.kind === 'handover') return byEpoch || compareText(a.record.id, b.record.id)
  return byEpoch || a.record.serial - b.record.serial || compareText(a.record.id, b.record.id)
}

function rankOf(kind: RecordKind): number {
  return table[kind].rank ?? Number.POSITIVE_INFINITY
}

function malformed(what: string, why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what, why })
}
