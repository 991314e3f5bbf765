/**
 * Digests: what a speaker says of its cell, or of the cells of its region, in 500 bytes: how many members, of how many owners, which engines
 * at which prices; the number of the charter that is in force there, and the root over the proofs that are known.
 *
 * A digest is a hint. A lie in it costs a question in vain, and no result rests on it: lists of candidates are made of signed adverts
 * (census.ts). It travels with its speaker's credential, from which everybody has the key: nobody speaks for a cell that it is not in.
 */
import { fromString } from 'uint8arrays'
import { z } from 'zod'
import { digestEnginesMax } from '../cell-limits.ts'
import { ProtocolError } from '../errors.ts'
import type { CellId } from '../ids.ts'
import { openCredential } from '../membership/fleet.ts'
import { ownerIdOf } from '../membership/owner.ts'
import { encodeCbor, type Sha256 } from '../record/block.ts'
import {
  bytesOfLength,
  naturalSchema,
  printableSchema,
  recordType,
  type SignedRecord,
  type Verified,
  type Verify,
} from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { cellKeyOf, holds, isCellId } from './key.ts'
import type { Contact, Member } from './member.ts'

/** One engine of a cell. */
export interface EngineDigest {
  /** See `engineTag`. */
  readonly tag: number
  /** Members that offer it. */
  readonly members: number
  readonly slots: number
  readonly free: number
  /** The work of all slots together. */
  readonly unitsPerHour: number
  /** Millionths for a unit, of any currency: one in ten asks for less than the first, half for less than the second, nine for less than the third. */
  readonly prices: readonly [number, number, number]
  /** Slots × minutes for which members will probably be there, within the next hour. */
  readonly slotMinutes: number
}

export interface Digest {
  readonly cell: CellId
  /** True: it sums up the cells, or regions, within this region. */
  readonly isRegion: boolean
  readonly cells: number
  readonly members: number
  /** In a region at most so many, since an owner may be in several cells. */
  readonly owners: number
  /** In a cell's digest, by what its speaker knows of those around it (depth.ts). */
  readonly deeper: number
  readonly beside: number
  readonly above: number
  /** Those with the most slots, as many as there is room for. */
  readonly engines: readonly EngineDigest[]
  /** Null in an open mesh. */
  readonly charter: CharterMark | null
  /** 32 bytes: the root over the proofs of lies that it knows (proofs.ts). */
  readonly proofs: Uint8Array
  /** Where its speaker can be dialled. */
  readonly address: string | null
}

/** Names a charter: a higher serial is newer. */
export interface CharterMark {
  readonly serial: number
  /** The first 16 bytes of the hash of its body. */
  readonly hash: Uint8Array
}

type EngineRow = readonly [number, number, number, number, number, number, number, number, number]

/** A digest as it is signed: short names and rows, since everybody hears many of them. */
export interface PackedDigest {
  readonly c: CellId
  readonly r: boolean
  /** Cells, members, owners, deeper, beside, above. */
  readonly n: readonly number[]
  readonly e: readonly (readonly number[])[]
  readonly v: readonly [number, Uint8Array] | null
  readonly p: Uint8Array
  readonly a: string | null
}

const schema: z.ZodType<PackedDigest> = z.strictObject({
  c: z.string().refine(isCellId, 'is not a cell') as unknown as z.ZodType<CellId>,
  r: z.boolean(),
  n: z.array(naturalSchema).length(6),
  e: z.array(z.array(naturalSchema).length(9)).max(digestEnginesMax),
  v: z.tuple([naturalSchema, bytesOfLength(16)]).nullable(),
  p: bytesOfLength(32),
  a: printableSchema(96).nullable(),
})

export const digestType = recordType('digest', schema, recordBytesMax.digest)

export function packDigest(digest: Digest): PackedDigest {
  const { cells, members, owners, deeper, beside, above, engines, charter } = digest
  return {
    c: digest.cell,
    r: digest.isRegion,
    n: [cells, members, owners, deeper, beside, above].map(atMost),
    e: engines.map(rowOf),
    v: charter === null ? null : [charter.serial, charter.hash],
    p: digest.proofs,
    a: digest.address,
  }
}

export function unpackDigest({ c, r, n, e, v, p, a }: PackedDigest): Digest {
  const [cells, members, owners, deeper, beside, above] = n as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    ...{ cell: c, isRegion: r, cells, members, owners, deeper, beside, above },
    ...{ engines: e.map((row) => engineOf(row as EngineRow)), proofs: p, address: a },
    charter: v === null ? null : { serial: v[0], hash: v[1] },
  }
}

/** The bytes around a payload in a body: the envelope with a peer id, two numbers and their names. */
const aroundBytes = 170

/** The digest with as many of its engines as it has room for. */
export function fitting(digest: Digest): Digest {
  const engines = [...digest.engines]
    .sort((a, b) => b.slots - a.slots || a.tag - b.tag)
    .slice(0, digestEnginesMax)
  const packed = () => encodeCbor(packDigest({ ...digest, engines })).byteLength + aroundBytes
  while (engines.length > 0 && packed() > recordBytesMax.digest) engines.pop()
  return { ...digest, engines }
}

