/**
 * Leases and receipts: a lease is the work that a steward asks of a vehicle, a receipt the work that the vehicle
 * claims to have done.
 *
 * The receipt is a commitment. Its root covers one leaf for each finished shard,
 * H(domain, job, shard, worker, lease, result, nonce), so a vehicle that saw another's receipt learns nothing
 * to copy: the nonce hides even a guessable result, and the worker's own name is inside. The opening (results
 * and nonce) goes to stewards only. A lease may have several receipts, each for shards that no other covers;
 * two different results for one (lease, shard) are equivocation.
 */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId, ShardId } from '../ids.ts'
import { leaseShardsMax } from '../limits.ts'
import {
  costOfUnits,
  type LeasePrice,
  leasePriceSchema,
  totalOf,
  type UnitCount,
  unitCountSchema,
} from '../price.ts'
import { encodeCbor, type Sha256 } from '../record/block.ts'
import { merkleRoot } from '../record/merkle.ts'
import {
  bytesSchema,
  cidSchema,
  naturalSchema,
  ownerIdSchema,
  peerIdSchema,
  recordType,
  type Verified,
} from '../record/record.ts'
import { nonceBytesMax, recordBytesMax } from '../sizes.ts'

export interface Lease {
  readonly vehicle: PeerId
  readonly owner: OwnerId
  readonly shards: readonly ShardId[]
  /** The position of each shard in the job's list: equal documents make equal shards. */
  readonly positions: readonly number[]
  /**
   * The instruction-set class that the vehicle advertised. Its own word, which nobody can check, so nothing is decided
   * by it: it tells a person who reads a report why bytes differ.
   */
  readonly isa: string | null
  /** Estimated milliseconds of one reference core for all shards. */
  readonly costMs: number
  /** Units of work in each of its shards, by which it is paid: at most, where a result's are counted (Receipt). */
  readonly units: readonly number[]
  /** Null: nobody is paid. */
  readonly price: LeasePrice | null
  readonly draw: Draw
}

/** Millionths of a unit of its currency that a lease promises for its shards, or for those at these places. */
export function worthOf(
  { price, units }: Pick<Lease, 'price' | 'units'>,
  places: Iterable<number> = units.keys(),
): number {
  if (price === null) return 0
  let sum = 0
  for (const place of places) sum += costOfUnits(units[place] ?? 0, price)
  return sum
}

/** How the vehicle was chosen: whoever has the job's secret of draws can repeat it (src/protocol/job/draw.ts). */
export interface Draw {
  /** The record that lists the candidates. */
  readonly basis: RecordId
  /** One bit for each candidate of the basis: was it eligible for this lease? */
  readonly eligible: Uint8Array
  /** Numbers the draws of its steward from 0 without a gap, so that none can be kept from the others. */
  readonly index: number
}

export interface Receipt {
  readonly lease: LeaseId
  /** Positions in the lease's list of shards, rising. */
  readonly covers: readonly number[]
  readonly root: Uint8Array
  /** The units that each of the results took, in the order of `covers`; left out where each takes what its lease says. */
  readonly units?: readonly UnitCount[]
  /** Evidence for metering, never a claim to pay. */
  readonly cpuMs: number
  readonly wallMs: number
  /** Joules, measured at the pack or estimated from a stated power; null: not known. */
  readonly energy: { readonly joules: number; readonly basis: 'measured' | 'estimated' } | null
}

export interface Opening {
  /** In the order of the receipt's `covers`. */
  readonly results: readonly Cid[]
  readonly nonce: Uint8Array
}

const leaseSchema: z.ZodType<Lease> = z.strictObject({
  vehicle: peerIdSchema,
  owner: ownerIdSchema,
  shards: z.array(cidSchema).min(1).max(leaseShardsMax),
  positions: z.array(naturalSchema).min(1).max(leaseShardsMax),
  isa: z.string().max(64).nullable(),
  costMs: naturalSchema,
  units: z.array(naturalSchema).min(1).max(leaseShardsMax),
  price: leasePriceSchema.nullable(),
  draw: z.strictObject({ basis: cidSchema, eligible: bytesSchema, index: naturalSchema }),
})

