/**
 * A job's leases, and what their receipts claim, by the records alone: nobody has looked at the results. Whoever asks for
 * claims hears of those under leases that count (counting.ts).
 */
import { compareText } from '../../base/bytes.ts'
import { pushTo } from '../../base/push-to.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { type Lease, type Receipt, unitsClaimed, unitsOwed } from '../job/lease.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { Checked, JobRecord } from '../records.ts'
import type { Counting } from './counting.ts'
import type { RecordedClaim } from './proof-ground.ts'
import { SharedNames } from './shared-names.ts'

export interface LeasedWork {
  readonly record: Verified<Lease>
  /** By place, rising: the receipt whose claim counts, of all that cover it the first in the order of (epoch, signer, serial, id). */
  readonly covered: Iterable<readonly [number, Checked<'receipt'>]>
  /** That of a place; undefined where none covers it. */
  at(place: number): Checked<'receipt'> | undefined
  /** Two receipts say different things of one place. */
  readonly equivocated: boolean
}

/** One lease, with its receipts: mostly one, for all of it. */
class Known implements LeasedWork {
  readonly record: Verified<Lease>
  receipts: readonly Checked<'receipt'>[] = []
  equivocated = false

  constructor(record: Verified<Lease>) {
    this.record = record
  }

  get covered(): Iterable<readonly [number, Checked<'receipt'>]> {
    return this.record.payload.positions.flatMap((_, place) => {
      const first = this.at(place)
      return first === undefined ? [] : [[place, first] as const]
    })
  }

  at(place: number): Checked<'receipt'> | undefined {
    let first: Checked<'receipt'> | undefined
    for (const receipt of this.receipts)
      if (
        receipt.record.payload.covers.includes(place) &&
        (first === undefined || byTurn(receipt, first) < 0)
      )
        first = receipt
    return first
  }
}

export class Leased {
  readonly #counting: Pick<Counting, 'fits' | 'counts' | 'isShutOut'>
  readonly #leases = new Map<LeaseId, Known>()
  /** By receipt. */
  readonly #receipts = new Map<RecordId, Checked<'receipt'>>()
  /** By page of positions, the leases of some of them: most have a run of positions, and a list for each would take as much as all else. */
  readonly #at = new Map<number, Known[]>()
  /** Use: receipts that verdicts name. */
  readonly #named = new Set<RecordId>()

  /** Use: shared by all records that are kept. */
  readonly names: SharedNames

  /** `names`: those for records that are folded anew, or the job. */
  constructor(names: SharedNames | JobId, counting: Pick<Counting, 'fits' | 'counts' | 'isShutOut'>) {
    this.names = typeof names === 'string' ? new SharedNames(names) : names
    this.#counting = counting
  }

