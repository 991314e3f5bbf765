/**
 * Fleets: an operator decides which vehicles may join, and everybody else can check it.
 *
 * A fleet is a key. It signs two kinds of record: numbered charters, the newest of which says what holds for the whole
 * fleet, and a short-lived credential for each vehicle, which binds peer, vehicle and owner. A credential that nobody
 * renews ends by itself, so a charter has to name those revoked only as long as credentials signed before could live,
 * and stays small however large the fleet.
 *
 * The key may change: a charter names the keys in force, and the next one must be signed by one of them. A node that
 * knows the first key can therefore follow the chain to the newest, and while two keys are in force credentials of
 * both are good, so nobody notices the change.
 */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import { registrarsHeardMax, registrarsMax } from '../fleet-limits.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import {
  clearedOwnersMax,
  clockSkewMaxMs,
  credentialTtlMs,
  fleetKeyChangesMax,
  revocationsMax,
} from '../limits.ts'
import type { Sha256 } from '../record/block.ts'
import {
  naturalSchema,
  peerIdSchema,
  printableSchema,
  recordType,
  type SignedRecord,
  type Verified,
  type Verify,
} from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { ownerSchema } from './owner.ts'

/** Signed by a fleet key. A higher serial replaces a lower one. */
export interface Charter {
  readonly name: string
  /** Keys in force: one, or two while the fleet changes it. */
  readonly keys: readonly PeerId[]
  /** Multiaddrs of nodes that hold the key: they admit, and renew credentials. */
  readonly registrars: readonly string[]
  /** The operator's share of what its vehicles earn, in parts per million. */
  readonly operatorPpm: number
  /** Peers and owners that nobody deals with any more. */
  readonly revoked: readonly Revocation[]
  /** Owners that nobody bans for what they did before; none where this is not there. */
  readonly cleared?: readonly Clearing[]
  /** The newest charter of each registrar that this one takes in; not there where the fleet has one registrar. */
  readonly heard?: readonly HeardRegistrar[]
}

export interface HeardRegistrar {
  readonly registrar: PeerId
  /** The serial of its charter. */
  readonly serial: number
}

interface Clearing {
  readonly owner: OwnerId
  /** Milliseconds since 1970: lies in jobs that had begun by then are forgiven. */
  readonly atMs: number
}

interface Revocation {
  readonly id: PeerId | OwnerId
  /** Milliseconds since 1970: by then every credential that was signed before has ended. */
  readonly untilMs: number
}

/** Signed by a fleet key: this peer is this vehicle of this owner. */
export interface Credential {
  readonly peer: PeerId
  /** The fleet's name for the vehicle: a number plate, a VIN, a serial number. */
  readonly vehicle: string
  readonly owner: OwnerId
  /** How many vehicles the fleet has admitted for this owner, this one included; missing: an older registrar, which does not say. */
  readonly ownerVehicles?: number
}

const charterSchema: z.ZodType<Charter> = z.strictObject({
  name: printableSchema(64).min(1),
  keys: z.array(peerIdSchema).min(1).max(2),
  registrars: z.array(printableSchema(256)).max(registrarsMax),
  operatorPpm: naturalSchema.max(1_000_000),
  revoked: z
    .array(z.strictObject({ id: z.union([ownerSchema, peerIdSchema]), untilMs: naturalSchema }))
    .max(revocationsMax),
  cleared: z
    .array(z.strictObject({ owner: ownerSchema, atMs: naturalSchema }))
    .max(clearedOwnersMax)
    .optional(),
  heard: z
    .array(z.strictObject({ registrar: peerIdSchema, serial: naturalSchema }))
    .max(registrarsHeardMax)
    .exactOptional(),
}) as z.ZodType<Charter>

const credentialSchema: z.ZodType<Credential> = z.strictObject({
  peer: peerIdSchema,
  vehicle: printableSchema(64),
  owner: ownerSchema,
  ownerVehicles: naturalSchema.min(1).exactOptional(),
})

/** Throws ProtocolError. */
export const charterType = recordType('charter', charterSchema, recordBytesMax.charter)
export const { open: openCharter } = charterType

/** Throws ProtocolError. It does not check that the fleet's key signed it: Fleet.vouch does. */
export const credentialType = recordType('credential', credentialSchema, recordBytesMax.credential)
export const { open: openCredential } = credentialType

interface Link {
  readonly record: SignedRecord
  readonly charter: Verified<Charter>
}

