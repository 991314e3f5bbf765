/** A job's leases, and what their receipts claim, by the records alone: nobody has looked at the results. */
import { compareText } from '../../base/bytes.ts'
import type { Cid, LeaseId, RecordId } from '../ids.ts'
import type { Lease } from '../job/lease.ts'
import type { Verified } from '../record/record.ts'
import type { Checked } from '../records.ts'
import type { RecordedClaim } from './proofs.ts'

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
  readonly receipts: Checked<'receipt'>[]
  equivocated: boolean
}

export class Leased {
  readonly #leases = new Map<LeaseId, Known>()
  /** By receipt. */
  readonly #receipts = new Map<RecordId, Checked<'receipt'>>()
  /** By position. */
  readonly #at = new Map<number, Known[]>()

  add(record: Verified<Lease>): void {
    const known: Known = { record, covered: new Map(), receipts: [], equivocated: false }
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
    lease.receipts.push(entry)
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

  get(lease: LeaseId): Verified<Lease> | undefined {
    return this.#leases.get(lease)?.record
  }

  all(): Iterable<LeasedWork> {
    return this.#leases.values()
  }

  /**
   * The receipt that gives way to one more of its lease, or the new one itself. Each covers at least one more shard, but
   * for one that contradicts another: what was signed later gives way. Undefined: there is room for both.
   */
  surplus(entry: Checked<'receipt'>): Checked<'receipt'> | undefined {
    const { record, receipts } = this.#leases.get(entry.record.payload.lease)!
    if (receipts.length <= record.payload.shards.length) return undefined
    return [entry, ...receipts].sort(byTurn).at(-1)
  }

  /** The lease of a receipt that is here. */
  ofReceipt(receipt: RecordId): Verified<Lease> | undefined {
    const entry = this.#receipts.get(receipt)
    return entry && this.get(entry.record.payload.lease)
  }

  /** The claim of a receipt that is here on a shard. */
  claimOf(receipt: RecordId, position: number): RecordedClaim | undefined {
    const entry = this.#receipts.get(receipt)
    const lease = entry && this.get(entry.record.payload.lease)
    if (entry === undefined || lease === undefined) return undefined
    const covers = entry.record.payload.covers
    const index = covers.findIndex((place) => lease.payload.positions[place] === position)
    return index < 0 ? undefined : claim(lease, entry.record.id, entry.opening.results[index]!)
  }

  /** The claims on a shard that are here, one for each place of a lease. */
  *claimsOn(position: number): Generator<RecordedClaim> {
    for (const { record, covered } of this.#at.get(position) ?? [])
      for (const [place, { first, result }] of covered)
        if (record.payload.positions[place] === position) yield claim(record, first.record.id, result)
  }
}

function claim(lease: Verified<Lease>, receipt: RecordId, result: Cid): RecordedClaim {
  const { vehicle: peer, owner } = lease.payload
  return { peer, owner, receipt, result, lease }
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