  add(record: Verified<Lease>): void {
    const known = new Known(record)
    this.#leases.set(record.id, known)
    for (const page of new Set(record.payload.positions.map(pageOf))) pushTo(this.#at, page, known)
  }

  /** Takes a receipt of a lease that is here. True when it shows that its vehicle said two things of one place. */
  cover(entry: Checked<'receipt'>): boolean {
    const lease = this.#leases.get(entry.record.payload.lease)!
    this.#receipts.set(entry.record.id, entry)
    const before = lease.equivocated
    entry.record.payload.covers.forEach((place, i) => {
      const known = lease.at(place)
      if (known !== undefined && resultAt(known, place) !== entry.opening.results[i]) lease.equivocated = true
    })
    lease.receipts = [...lease.receipts, entry]
    return lease.equivocated && !before
  }

  /** The same record as this keeps one. */
  shared(entry: JobRecord): JobRecord {
    return this.names.shared(entry, this)
  }

  /** A lease that is here, whether it counts or not. */
  get(lease: LeaseId): Verified<Lease> | undefined {
    return this.#leases.get(lease)?.record
  }

  /** The leases that a steward signed, whether they count or not. */
  *signedBy(steward: PeerId): Generator<Verified<Lease>> {
    for (const { record } of this.#leases.values()) if (record.signer === steward) yield record
  }

  /** Tells whether every draw is here that a steward made before it signed this: they are numbered from 0. */
  hasDrawsBefore({ signer, serial }: Verified): boolean {
    const before = [...this.signedBy(signer)].filter((lease) => lease.serial < serial)
    const indices = before.map(({ payload }) => payload.draw.index).sort((a, b) => a - b)
    return indices.every((index, i) => index === i)
  }

  /** The leases that count. */
  *all(): Generator<LeasedWork> {
    for (const known of this.#leases.values()) if (this.#counting.counts(known.record.id)) yield known
  }

  /** The vehicle of a lease that counts said two things of one place. */
  isEquivocated(lease: LeaseId): boolean {
    return this.#leases.get(lease)?.equivocated === true && this.#counting.counts(lease)
  }

  /**
   * The leases that could be honest ones, and whose vehicles said two things of one place; also those that are not paid, or not any more: their
   * owners lie, and may have lost their voice by that while they were paid.
   */
  *equivocated(): Generator<Verified<Lease>> {
    for (const { record, equivocated } of this.#leases.values())
      if (equivocated && this.#counting.fits(record.id)) yield record
  }

  /** A verdict that is here rests on these receipts, or speaks against them. */
  name({ payload }: Verified<Verdict>): void {
    for (const { agreeing, contradicting } of payload.shards)
      for (const receipt of [...agreeing, ...contradicting]) this.#named.add(receipt)
  }

  /**
   * The receipts that give way to one more of a lease that is here. Each covers at least one more of its shards, and one
   * may contradict them all: so many there may be, and so many results in them. Those that a verdict names stay, or else a
   * vehicle would take away what a verdict rests on; then those that were signed first.
   */
  givingWay(entry: Checked<'receipt'>): 'too-many-receipts' | readonly RecordId[] {
    const { record, receipts } = this.#leases.get(entry.record.payload.lease)!
    const places = record.payload.shards.length
    const inTurn = [...receipts, entry].sort((a, b) => this.inTurn(a, b))
    let [count, covered] = [0, 0]
    const surplus = inTurn.filter(({ record: { payload } }) => {
      if (count > places || covered + payload.covers.length > 2 * places) return true
      count += 1
      covered += payload.covers.length
      return false
    })
    return surplus.includes(entry) ? 'too-many-receipts' : surplus.map(({ record }) => record.id)
  }

  /** Sorts those receipts first that stay if there are too many. */
  inTurn(a: Checked<'receipt'>, b: Checked<'receipt'>): number {
    const isNamed = ({ record }: Checked<'receipt'>) => Number(this.#named.has(record.id))
    return isNamed(b) - isNamed(a) || byTurn(a, b)
  }

  *receiptsUnder(lease: LeaseId): Generator<RecordId> {
    for (const { record } of this.#leases.get(lease)?.receipts ?? []) yield record.id
  }

  /** The lease of a receipt that is here, whether it counts or not. */
  under(receipt: RecordId): Verified<Lease> | undefined {
    const lease = this.#receipts.get(receipt)?.record.payload.lease
    return lease && this.get(lease)
  }

  /** The lease of a receipt that is here, if it counts. */
  ofReceipt(receipt: RecordId): Verified<Lease> | undefined {
    const lease = this.#receipts.get(receipt)?.record.payload.lease
    return lease !== undefined && this.#counting.counts(lease) ? this.get(lease) : undefined
  }

  /** The owner of a receipt that is here, and whose lease counts, or could count elsewhere. */
  ownerOf(receipt: RecordId): OwnerId | undefined {
    return this.ofReceipt(receipt)?.payload.owner ?? this.shutOutOwner(receipt)
  }

  /** The owner of a receipt that is here and whose lease never counts here, though it may count elsewhere; undefined for others. */
  shutOutOwner(receipt: RecordId): OwnerId | undefined {
    const lease = this.under(receipt)
    if (lease === undefined || this.#counting.counts(lease.id)) return undefined
    return this.#counting.isShutOut(lease) ? lease.payload.owner : undefined
  }

  /** The claim of a receipt that is here on a shard. */
  claimOf(receipt: RecordId, position: number): RecordedClaim | undefined {
    const entry = this.#receipts.get(receipt)
    const lease = this.ofReceipt(receipt)
    if (entry === undefined || lease === undefined) return undefined
    const covers = entry.record.payload.covers
    const index = covers.findIndex((place) => lease.payload.positions[place] === position)
    return index < 0 ? undefined : claim(lease, entry.record, covers[index]!, entry.opening.results[index]!)
  }

  /** The result that a receipt which is here claims for a shard, whether its lease counts or not. */
  resultOf(receipt: RecordId, position: number): Cid | undefined {
    const place = this.placeOf(receipt, position)
    return place === undefined ? undefined : resultAt(this.#receipts.get(receipt)!, place)
  }

  /** A result that some receipt here claims for a shard, whether its lease counts or not. */
  resultAt(position: number): Cid | undefined {
    for (const known of this.#at.get(pageOf(position)) ?? []) {
      const place = known.record.payload.positions.indexOf(position)
      const first = known.at(place)
      if (first !== undefined) return resultAt(first, place)
    }
    return undefined
  }

  /** The positions that a receipt covers whose lease is here. */
  positionsOf({ payload }: Verified<Receipt>): number[] {
    const { positions } = this.#leases.get(payload.lease)!.record.payload
    return payload.covers.map((place) => positions[place]!)
  }

  /** The place of its lease at which a receipt that is here covers a shard, whether the lease counts or not. */
  placeOf(receipt: RecordId, position: number): number | undefined {
    const positions = this.under(receipt)?.payload.positions
    const covers = this.#receipts.get(receipt)?.record.payload.covers
    return covers?.find((place) => positions?.[place] === position)
  }

  /** The units that a receipt that is here counts at a place of its lease. */
  unitsAt(receipt: RecordId, place: number): number {
    const lease = this.under(receipt)
    return lease === undefined
      ? 0
      : unitsOwed(lease.payload, this.#receipts.get(receipt)!.record.payload, place)
  }

  /** The claims on a shard that are here, one for each place of a lease. */
  *claimsOn(position: number): Generator<RecordedClaim> {
    for (const known of this.#at.get(pageOf(position)) ?? []) {
      const { record } = known
      const place = record.payload.positions.indexOf(position)
      const first = known.at(place)
      if (first !== undefined && this.#counting.counts(record.id))
        yield claim(record, first.record, place, resultAt(first, place))
    }
  }
}

/** Positions of a page. More of them make fewer lists, and longer walks over leases of other shards. */
const pagePositions = 16

function pageOf(position: number): number {
  return Math.floor(position / pagePositions)
}

function resultAt({ record, opening }: Checked<'receipt'>, place: number): Cid {
  return opening.results[record.payload.covers.indexOf(place)]!
}

function claim(
  lease: Verified<Lease>,
  receipt: Verified<Receipt>,
  place: number,
  result: Cid,
): RecordedClaim {
  const { vehicle: peer, owner } = lease.payload
  const units = unitsClaimed(receipt.payload, place)
  return { peer, owner, receipt: receipt.id, result, lease, ...(units && { units }) }
}

/** In an order that is the same on every steward: by epoch, signer, serial and id. */
export function byTurn(
  { record: a }: { readonly record: Verified },
  { record: b }: { readonly record: Verified },
): number {
  return (
    a.epoch - b.epoch || compareText(a.signer, b.signer) || a.serial - b.serial || compareText(a.id, b.id)
  )
}
