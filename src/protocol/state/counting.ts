/**
 * The leases of a job that count.
 *
 * A steward is one more peer that may lie, and a lease is no more than its word. It counts only if it could be an honest
 * one: it names shards of the job at their positions, with the units that the shard list gives them, at a price that the
 * manifest allows, and its promise fits its signer's allowance (allowances.ts). The job's draw secret must give the vehicle
 * that it went to, from candidates that are here (../job/draw.ts, bases.ts). In a fleet that vehicle must be one that was admitted for
 * this owner, or else a steward would make up as many owners as it needs. What does not count makes no claim, promises no
 * money, and holds no shard.
 *
 * Records get in whether they count or not, so that stewards that know the same have the same records. What counts follows
 * from their set alone, but for one thing: this node may know owners that a list of candidates leaves out
 * (../council/watch.ts). A lease that rests on something that is not here yet counts once that has come.
 */
import type { Sha256 } from '../../base/prng.ts'
import { pushTo } from '../../base/push-to.ts'
import type { LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { type DrawBasis, type DrawRecord, drawVehicle, hasBit } from '../job/draw.ts'
import type { Lease } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest } from '../job/manifest.ts'
import { isLikePriced, unitsOf } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { Allowances } from './allowances.ts'
import { Bases } from './bases.ts'

/** The node on which a job's records are judged. */
export interface Reader {
  /** Undefined: it signs nothing for the job. */
  readonly self?: PeerId
  /** The key that signed the manifest. Undefined: no cancellation of the job gets in. */
  readonly submitter?: PeerId
  /** From which the job's draws come. Undefined: none can be repeated. */
  readonly drawSecret?: Uint8Array
  /** In a fleet, the owner for whom a vehicle was admitted; undefined while this node has not seen that. */
  readonly ownerOf?: (vehicle: PeerId) => OwnerId | undefined
}

interface Known {
  readonly record: Verified<Lease>
  /** Use: it could be honest, as far as its signer's allowance reaches. */
  fits: boolean
  /** Use: as it was when somebody last asked for changes. */
  told: boolean
}

export class Counting {
  readonly #manifest: Manifest
  readonly #sha256: Sha256
  readonly #allowances: Allowances
  readonly #reader: Reader
  readonly #leases = new Map<LeaseId, Known>()
  #bases: Bases
  readonly #shutOut = new Set<RecordId>()
  /** Lists from abroad of other stewards whose adverts were looked at here. */
  readonly #proven = new Set<RecordId>()
  /** Use: leases to vehicles of which this node has not seen whom they belong to. */
  #unmet = new Set<Known>()
  /** Use: whether leases counted before the records were folded anew. */
  readonly #before = new Map<LeaseId, boolean>()
  /** Use: leases by the candidates that they were drawn from. */
  readonly #drawnFrom = new Map<RecordId, Known[]>()
  /** Use: the leases that came since changes were last asked for, and those that fit now and did not, or no more. */
  #changed = new Set<LeaseId>()
  #shards: readonly ShardEntry[] | null = null

  constructor(manifest: Manifest, sha256: Sha256, allowances: Allowances, reader: Reader) {
    this.#manifest = manifest
    this.#sha256 = sha256
    this.#allowances = allowances
    this.#reader = reader
    this.#bases = new Bases(sha256)
  }

