/**
 * The draw: which vehicle gets a lease.
 *
 * Every draw of a job comes from one secret, which its submitter makes, commits to in the manifest and gives to the
 * job's stewards. Vehicles do not know it, since a public draw tells a cartel where it holds every replica. Each steward
 * can repeat what another one drew, and the end of the job reveals the secret to everybody.
 *
 * The secret gives each owner a lot for each of the job's shards. Of the owners that are eligible for a lease, the one with
 * the lowest lot for the lease's first shard is drawn, and of its vehicles the one with the lowest lot. So a draw is
 * uniform over owners first: one that is uniform over vehicles lets an owner buy voices with cars, and three owners with
 * 10 % of the vehicles each hold both of two replicas in 6.7 % of all shards, against 0.06 % here (notes on reliability, §3).
 *
 * A steward that works for an accomplice cannot choose the lots. It could choose if they came from a number of its own:
 * then it draws until it likes the outcome. And it could choose if one number were drawn for all that are eligible: then
 * leaving out anybody changes who wins. Here whoever is left out changes the outcome only if it would have been drawn.
 *
 * The candidates are on record. A list of thousands is too much to sign anew whenever a vehicle comes, so a record says how its
 * signer's list differs from the one of an earlier record, and the Merkle root of the list that this gives. Anybody who has the
 * records before it can make the list again; one that does not give its root draws nothing that counts (../state/bases.ts).
 */

import { concat, fromString } from 'uint8arrays'
import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import { circle } from '../cells/key.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import { drawCandidatesMax } from '../limits.ts'
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
import { drawListedMax, recordBytesMax } from '../sizes.ts'
import { type AbroadCandidate, type CensusMark, type DrawAbroad, drawAbroadSchema } from './abroad.ts'
import { arrival, ownerWeight } from './owner-weight.ts'

export interface DrawCandidate {
  readonly peer: PeerId
  readonly owner: OwnerId
}

/** The vehicles that a steward could choose from, in the order of peer ids: as a whole, the payload of a 'draw' record. */
export interface DrawBasis {
  readonly candidates: readonly DrawCandidate[]
  /** The arc of a list from abroad (abroad.ts), whose owners are weighed. */
  readonly census?: Pick<CensusMark, 'length'>
}

/** Payload of a 'draw' record that says how a list differs from an earlier one. */
export interface DrawChange {
  /** The record of the list that is changed, of the same signer. */
  readonly before: RecordId
  /** Vehicles of that list that are not in this one. One whose owner changed is removed, and added. */
  readonly removed: readonly PeerId[]
  readonly added: readonly DrawCandidate[]
  /** The number of candidates in this list. */
  readonly count: number
  /** 32 bytes: see `candidatesRoot`. */
  readonly root: Uint8Array
}

export type DrawRecord = DrawBasis | DrawAbroad | DrawChange

export function isAbroad(payload: DrawRecord): payload is DrawAbroad {
  return 'census' in payload
}

export function isChange(payload: DrawRecord): payload is DrawChange {
  return 'before' in payload
}

const candidateSchema = z.strictObject({ peer: peerIdSchema, owner: ownerIdSchema })
const changeSchema = z
  .strictObject({
    before: cidSchema,
    removed: z.array(peerIdSchema).max(drawListedMax),
    added: z.array(candidateSchema).max(drawListedMax),
    count: naturalSchema,
    root: bytesOfLength(32),
  })
  .refine(
    ({ removed, added }) => removed.length + added.length <= drawListedMax,
    `names more than ${drawListedMax} candidates`,
  )
const basisSchema: z.ZodType<DrawRecord> = z.union([
  z.strictObject({ candidates: z.array(candidateSchema).max(drawListedMax) }),
  changeSchema,
  drawAbroadSchema,
])

export const drawBasisType = recordType('draw', basisSchema, recordBytesMax.draw, {
  names: (payload) =>
    isChange(payload) ? 2 * payload.added.length + payload.removed.length + 2 : 2 * payload.candidates.length,
})
export const { open: openDrawBasis } = drawBasisType

/** Candidates in one leaf of the tree over a list: few enough to show one, and many enough that a root takes a millisecond or two. */
const leafCandidates = 64

/** Returns the root of the Merkle tree (../record/merkle.ts) over a list in the order of peer ids, 64 candidates in each leaf. */
export function candidatesRoot(sha256: Sha256, { candidates }: DrawBasis): Uint8Array {
  const leaves: Uint8Array[] = []
  for (let from = 0; from < candidates.length; from += leafCandidates) {
    const part = candidates.slice(from, from + leafCandidates)
    leaves.push(encodeCbor(['carpool/candidates/1', ...part.flatMap(({ peer, owner }) => [peer, owner])]))
  }
  return merkleRoot(sha256, leaves)
}

/**
 * Returns the list that these changes make of another one, one after another. Undefined: one of them removes what is not there, adds
 * what is there already, or makes the list longer than it may be. Nobody looks at their roots here.
 */
export function changedBy(
  { candidates }: DrawBasis,
  changes: readonly Pick<DrawChange, 'removed' | 'added'>[],
): DrawBasis | undefined {
  const listed = new Map(candidates.map((candidate) => [candidate.peer, candidate]))
  if (listed.size !== candidates.length) return undefined
  for (const { removed, added } of changes) {
    for (const peer of removed) if (!listed.delete(peer)) return undefined
    for (const { peer, owner } of added) {
      if (listed.has(peer)) return undefined
      listed.set(peer, { peer, owner })
    }
    if (listed.size > drawCandidatesMax) return undefined
  }
  return { candidates: [...listed.values()].sort((a, b) => compareText(a.peer, b.peer)) }
}

