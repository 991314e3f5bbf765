/**
 * Adverts: a vehicle's small, signed, expiring statement of spare capacity, the only thing that is gossiped.
 * It also carries the peer's addresses: the roster is the mesh's address book, so no DHT is needed.
 */
import { equals } from 'uint8arrays'
import { z } from 'zod'
import { cellDepthMax } from '../cell-limits.ts'
import type { AsksAhead } from '../energy/cheap-hours.ts'
import { asksAheadMax } from '../energy/own-ask.ts'
import { ProtocolError } from '../errors.ts'
import type { CellId, OwnerId, PeerId } from '../ids.ts'
import { advertReasonsMax, advertTtlMs, clockSkewMaxMs, unitMicrosMax } from '../limits.ts'
import { type Ask, askSchema } from '../price.ts'
import type { Sha256 } from '../record/block.ts'
import {
  naturalSchema,
  printableSchema,
  recordType,
  type SignedRecord,
  signedRecordSchema,
  type Verified,
  type Verify,
} from '../record/record.ts'
import { advertAddressesMax, advertCallsMax, recordBytesMax } from '../sizes.ts'
import { openCertificate, ownerIdOf } from './owner.ts'

/**
 * How others reach a node: they dial it, they meet it through a relay, or only its own dials connect it. It says so itself,
 * and nobody can check it from afar: a node that lies is dialled in vain, or not at all.
 */
export type Reachability = 'direct' | 'relayed' | 'outbound'

export interface EngineAdvert {
  readonly runtime: string
  readonly engine: string
  readonly id: string
  /** The instruction-set class in which the engine is bit-equal; null: everywhere. */
  readonly isa: string | null
  /** Pages (or documents) for each hour of one slot, as measured; 0 before the first. */
  readonly unitsPerHour: number
  /** Null: it works for nothing. */
  readonly ask: Ask | null
  /** Its asks in this hour and the next ones, in units of `ask`; left out: it says nothing of them. */
  readonly ahead?: AsksAhead | undefined
}

export interface Advert {
  readonly name: string
  readonly certificate: SignedRecord | null
  /** The fleet's word that this peer may take part; null in an open mesh. */
  readonly credential: SignedRecord | null
  readonly slots: { readonly total: number; readonly free: number }
  /** run: takes work; drain: finishes what it has; stop: the vehicle is needed. */
  readonly mode: 'run' | 'drain' | 'stop'
  /** Codes of the owner's rules that hold it back (rules/judgement.ts). */
  readonly reasons: readonly string[]
  /** Until when it will probably be there; null: nobody knows. */
  readonly availableUntilMs: number | null
  readonly engines: readonly EngineAdvert[]
  readonly addresses: readonly string[]
  /** Missing as long as it has not learned that. */
  readonly reach?: Reachability | undefined
  /** Engines for which it has work, for vehicles that it cannot dial: these dial it. */
  readonly calls?: readonly string[] | undefined
  /**
   * False: it looks after no jobs of others, since it is there for a moment only, or leaves. Missing: an older node, which may
   * or may not.
   */
  readonly standsBy?: boolean | undefined
  /** Bits of the name of its cell (../cells): 0 is the whole mesh. Missing: an older node, which knows no cells. */
  readonly cellDepth?: number | undefined
  /** False: it does not listen to its cell's gossip, since its network is metered, and speaks for nobody. */
  readonly listens?: boolean | undefined
  readonly software: string
}

/** The facts that a node believes of another: the advert, and the owner whose voice it is. */
export interface Capacity extends Advert {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly serial: number
  readonly expiresMs: number
}

/** A vehicle of another cell (../cells). */
export interface ForeignCapacity extends Capacity {
  readonly key: number
  /** The vehicles of its owner, as its credential says; null: it does not. */
  readonly vehicles: number | null
  readonly cell: CellId
}

/** Tells whether two adverts of a vehicle differ in nothing but their serials and until when they hold. */
export function offersTheSame(a: Capacity, b: Capacity): boolean {
  return isAlike({ ...a, ...apart }, { ...b, ...apart })
}

