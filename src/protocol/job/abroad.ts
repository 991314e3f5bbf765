/**
 * A draw abroad: the candidates of a census (../cells/census.ts), on record.
 *
 * The record lists them, and names the block that has their adverts. So whoever has the job's secret and that block can check all of it: that
 * the arc begins where the secret says, that each candidate's key is in it, by the credential in its advert, and how many vehicles its
 * owner has. What the arc leaves out nobody can see from the list alone; an advert that was in force at the time, from wherever, shows it.
 */
import { equals } from 'uint8arrays'
import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import { censusMax } from '../cell-limits.ts'
import { arcOfCensus } from '../cells/arc.ts'
import { type Arc, cellKeyOf, circle, holds, isCellId, isInArc } from '../cells/key.ts'
import type { CellId, Cid, OwnerId, PeerId } from '../ids.ts'
import { advertIntervalMs, advertTtlMs, blockBytesMax } from '../limits.ts'
import { type Capacity, openAdvert } from '../membership/advert.ts'
import { openCredential } from '../membership/fleet.ts'
import { decodeCbor, encodeCbor, type Sha256 } from '../record/block.ts'
import { merkleRoot } from '../record/merkle.ts'
import {
  bytesOfLength,
  cidSchema,
  malformed,
  naturalSchema,
  ownerIdSchema,
  peerIdSchema,
  type SignedRecord,
  signedRecordSchema,
  type Verify,
} from '../record/record.ts'

export interface AbroadCandidate {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly key: number
  /** The vehicles of its owner, as its credential says; null: it does not. */
  readonly vehicles: number | null
}

export interface CensusMark {
  /** A steward numbers its censuses from 0. */
  readonly index: number
  /** The length of the arc, of a circle of 2^48: a power of two, or less where the list is full. */
  readonly length: number
  /** Nodes with the job's engine on the whole circle, as its signer thought. */
  readonly expected: number
  /** Cells that had too few members, or a gap: none of theirs is listed. */
  readonly doubted: readonly CellId[]
  /** 32 bytes: over the bodies of the adverts, in the order of the list. */
  readonly root: Uint8Array
  /** The block with the adverts. */
  readonly adverts: Cid
}

/** Payload of a 'draw' record that lists a census: the candidates in the order of peer ids. */
export interface DrawAbroad {
  readonly candidates: readonly AbroadCandidate[]
  readonly census: CensusMark
}

const cellSchema = z.string().refine(isCellId, 'is not a cell') as unknown as z.ZodType<CellId>
export const drawAbroadSchema: z.ZodType<DrawAbroad> = z.strictObject({
  candidates: z
    .array(
      z.strictObject({
        peer: peerIdSchema,
        owner: ownerIdSchema,
        key: naturalSchema.max(circle - 1),
        vehicles: naturalSchema.min(1).nullable(),
      }),
    )
    .max(censusMax),
  census: z.strictObject({
    index: naturalSchema,
    length: naturalSchema.min(1).max(circle),
    expected: naturalSchema,
    doubted: z.array(cellSchema).max(64),
    root: bytesOfLength(32),
    adverts: cidSchema,
  }),
})

const advertsSchema = z.array(signedRecordSchema).max(censusMax)

/** The block of a census, of at most 1 MiB: the adverts in the order of its list. */
export function encodeAdverts(adverts: readonly SignedRecord[]): Uint8Array {
  return encodeCbor(adverts)
}

/** Throws ProtocolError: too-large, malformed, not-canonical. */
export function decodeAdverts(bytes: Uint8Array): SignedRecord[] {
  const decoded = advertsSchema.safeParse(decodeCbor('adverts of a census', bytes, blockBytesMax))
  if (!decoded.success) throw malformed('adverts of a census', decoded.error)
  return decoded.data
}

export function advertsRoot(sha256: Sha256, adverts: readonly SignedRecord[]): Uint8Array {
  return merkleRoot(
    sha256,
    adverts.map(({ body }) => body),
  )
}

/** An advert that was opened, with what its credential says. */
export interface ForeignAdvert extends Capacity {
  readonly key: number
  readonly vehicles: number | null
  /** The signer of its credential; null in an open mesh. */
  readonly admittedBy: PeerId | null
}