/** Letters of a peer or an owner. */
const nameBytesUsual = 64

/**
 * Draws one of the eligible candidates for a lease that begins with the shard at `position`; returns its position in the basis.
 * `eligible` has at least one bit set. The same secret, position, basis and bits always give the same vehicle.
 */
export function drawVehicle(
  sha256: Sha256,
  secret: Uint8Array,
  position: number,
  basis: DrawBasis,
  eligible: Uint8Array,
): number {
  const { candidates } = basis
  const lots = new Lots(sha256, secret, position)
  const weights = weightsOf(basis)
  const wins = (owner: OwnerId, over: OwnerId) =>
    weights === undefined
      ? lots.wins(owner, over)
      : lots.arrives(owner, weights.get(owner)!) < lots.arrives(over, weights.get(over)!)
  let drawn = -1
  for (const i of bitsIn(eligible, candidates.length)) {
    const { peer, owner } = candidates[i]!
    const best = candidates[drawn]
    if (best === undefined || (best.owner === owner ? lots.wins(peer, best.peer) : wins(owner, best.owner)))
      drawn = i
  }
  return drawn
}

/**
 * When the owner of a candidate arrives in this draw: of several lists the one whose winner is first wins, which is a draw among all of
 * them together.
 */
export function arrivalOf(
  sha256: Sha256,
  secret: Uint8Array,
  position: number,
  basis: DrawBasis,
  owner: OwnerId,
): number {
  return new Lots(sha256, secret, position).arrives(owner, weightsOf(basis)?.get(owner) ?? 1)
}

const weighed = new WeakMap<DrawBasis, ReadonlyMap<OwnerId, number>>()

/** The weight of each owner of a list from abroad, beside the heaviest of it; undefined: all alike. */
function weightsOf(basis: DrawBasis): ReadonlyMap<OwnerId, number> | undefined {
  if (basis.census === undefined) return undefined
  const known = weighed.get(basis)
  if (known !== undefined) return known
  const vehicles = new Map<OwnerId, number | null>()
  for (const candidate of basis.candidates as readonly AbroadCandidate[]) {
    const before = vehicles.get(candidate.owner)
    const isMore = before === undefined || (before !== null && (candidate.vehicles ?? Infinity) > before)
    if (isMore) vehicles.set(candidate.owner, candidate.vehicles)
  }
  const share = basis.census.length / circle
  const weights = [...vehicles].map(([owner, count]) => [owner, ownerWeight(share, count)] as const)
  const most = weights.reduce((heaviest, [, weight]) => Math.max(heaviest, weight), 1)
  const relative = new Map(weights.map(([owner, weight]) => [owner, weight / most]))
  weighed.set(basis, relative)
  return relative
}

type Lot = readonly [high: number, low: number]

/** The lots of names in one draw: the first eight bytes of a hash each, which is taken once. */
class Lots {
  readonly #sha256: Sha256
  readonly #lots = new Map<string, Lot>()
  /** Use: the bytes that are hashed, a name behind all that is the same in one draw. */
  readonly #bytes: Uint8Array
  readonly #start: number

  constructor(sha256: Sha256, secret: Uint8Array, position: number) {
    const prefix = concat([secret, fromString(`draw/${position}/`)])
    this.#sha256 = sha256
    this.#start = prefix.byteLength
    this.#bytes = concat([prefix, new Uint8Array(nameBytesUsual)])
  }

  wins(name: string, over: string): boolean {
    const [a, b] = [this.#of(name), this.#of(over)]
    if (a[0] !== b[0]) return a[0] < b[0]
    return a[1] === b[1] ? compareText(name, over) < 0 : a[1] < b[1]
  }

  /** By the first 53 bits of its lot. */
  arrives(name: string, weight: number): number {
    const [high, low] = this.#of(name)
    return arrival((high * 2 ** 21 + (low >>> 11) + 1) / 2 ** 53, weight)
  }

  #of(name: string): Lot {
    const known = this.#lots.get(name)
    if (known !== undefined) return known
    const digest = this.#sha256(this.#bytesOf(name))
    const view = new DataView(digest.buffer, digest.byteOffset)
    const lot = [view.getUint32(0), view.getUint32(4)] as const
    this.#lots.set(name, lot)
    return lot
  }

  /** The names that programs make are short and have one byte a letter: those are written by hand, since a draw has many. */
  #bytesOf(name: string): Uint8Array {
    const [bytes, start] = [this.#bytes, this.#start]
    for (let i = 0; i < name.length; i += 1) {
      const letter = name.charCodeAt(i)
      if (letter > 127 || start + i >= bytes.byteLength)
        return concat([bytes.subarray(0, start), fromString(name)])
      bytes[start + i] = letter
    }
    return bytes.subarray(0, start + name.length)
  }
}

/** The positions of bits that are set, of the first so many. */
function* bitsIn(bits: Uint8Array, length: number): Generator<number> {
  for (let i = 0; i < bits.byteLength; i += 1)
    for (let left = bits[i]!; left !== 0; left &= left - 1) {
      const position = 8 * i + (31 - Math.clz32(left & -left))
      if (position < length) yield position
    }
}

export function bitsOf(length: number, positions: Iterable<number>): Uint8Array {
  const bits = new Uint8Array(Math.ceil(length / 8))
  for (const position of positions) bits[position >> 3]! |= 1 << (position & 7)
  return bits
}

export function hasBit(bits: Uint8Array, position: number): boolean {
  return ((bits[position >> 3] ?? 0) & (1 << (position & 7))) !== 0
}
