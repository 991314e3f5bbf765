/**
 * The places of leases that their own signers count as agreeing: those that no write-off takes back (../job/allowance.ts).
 *
 * A verdict may come before a receipt that it names. It is judged by nobody here: its signer is bound by its own word, whether
 * others believe it or not.
 */
import { pushTo } from '../../base/push-to.ts'
import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Receipt } from '../job/lease.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { Leased } from './leased.ts'

interface Named {
  readonly by: PeerId
  readonly position: number
}

export class AgreedPlaces {
  readonly #leased: Leased
  readonly #found: (lease: LeaseId, place: number) => void
  /** Use: receipts that verdicts name as agreeing, and that are not here yet. */
  readonly #awaited = new Map<RecordId, Named[]>()

  /** `found` hears of each such place, maybe more than once. */
  constructor(leased: Leased, found: (lease: LeaseId, place: number) => void) {
    this.#leased = leased
    this.#found = found
  }

  verdict({ signer, payload }: Verified<Verdict>): void {
    for (const { position, agreeing } of payload.shards)
      for (const receipt of agreeing) {
        const named = { by: signer, position }
        if (this.#leased.under(receipt) === undefined) pushTo(this.#awaited, receipt, named)
        else this.#find(receipt, named)
      }
  }

  /** A receipt is here from now on. */
  receipt({ id }: Verified<Receipt>): void {
    for (const named of this.#awaited.get(id) ?? []) this.#find(id, named)
    this.#awaited.delete(id)
  }

  #find(receipt: RecordId, { by, position }: Named): void {
    const lease = this.#leased.under(receipt)!
    const place = lease.signer === by ? this.#leased.placeOf(receipt, position) : undefined
    if (place !== undefined) this.#found(lease.id, place)
  }
}