/** A digest with its speaker, as it travels. */
export interface DigestNotice {
  readonly digest: SignedRecord
  readonly credential: SignedRecord | null
}

/** A digest that was opened. The fleet must have vouched for the speaker's credential. */
export interface HeardDigest extends Digest {
  readonly speaker: Contact
  readonly serial: number
  readonly expiresMs: number
  readonly id: Verified['id']
}

/**
 * Checks all that a digest shows by itself: its form, its signature, and that its speaker is in the cell that it speaks for. Throws
 * ProtocolError. That the credential is the fleet's, and in force, is for the fleet to say (`Fleet.vouch`).
 */
export function openDigest(
  { digest, credential }: DigestNotice,
  sha256: Sha256,
  verify: Verify,
): HeardDigest {
  const { payload, signer, serial, expiresMs, id } = digestType.open(digest, sha256, verify)
  const admitted = credential === null ? undefined : openCredential(credential, sha256, verify).payload
  if (admitted !== undefined && admitted.peer !== signer)
    throw malformed('its credential is for another peer')
  const key = cellKeyOf(sha256, signer, credential)
  const said = unpackDigest(payload)
  if (!holds(said.cell, key)) throw malformed('its speaker is in another cell')
  const owner = admitted?.owner ?? ownerIdOf(sha256, signer)
  const addresses = said.address === null ? [] : [said.address]
  return { ...said, speaker: { peer: signer, owner, key, addresses }, serial, expiresMs, id }
}

/** Names an engine: the first 32 bits of a hash. */
export function engineTag(sha256: Sha256, runtime: string, id: string): number {
  const digest = sha256(fromString(`carpool/engine/${runtime}/${id}`))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
}

/** Sums up the engines of a cell's members. `tagOf` names them. */
export function enginesOf(
  members: Iterable<Pick<Member, 'engines' | 'slots' | 'availableUntilMs'>>,
  tagOf: (runtime: string, id: string) => number,
  nowMs: number,
): EngineDigest[] {
  const sums = new Map<number, { row: EngineDigest; asks: number[] }>()
  for (const { engines, slots, availableUntilMs } of members)
    for (const { runtime, id, unitsPerHour, ask } of engines) {
      const tag = tagOf(runtime, id)
      const sum = sums.get(tag) ?? { row: nothing(tag), asks: [] }
      const minutes =
        availableUntilMs === null ? 60 : Math.min(60, Math.max(0, (availableUntilMs - nowMs) / 60_000))
      sum.asks.push(ask?.unitMicros ?? 0)
      sums.set(tag, {
        row: plus(sum.row, {
          ...nothing(tag),
          members: 1,
          slots: slots.total,
          free: slots.free,
          unitsPerHour: unitsPerHour * slots.total,
          slotMinutes: Math.floor(slots.total * minutes),
        }),
        asks: sum.asks,
      })
    }
  return [...sums.values()].map(({ row, asks }) => {
    const sorted = asks.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!
    return { ...row, prices: [at(0.1), at(0.5), at(0.9)] }
  })
}

/** Sums up the engines of several cells; a price is the mean of theirs, weighed by members. */
export function enginesTogether(cells: Iterable<readonly EngineDigest[]>): EngineDigest[] {
  const sums = new Map<number, EngineDigest>()
  for (const engines of cells)
    for (const engine of engines) {
      const before = sums.get(engine.tag)
      sums.set(engine.tag, before === undefined ? engine : plus(before, engine))
    }
  return [...sums.values()]
}

function nothing(tag: number): EngineDigest {
  return { tag, members: 0, slots: 0, free: 0, unitsPerHour: 0, prices: [0, 0, 0], slotMinutes: 0 }
}

function plus(a: EngineDigest, b: EngineDigest): EngineDigest {
  const members = a.members + b.members
  const mean = (i: 0 | 1 | 2) =>
    members === 0 ? 0 : Math.round((a.prices[i] * a.members + b.prices[i] * b.members) / members)
  return {
    tag: a.tag,
    members,
    slots: a.slots + b.slots,
    free: a.free + b.free,
    unitsPerHour: a.unitsPerHour + b.unitsPerHour,
    prices: [mean(0), mean(1), mean(2)],
    slotMinutes: a.slotMinutes + b.slotMinutes,
  }
}

function rowOf({ tag, members, slots, free, unitsPerHour, prices, slotMinutes }: EngineDigest): EngineRow {
  const [a, b, c] = prices
  return [
    tag,
    ...[members, slots, free, unitsPerHour, a, b, c, slotMinutes].map(atMost),
  ] as unknown as EngineRow
}

/** The sum of what strangers say may be more than a record can say: then it says as much as it can. */
function atMost(sum: number): number {
  return Math.min(sum, Number.MAX_SAFE_INTEGER)
}

function engineOf([
  tag,
  members,
  slots,
  free,
  unitsPerHour,
  p10,
  p50,
  p90,
  slotMinutes,
]: EngineRow): EngineDigest {
  return { tag, members, slots, free, unitsPerHour, prices: [p10, p50, p90], slotMinutes }
}

function malformed(why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what: 'digest', why })
}