  /** One for the same job on the same node, for records that are folded anew: those that do not come again count no more. */
  anew(allowances: Allowances): Counting {
    const next = new Counting(this.#manifest, this.#sha256, allowances, this.#reader)
    next.#shards = this.#shards
    next.#bases = new Bases(this.#sha256, this.#bases)
    for (const basis of this.#shutOut) next.#shutOut.add(basis)
    for (const list of this.#proven) next.#proven.add(list)
    for (const [id, { told }] of this.#leases) next.#before.set(id, told)
    next.#changed = new Set(this.#leases.keys())
    return next
  }

  /** The list of shards is here: before that no lease can be judged, and none counts. */
  knowShards(shards: readonly ShardEntry[]): void {
    if (this.#shards === shards) return
    this.#shards = shards
    for (const known of this.#leases.values()) this.#judge(known)
  }

  /** Takes a list of candidates, or a change of one. Returns the records whose lists may be known now. */
  basis(record: Verified<DrawRecord>): RecordId[] {
    const listed = this.#bases.add(record)
    for (const id of listed) for (const known of this.#drawnFrom.get(id) ?? []) this.#judge(known)
    return listed
  }

  /** The list of candidates of this record; undefined while it cannot be made, or does not give its root. */
  candidatesOf(basis: RecordId): DrawBasis | undefined {
    return this.#bases.of(basis)
  }

  /** The adverts of a list from abroad were looked at: it is of the arc that the secret draws. Before that nothing drawn from it counts. */
  proveCensus(list: RecordId): void {
    this.#proven.add(list)
    for (const known of this.#drawnFrom.get(list) ?? []) this.#judge(known)
  }

  /** A list of candidates, with all that was drawn from it, or a lease does not count here (../council/shut-out.ts). */
  shutOut(record: RecordId): void {
    this.#shutOut.add(record)
    const lease = this.#leases.get(record)
    for (const known of lease === undefined ? (this.#drawnFrom.get(record) ?? []) : [lease])
      this.#judge(known)
  }

  /** A lease that could be an honest one was found not to count here, or what it was drawn from: it may count elsewhere. */
  isShutOut(record: Verified<Lease>): boolean {
    const known = this.#leases.get(record.id)
    return known !== undefined && this.#isMarked(record) && this.#couldFit(known)
  }

  /** This node may have met more vehicles. */
  meet(): void {
    const unmet = this.#unmet
    this.#unmet = new Set()
    for (const known of unmet) this.#judge(known)
  }

  lease(record: Verified<Lease>): void {
    const known: Known = { record, fits: false, told: false }
    this.#leases.set(record.id, known)
    pushTo(this.#drawnFrom, record.payload.draw.basis, known)
    this.#judge(known)
    known.told = this.#before.get(record.id) ?? this.counts(record.id)
  }

  /** Tells whether a lease could be an honest one, though its signer's allowance may not reach for it. */
  fits(lease: LeaseId): boolean {
    return this.#leases.get(lease)?.fits === true
  }

  counts(lease: LeaseId): boolean {
    return this.fits(lease) && this.#allowances.counts(lease)
  }

  /** The leases that began or ceased to count since this was last asked, those left out that were not here then. */
  takeChanged(): LeaseId[] {
    const changed = new Set([...this.#changed, ...this.#allowances.takeChanged()])
    this.#changed = new Set()
    return [...changed].filter((id) => {
      const known = this.#leases.get(id)
      const counts = this.counts(id)
      const told = known?.told ?? this.#before.get(id) ?? false
      this.#before.delete(id)
      if (known !== undefined) known.told = counts
      return told !== counts
    })
  }

  #judge(known: Known): void {
    const { record } = known
    const couldFit = this.#couldFit(known)
    // Also where it does not count here it takes of its signer's allowance: elsewhere it may count, and all come to the same money.
    if (couldFit) this.#allowances.lease(record)
    else this.#allowances.drop(record)
    const fits = couldFit && !this.#isMarked(record)
    if (fits === known.fits) return
    known.fits = fits
    this.#changed.add(record.id)
  }

  #couldFit(known: Known): boolean {
    const { record } = known
    return this.#isOfTheJob(record.payload) && this.#isAdmitted(known) && this.#isDrawn(record)
  }

  /** This node knows how it drew itself. */
  #isMarked({ id, signer, payload }: Verified<Lease>): boolean {
    return signer !== this.#reader.self && (this.#shutOut.has(id) || this.#shutOut.has(payload.draw.basis))
  }

  #isOfTheJob({ positions, shards, units, price, vehicle, owner }: Lease): boolean {
    const { payment, blind } = this.#manifest
    if (positions.length !== shards.length || positions.length !== units.length) return false
    if (new Set(positions).size !== positions.length) return false
    for (const [place, position] of positions.entries()) {
      const entry = this.#shards?.[position]
      if (entry === undefined || entry.shard !== shards[place]) return false
      if (units[place] !== unitsOf(entry, payment?.unit ?? 'page')) return false
    }
    if (blind?.candidates.some((known) => known.peer === vehicle && known.owner === owner) === false)
      return false
    if (price === null) return true
    return payment !== null && isLikePriced(price, payment) && price.unitMicros <= payment.unitMicrosMax
  }

  #isAdmitted(known: Known): boolean {
    const { signer, payload } = known.record
    const { self, ownerOf } = this.#reader
    if (this.#manifest.fleet === null || ownerOf === undefined || signer === self) return true
    const owner = ownerOf(payload.vehicle)
    if (owner === undefined) this.#unmet.add(known)
    return owner === payload.owner
  }

  #isDrawn({ signer, payload: { draw, positions, vehicle, owner } }: Verified<Lease>): boolean {
    const { self, drawSecret } = this.#reader
    if (signer === self) return true
    const basis = this.#bases.of(draw.basis)
    if (basis === undefined) return false
    if (basis.census !== undefined && !this.#proven.has(draw.basis)) return false
    if (drawSecret === undefined) return true
    if (!basis.candidates.some((_, i) => hasBit(draw.eligible, i))) return false
    const drawn = drawVehicle(this.#sha256, drawSecret, positions[0]!, basis, draw.eligible)
    return basis.candidates[drawn]?.peer === vehicle && basis.candidates[drawn]?.owner === owner
  }
}
