/**
 * The places of leases that their own signers count as agreeing: they owe them, whatever they write off (../job/allowance.ts).
 *
 * A verdict may come before a receipt that it names. It is judged by nobody here: its signer is bound by its own word, whether
 * others believe it or not.
 */
import { pushTo } from '../../base/push-to.ts'
import type { LeaseId, RecordId } from '../ids.ts'
import type { Receipt } from '../job/lease.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { Leased } from './leased.ts'

interface Named {
  readonly verdict: Verified<Verdict>
  readonly position: number
}

/** A verdict names this place of a lease of its own signer, for so many units. */
type Found = (lease: LeaseId, place: number, units: number, verdict: Verified<Verdict>) => void

export class AgreedPlaces {
  readonly #leased: Leased
  readonly #found: Found
  /** Use: receipts that verdicts name as agreeing, and that are not here yet. */
  readonly #awaited = new Map<RecordId, Named[]>()

  /** `found` hears of each such place, maybe more than once. */
  constructor(leased: Leased, found: Found) {
    this.#leased = leased
    this.#found = found
  }

  verdict(verdict: Verified<Verdict>): void {
    for (const { position, agreeing } of verdict.payload.shards)
      for (const receipt of agreeing) {
        const named = { verdict, position }
        if (this.#leased.under(receipt) === undefined) pushTo(this.#awaited, receipt, named)
        else this.#find(receipt, named)
      }
  }

  /** A receipt is here from now on. */
  receipt({ id }: Verified<Receipt>): void {
    for (const named of this.#awaited.get(id) ?? []) this.#find(id, named)
    this.#awaited.delete(id)
  }

  #find(receipt: RecordId, { verdict, position }: Named): void {
    const { signer, payload, id } = this.#leased.under(receipt)!
    if (payload.price === null) return // nothing is owed
    const place = signer === verdict.signer ? this.#leased.placeOf(receipt, position) : undefined
    if (place !== undefined) this.#found(id, place, this.#leased.unitsAt(receipt, place), verdict)
  }
}