/** Opens an advert without asking how old it is. Throws ProtocolError. */
export function openForeign(record: SignedRecord, sha256: Sha256, verify: Verify): ForeignAdvert {
  // As it was when it was signed: by then its certificate was good.
  const advert = openAdvert(record, sha256, verify, Number.NEGATIVE_INFINITY)
  const { credential } = advert
  const admitted = credential === null ? null : openCredential(credential, sha256, verify)
  const isOwn =
    admitted === null || (admitted.payload.peer === advert.peer && admitted.payload.owner === advert.owner)
  return {
    ...advert,
    key: cellKeyOf(sha256, advert.peer, credential),
    vehicles: admitted?.payload.ownerVehicles ?? null,
    admittedBy: isOwn ? (admitted?.signer ?? null) : ('nobody' as PeerId),
  }
}

export function arcOfDraw(sha256: Sha256, drawSecret: Uint8Array, { census }: DrawAbroad): Arc {
  return arcOfCensus(sha256, drawSecret, census.index, census.length)
}

/** The fault of a list from abroad, before an advert in its block is opened: that costs three signatures. Undefined: nothing. */
export function faultOfList(
  sha256: Sha256,
  drawSecret: Uint8Array,
  draw: DrawAbroad,
  signed: readonly SignedRecord[],
): string | undefined {
  const { candidates, census } = draw
  if (!Number.isInteger(Math.log2(census.length)) && candidates.length < censusMax)
    return 'its arc ends where its signer liked'
  if (signed.length !== candidates.length || !equals(advertsRoot(sha256, signed), census.root))
    return 'its adverts are not those that its root names'
  const arc = arcOfDraw(sha256, drawSecret, draw)
  for (const [i, { peer, key }] of candidates.entries()) {
    if (i > 0 && compareText(candidates[i - 1]!.peer, peer) >= 0) return 'its candidates are not in order'
    if (!isInArc(arc, key)) return `${peer} is not where the secret draws`
  }
  return undefined
}

/** The fault of a list from abroad, given the adverts in its block, opened in their order; undefined: nothing. */
export function faultOfCensus(
  sha256: Sha256,
  drawSecret: Uint8Array,
  draw: DrawAbroad,
  signed: readonly SignedRecord[],
  adverts: readonly ForeignAdvert[],
  isFleetKey: (signer: PeerId | null) => boolean,
): string | undefined {
  const fault = faultOfList(sha256, drawSecret, draw, signed)
  if (fault !== undefined) return fault
  for (const [i, { peer, owner, key, vehicles }] of draw.candidates.entries()) {
    const advert = adverts[i]!
    if (advert.peer !== peer || advert.owner !== owner) return `the advert of ${peer} is another one’s`
    if (!isFleetKey(advert.admittedBy)) return `${peer} has no credential of the fleet`
    if (advert.key !== key) return `${peer} is not where the secret draws`
    if (advert.vehicles !== vehicles) return `the owner of ${peer} has another number of vehicles`
  }
  return undefined
}

/**
 * Those that a list should have: by an advert that was in force when the newest of its own were signed, they were in the arc and
 * offered the engine. A cell that was doubted is left out as a whole, and says nothing.
 */
export function omittedFrom(
  arc: Arc,
  { candidates, census }: DrawAbroad,
  listed: readonly ForeignAdvert[],
  witnesses: Iterable<ForeignAdvert>,
  offers: (advert: ForeignAdvert) => boolean,
): PeerId[] {
  const atMs = Math.max(Number.NEGATIVE_INFINITY, ...listed.map(({ expiresMs }) => expiresMs - advertTtlMs))
  const peers = new Set(candidates.map(({ peer }) => peer))
  const omitted = new Set<PeerId>()
  for (const advert of witnesses) {
    const { peer, key, expiresMs } = advert
    const signedMs = expiresMs - advertTtlMs
    // It had an advert's interval to be heard in its cell, and had not lapsed.
    const wasInForce = signedMs + advertIntervalMs <= atMs && expiresMs > atMs
    if (!wasInForce || peers.has(peer) || !isInArc(arc, key) || !offers(advert)) continue
    if (!census.doubted.some((cell) => holds(cell, key))) omitted.add(peer)
  }
  return [...omitted].sort(compareText)
}