/** One node's belief of its fleet. */
export class Fleet {
  /** The key that signed the first charter known here: the fleet's name in the mesh. */
  readonly id: PeerId
  readonly #sha256: Sha256
  readonly #verify: Verify
  /** Charters that changed the keys, from the first, and the newest. */
  readonly #chain: Link[]
  /** Credentials that were opened: everybody's are looked at every few seconds, and each signature takes 170 µs. */
  readonly #opened = new WeakMap<SignedRecord, Verified<Credential>>()

  /** Throws ProtocolError when the first charter is not signed by a key of its own. */
  constructor(first: SignedRecord, sha256: Sha256, verify: Verify) {
    this.#sha256 = sha256
    this.#verify = verify
    const charter = openCharter(first, sha256, verify)
    if (!charter.payload.keys.includes(charter.signer)) throw notAdmitted('the charter names other keys')
    this.id = charter.signer
    this.#chain = [{ record: first, charter }]
  }

  get charter(): Verified<Charter> {
    return this.#chain.at(-1)!.charter
  }

  /** Returns the charters, oldest first, that tell everything to somebody who knows the first key. */
  charters(): SignedRecord[] {
    return this.#chain.map(({ record }) => record)
  }

  /** True when it is news. Throws ProtocolError when no key in force signed it. */
  adopt(record: SignedRecord): boolean {
    const charter = openCharter(record, this.#sha256, this.#verify)
    if (!isLater(charter, this.charter)) return false
    if (!this.charter.payload.keys.includes(charter.signer))
      throw notAdmitted(`the charter is signed by ${charter.signer}, which is no key of this fleet`)
    const before = this.#chain.at(-2)
    // The newest one only repeats its predecessor's keys, so the chain holds without it.
    if (before !== undefined && sameKeys(before.charter, this.charter)) this.#chain.pop()
    else if (this.#chain.length > fleetKeyChangesMax) throw notAdmitted('the fleet changed its key too often')
    this.#chain.push({ record, charter })
    return true
  }

  /**
   * Checks that this peer of this owner may take part now. Throws ProtocolError 'not-admitted' with the reason.
   * `owner`: the owner whose certificate the peer shows; null where it has not shown any yet.
   */
  vouch(
    credential: SignedRecord | null,
    peer: PeerId,
    owner: OwnerId | null,
    nowMs: number,
  ): Verified<Credential> {
    if (credential === null) throw notAdmitted('it has no credential of this fleet')
    const opened = this.#opened.get(credential) ?? openCredential(credential, this.#sha256, this.#verify)
    this.#opened.set(credential, opened)
    const { payload, signer, expiresMs } = opened
    if (!this.charter.payload.keys.includes(signer))
      throw notAdmitted('its credential is not signed by a key of this fleet')
    if (payload.peer !== peer) throw notAdmitted('its credential is for another peer')
    if (owner !== null && payload.owner !== owner) throw notAdmitted('its credential is for another owner')
    if (expiresMs <= nowMs) throw notAdmitted('its credential is over')
    if (expiresMs > nowMs + credentialTtlMs + clockSkewMaxMs)
      throw notAdmitted('its credential lives for too long')
    if (this.isRevoked(payload.peer) || this.isRevoked(payload.owner)) throw notAdmitted('it is revoked')
    return opened
  }

  /** Tells whether the charter names an address of this peer as a registrar's. */
  isRegistrar(peer: PeerId): boolean {
    return this.charter.payload.registrars.some((address) => address.endsWith(`/p2p/${peer}`))
  }

  /** The addresses of all registrars but this one. */
  registrarsBeside(peer: PeerId): string[] {
    return this.charter.payload.registrars.filter((address) => !address.endsWith(`/p2p/${peer}`))
  }

  /** Tells whether the fleet has forgiven this owner the lies of a job that began at this time. */
  isCleared(owner: OwnerId, begunMs: number): boolean {
    const { cleared = [] } = this.charter.payload
    return cleared.some((clearing) => clearing.owner === owner && begunMs <= clearing.atMs)
  }

  isRevoked(id: PeerId | OwnerId): boolean {
    return this.charter.payload.revoked.some((revocation) => revocation.id === id)
  }
}

/** Two registrars that are apart may sign in the same millisecond: of their charters all nodes believe the same one. */
function isLater(one: Verified<Charter>, other: Verified<Charter>): boolean {
  return one.serial === other.serial ? one.id > other.id : one.serial > other.serial
}

function sameKeys(a: Verified<Charter>, b: Verified<Charter>): boolean {
  return a.payload.keys.join() === b.payload.keys.join()
}

function notAdmitted(why: string): ProtocolError {
  return new ProtocolError({ code: 'not-admitted', why })
}
