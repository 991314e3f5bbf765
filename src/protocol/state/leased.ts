/**
 * A job's leases, and what their receipts claim, by the records alone: nobody has looked at the results. Whoever asks for
 * claims hears of those under leases that count (counting.ts).
 */
import { compareText } from '../../base/bytes.ts'
import type { Cid, LeaseId, PeerId, RecordId } from '../ids.ts'
import { type Lease, type Receipt, unitsClaimed } from '../job/lease.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { Checked } from '../records.ts'
import type { RecordedClaim } from './proof-ground.ts'

/** The claims of one lease's receipts for one place in it. */
interface Covered {
  /** Use: the claim that counts. Invariant: of all that came, the first in the order of (epoch, signer, serial, id). */
  first: Checked<'receipt'>
  result: Cid
}

export interface LeasedWork {
  readonly record: Verified<Lease>
  /** By place. */
  readonly covered: ReadonlyMap<number, Covered>
  /** Two receipts say different things of one place. */
  readonly equivocated: boolean
}

interface Known extends LeasedWork {
  readonly covered: Map<number, Covered>
  readonly entries: Checked<'receipt'>[]
  equivocated: boolean
}

export class Leased {
  readonly #counts: (lease: LeaseId) => boolean
  readonly #isNeverCounted: (lease: Verified<Lease>) => boolean
  readonly #leases = new Map<LeaseId, Known>()
  /** By receipt. */
  readonly #receipts = new Map<RecordId, Checked<'receipt'>>()
  /** By position. */
  readonly #at = new Map<number, Known[]>()
  /** Use: receipts that verdicts name. */
  readonly #named = new Set<RecordId>()

  /** `counts` tells whether a lease that is here counts; `isShutOut`, whether it never will here (counting.ts). */
  constructor(counts: (lease: LeaseId) => boolean, isShutOut: (lease: Verified<Lease>) => boolean) {
    this.#counts = counts
    this.#isNeverCounted = isShutOut
  }

  add(record: Verified<Lease>): void {
    const known: Known = { record, covered: new Map(), entries: [], equivocated: false }
    this.#leases.set(record.id, known)
    for (const position of record.payload.positions) {
      const others = this.#at.get(position)
      if (others === undefined) this.#at.set(position, [known])
      else others.push(known)
    }
  }

  /** Takes a receipt of a lease that is here. True when it shows that its vehicle said two things of one place. */
  cover(entry: Checked<'receipt'>): boolean {
    const lease = this.#leases.get(entry.record.payload.lease)!
    lease.entries.push(entry)
    this.#receipts.set(entry.record.id, entry)
    const before = lease.equivocated
    entry.record.payload.covers.forEach((place, i) => {
      const result = entry.opening.results[i]!
      const known = lease.covered.get(place)
      if (known === undefined) lease.covered.set(place, { first: entry, result })
      else {
        if (known.result !== result) lease.equivocated = true
        if (byTurn(entry, known.first) < 0) Object.assign(known, { first: entry, result })
      }
    })
    return lease.equivocated && !before
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
    for (const known of this.#leases.values()) if (this.#counts(known.record.id)) yield known
  }

  /** The vehicle of a lease that counts said two things of one place. */
  isEquivocated(lease: LeaseId): boolean {
    return this.#leases.get(lease)?.equivocated === true && this.#counts(lease)
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
    const { record, entries } = this.#leases.get(entry.record.payload.lease)!
    const places = record.payload.shards.length
    const inTurn = [...entries, entry].sort((a, b) => this.inTurn(a, b))
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
    for (const { record } of this.#leases.get(lease)?.entries ?? []) yield record.id
  }

  /** The lease of a receipt that is here, whether it counts or not. */
  under(receipt: RecordId): Verified<Lease> | undefined {
    const lease = this.#receipts.get(receipt)?.record.payload.lease
    return lease && this.get(lease)
  }

  /** The lease of a receipt that is here, if it counts. */
  ofReceipt(receipt: RecordId): Verified<Lease> | undefined {
    const lease = this.#receipts.get(receipt)?.record.payload.lease
    return lease !== undefined && this.#counts(lease) ? this.get(lease) : undefined
  }

  /** Tells whether a receipt is here, and its lease never counts here, though it may count elsewhere. */
  isShutOut(receipt: RecordId): boolean {
    const lease = this.under(receipt)
    return lease !== undefined && !this.#counts(lease.id) && this.#isNeverCounted(lease)
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

  /** The place of its lease at which a receipt that is here covers a shard, whether the lease counts or not. */
  placeOf(receipt: RecordId, position: number): number | undefined {
    const positions = this.under(receipt)?.payload.positions
    const covers = this.#receipts.get(receipt)?.record.payload.covers
    return covers?.find((place) => positions?.[place] === position)
  }

  /** The claims on a shard that are here, one for each place of a lease. */
  *claimsOn(position: number): Generator<RecordedClaim> {
    for (const { record, covered } of this.#at.get(position) ?? [])
      for (const [place, { first, result }] of this.#counts(record.id) ? covered : [])
        if (record.payload.positions[place] === position) yield claim(record, first.record, place, result)
  }
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