const receiptSchema: z.ZodType<Receipt> = z.strictObject({
  lease: cidSchema,
  covers: z.array(naturalSchema).min(1).max(leaseShardsMax),
  root: bytesSchema,
  units: z.array(unitCountSchema).min(1).max(leaseShardsMax).exactOptional(),
  cpuMs: naturalSchema,
  wallMs: naturalSchema,
  energy: z.strictObject({ joules: naturalSchema, basis: z.enum(['measured', 'estimated']) }).nullable(),
})

export const openingSchema: z.ZodType<Opening> = z.strictObject({
  results: z.array(cidSchema).min(1).max(leaseShardsMax),
  nonce: bytesSchema.refine(
    (bytes) => bytes.byteLength <= nonceBytesMax,
    `is longer than ${nonceBytesMax} bytes`,
  ),
})

export const leaseType = recordType('lease', leaseSchema, recordBytesMax.lease, {
  names: ({ positions }) => 2 * positions.length,
})
export const { open: openLease } = leaseType

export const receiptType = recordType('receipt', receiptSchema, recordBytesMax.receipt)
export const { open: openReceipt } = receiptType

/** The units that a receipt claims for this place of its lease; undefined: as much as the lease says, and the place is covered or not. */
export function unitsClaimed(
  { covers, units }: Pick<Receipt, 'covers' | 'units'>,
  place: number,
): UnitCount | undefined {
  return units?.[covers.indexOf(place)]
}

/** The units that a claim is paid for if it agrees. */
export function unitsOwed(
  { units }: Pick<Lease, 'units'>,
  receipt: Pick<Receipt, 'covers' | 'units'>,
  place: number,
): number {
  const claimed = unitsClaimed(receipt, place)
  return claimed === undefined ? (units[place] ?? 0) : totalOf(claimed)
}

/** The root to which a vehicle commits. Results are in the order of `covers`. */
export function receiptRoot(
  sha256: Sha256,
  lease: {
    readonly id: LeaseId
    readonly job: JobId
    readonly worker: PeerId
    readonly shards: readonly Cid[]
  },
  covers: readonly number[],
  opening: Opening,
): Uint8Array {
  const leaves = covers.map((position, i) =>
    encodeCbor([
      'carpool/leaf/1',
      lease.job,
      lease.shards[position]!,
      lease.worker,
      lease.id,
      opening.results[i]!,
      opening.nonce,
    ]),
  )
  return merkleRoot(sha256, leaves)
}

/**
 * Checks that a receipt is one that its lease allows, and that its opening matches the root it committed to. Throws
 * ProtocolError: not-its-lease, malformed, wrong-root.
 */
export function checkReceipt(
  sha256: Sha256,
  lease: Verified<Lease>,
  receipt: Verified<Receipt>,
  opening: Opening,
): void {
  const { covers, root } = receipt.payload
  if (
    receipt.signer !== lease.payload.vehicle ||
    receipt.job !== lease.job ||
    receipt.payload.lease !== lease.id
  )
    throw new ProtocolError({ code: 'not-its-lease', lease: lease.id, peer: receipt.signer })
  const rising = covers.every((position, i) => i === 0 || position > covers[i - 1]!)
  const inside = covers.every((position) => position < lease.payload.shards.length)
  if (!rising || !inside || covers.length !== opening.results.length)
    throw new ProtocolError({ code: 'malformed', what: 'receipt', why: 'it covers what its lease does not' })
  const { units } = receipt.payload
  const isWithin = (count: UnitCount, i: number) => totalOf(count) <= lease.payload.units[covers[i]!]!
  if (units !== undefined && (units.length !== covers.length || !units.every(isWithin)))
    throw new ProtocolError({ code: 'malformed', what: 'receipt', why: 'it counts more than its lease does' })
  const expected = receiptRoot(
    sha256,
    { id: lease.id, job: lease.job!, worker: receipt.signer, shards: lease.payload.shards },
    covers,
    opening,
  )
  if (expected.length !== root.length || expected.some((byte, i) => byte !== root[i]))
    throw new ProtocolError({ code: 'wrong-root', receipt: receipt.id })
}
