/**
 * Statements: the debt for one vehicle's work in one job, as a steward of the job states it. A statement is
 * cumulative, so that the newest says all and nobody misses a lost one; signed, so that it is the owner's proof; and
 * it has a root over every claim that it pays, so that either side can show the other where they differ.
 */
import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import { statementClaimsMax } from '../limits.ts'
import { currencySchema, type Micros } from '../price.ts'
import { encodeCbor } from '../record/block.ts'
import { merkleRoot } from '../record/merkle.ts'
import {
  bytesOfLength,
  cidSchema,
  naturalSchema,
  ownerIdSchema,
  peerIdSchema,
  recordType,
} from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { addMicros } from './amounts.ts'
import type { Entry } from './entry.ts'

export interface Totals {
  /** The units of the shards that are paid. */
  readonly units: number
  /** The owner's, without the operator's share. */
  readonly micros: Micros
  /** From which these claims come. */
  readonly receipts: number
  /** RFC 9162's, over the leaves of `statementLeaf` in the order of receipt and place. */
  readonly root: Uint8Array
}

export interface Statement extends Totals {
  readonly vehicle: PeerId
  readonly owner: OwnerId
  readonly currency: string
  /** The job has ended: claims that are not paid here come to nothing. */
  readonly closed: boolean
  /** The amount that its signer says it has paid this vehicle so far, for all jobs together. */
  readonly paidMicros: Micros
}

/** The outcome of a claim, in the words of a message: receipt, place, units, the owner's micros, paid or not. */
export interface StatedClaim {
  readonly receipt: RecordId
  readonly place: number
  readonly units: number
  readonly micros: Micros
  readonly paid: boolean
}

const statementSchema: z.ZodType<Statement> = z.strictObject({
  vehicle: peerIdSchema,
  owner: ownerIdSchema,
  currency: currencySchema,
  units: naturalSchema,
  micros: naturalSchema,
  receipts: naturalSchema,
  root: bytesOfLength(32),
  closed: z.boolean(),
  paidMicros: naturalSchema,
})

export const statementType = recordType('statement', statementSchema, recordBytesMax.statement)
export const { open: openStatement } = statementType

/** A claim that was decided, and where in its steward's ledger. */
export interface LedgerClaim extends StatedClaim {
  readonly serial: number
}

/** Returns what the last entry about a claim says of it; undefined while it is open, and for payments. */
export function ledgerClaim({ kind, claim, credits, serial }: Entry): LedgerClaim | undefined {
  if (claim === null || kind === 'pending') return undefined
  const { receipt, place, units } = claim
  return { receipt, place, units, micros: credits[0]!.micros, paid: kind === 'posted', serial }
}

/** The newest claims before a place in the ledger, as many as a message carries, and where the next page begins. */
export function pageOf(
  claims: readonly LedgerClaim[],
  before: number | null,
): { readonly claims: readonly WireClaim[]; readonly next: number | null } {
  const older = claims
    .filter(({ serial }) => before === null || serial < before)
    .sort((a, b) => b.serial - a.serial)
  const page = older.slice(0, statementClaimsMax)
  return {
    claims: page.map(({ receipt, place, units, micros, paid }) => [receipt, place, units, micros, paid]),
    next: older.length > page.length ? page.at(-1)!.serial : null,
  }
}

export function fromWire([receipt, place, units, micros, paid]: WireClaim): StatedClaim {
  return { receipt, place, units, micros, paid }
}

/** Short, since a message carries five hundred of them. */
export type WireClaim = readonly [RecordId, number, number, Micros, boolean]

export const wireClaimsSchema: z.ZodType<readonly WireClaim[]> = z
  .array(z.tuple([cidSchema, naturalSchema, naturalSchema, naturalSchema, z.boolean()]))
  .max(statementClaimsMax)

/** Totals over the claims among these that are paid. Throws ProtocolError amount-too-large. */
export function totalsOf(sha256: Sha256, claims: Iterable<StatedClaim>): Totals {
  const paid = [...claims].filter((claim) => claim.paid).sort(byReceipt)
  let [units, micros] = [0, 0]
  for (const claim of paid) {
    units = addMicros('units', units, claim.units)
    micros = addMicros('statement', micros, claim.micros)
  }
  const receipts = new Set(paid.map(({ receipt }) => receipt)).size
  return { units, micros, receipts, root: merkleRoot(sha256, paid.map(statementLeaf)) }
}

function statementLeaf({ receipt, place, units, micros }: StatedClaim): Uint8Array {
  return encodeCbor(['carpool/paid/1', receipt, place, units, micros])
}

function byReceipt(a: StatedClaim, b: StatedClaim): number {
  return compareText(a.receipt, b.receipt) || a.place - b.place
}