/** Each advert has its own of these. */
const apart = { serial: 0, expiresMs: 0, id: null }

function isAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && equals(a, b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].every((key) => isAlike(a[key as never], b[key as never]))
}

const aheadSchema: z.ZodType<AsksAhead> = z.object({
  hour: naturalSchema,
  unitMicros: z.array(naturalSchema.max(unitMicrosMax)).min(1).max(asksAheadMax),
})

/** Fields that it does not know say nothing to a node: an advert binds nobody, so a later version may add some. */
const advertSchema: z.ZodType<Advert> = z.object({
  name: printableSchema(64),
  certificate: signedRecordSchema.nullable(),
  credential: signedRecordSchema.nullable(),
  slots: z.object({ total: naturalSchema.max(1024), free: naturalSchema.max(1024) }),
  mode: z.enum(['run', 'drain', 'stop']),
  reasons: z.array(printableSchema(32)).max(advertReasonsMax),
  availableUntilMs: naturalSchema.nullable(),
  engines: z
    .array(
      z.object({
        runtime: printableSchema(32),
        engine: printableSchema(32),
        id: printableSchema(64),
        isa: printableSchema(64).nullable(),
        unitsPerHour: naturalSchema,
        ask: askSchema.nullable(),
        // It binds nobody, and what is no forecast says nothing.
        ahead: aheadSchema.optional().catch(undefined),
      }),
    )
    .max(8),
  addresses: z.array(printableSchema(256)).max(advertAddressesMax),
  // A later version may know more ways.
  reach: z.enum(['direct', 'relayed', 'outbound']).optional().catch(undefined),
  calls: z.array(printableSchema(64)).max(advertCallsMax).optional(),
  standsBy: z.boolean().optional(),
  cellDepth: naturalSchema.max(cellDepthMax).optional(),
  listens: z.boolean().optional(),
  software: printableSchema(32),
})

export const advertType = recordType('advert', advertSchema, recordBytesMax.advert)

/** Returns by how much the clock of an advert's author is ahead of this one, for an advert that has just been signed. */
export function clockAheadMs({ expiresMs }: Pick<Capacity, 'expiresMs'>, nowMs: number): number {
  return expiresMs - advertTtlMs - nowMs
}

/** True of an advert that is over, or that lives for longer than any, by this clock. */
export function isUntimely({ expiresMs }: Pick<Capacity, 'expiresMs'>, nowMs: number): boolean {
  return expiresMs <= nowMs || expiresMs > nowMs + advertTtlMs + clockSkewMaxMs
}

/**
 * Checks everything that an advert shows by itself: form, size, signature, certificate. Throws ProtocolError; the peer that
 * passed it on did not check it either. Its age is for the roster to judge (`isUntimely`): by a clock that is off an honest advert
 * is over, or not yet true. `verifyAgain`: for its owner's certificate, which is the same in each advert.
 */
export function openAdvert(
  record: SignedRecord,
  sha256: Sha256,
  verify: Verify,
  nowMs: number,
  verifyAgain = verify,
): Capacity & { readonly id: Verified['id'] } {
  const advert = advertType.open(record, sha256, verify)
  const { payload, signer } = advert
  if (payload.slots.free > payload.slots.total)
    throw new ProtocolError({ code: 'malformed', what: 'advert', why: 'more slots free than it has' })
  let ownerKey = signer
  if (payload.certificate !== null) {
    const certificate = openCertificate(payload.certificate, sha256, verifyAgain)
    if (certificate.payload.peer !== signer || (certificate.expiresMs < nowMs && !isUntimely(advert, nowMs)))
      throw new ProtocolError({
        code: 'malformed',
        what: 'advert',
        why: 'its certificate is not for it, or over',
      })
    ownerKey = certificate.signer
  }
  return {
    ...payload,
    id: advert.id,
    peer: signer,
    owner: ownerIdOf(sha256, ownerKey),
    serial: advert.serial,
    expiresMs: advert.expiresMs,
  }
}
