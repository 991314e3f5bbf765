/**
 * Whether a report's leases promise what the job pays, for the work that its shards are, and all together no more than
 * its budget.
 *
 * Written apart from src/protocol/job/allowance.ts and the steward, from the rules alone: each steward of the manifest has an
 * equal part of the budget, the first also what does not divide; what it was given and gave, and what its leases promise
 * but for what it wrote off of them, leave it at 0 or above. What it wrote off it does not count.
 */

import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import type { Lease, Receipt } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { StewardPlace } from '../job/manifest.ts'
import type { Verdict } from '../job/verdict.ts'
import { formatMoney, type Payment } from '../price.ts'
import type { Verified } from '../record/record.ts'

type Blame = (problem: string) => void

export class BudgetAudit {
  readonly #payment: Payment | null
  readonly #stewards: readonly StewardPlace[]
  readonly #shards: readonly ShardEntry[]
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #leaseOf = new Map<RecordId, LeaseId>()
  readonly #allowances: Verified<Allowance>[] = []
  readonly #verdicts: Verified<Verdict>[] = []

  constructor(payment: Payment | null, stewards: readonly StewardPlace[], shards: readonly ShardEntry[]) {
    this.#payment = payment
    this.#stewards = stewards
    this.#shards = shards
  }

  /** Its positions are those of the job. */
  lease(lease: Verified<Lease>): void {
    this.#leases.set(lease.id, lease)
  }

  receipt({ id, payload }: Verified<Receipt>): void {
    this.#leaseOf.set(id, payload.lease)
  }

  allowance(allowance: Verified<Allowance>): void {
    this.#allowances.push(allowance)
  }

  verdict(verdict: Verified<Verdict>): void {
    this.#verdicts.push(verdict)
  }

  finish(blame: Blame): void {
    for (const lease of this.#leases.values()) this.#checkPrice(lease, blame)
    if (this.#payment === null) return
    const kept = this.#kept()
    this.#checkParts(this.#payment, kept, blame)
    this.#checkVerdicts(kept, blame)
  }

  #checkPrice({ id, payload: { positions, units, price } }: Verified<Lease>, blame: Blame): void {
    const payment = this.#payment
    if (units.length !== positions.length)
      blame(`lease ${id} does not say how much work each of its shards is`)
    for (const [place, position] of positions.entries()) {
      const { pages, bytes } = this.#shards[position]!
      const truly = payment?.unit === 'kibibyte' ? Math.max(1, Math.ceil(bytes / 1024)) : pages
      if (units[place] !== undefined && units[place] !== truly)
        blame(`lease ${id} counts ${units[place]} units in shard ${position}, which has ${truly}`)
    }
    if (price === null) return
    const offered = formatMoney(price.unitMicros, price.currency)
    if (payment === null) blame(`lease ${id} names a price, and the job pays nobody`)
    else if (price.currency !== payment.currency || price.unitMicros > payment.unitMicrosMax)
      blame(
        `lease ${id} pays ${offered} a unit, and the job at most ${formatMoney(payment.unitMicrosMax, payment.currency)}`,
      )
  }

  /** Of leases that their own steward wrote off: the places that are left. */
  #kept(): Map<LeaseId, Set<number>> {
    const kept = new Map<LeaseId, Set<number>>()
    for (const { signer, payload } of this.#allowances)
      for (const { lease, places } of payload.writtenOff) {
        if (this.#leases.get(lease)?.signer !== signer) continue
        const before = kept.get(lease)
        kept.set(lease, new Set(places.filter((place) => before === undefined || before.has(place))))
      }
    return kept
  }

  #checkParts(
    { budgetMicros, currency }: Payment,
    kept: ReadonlyMap<LeaseId, ReadonlySet<number>>,
    blame: Blame,
  ): void {
    const part = Math.floor(budgetMicros / this.#stewards.length)
    const left = new Map<PeerId, bigint>()
    const add = (peer: PeerId, micros: bigint) => left.set(peer, (left.get(peer) ?? 0n) + micros)
    for (const { peer } of this.#stewards) add(peer, BigInt(part))
    add(this.#stewards[0]!.peer, BigInt(budgetMicros - part * this.#stewards.length))
    for (const { signer, payload } of this.#allowances)
      for (const { to, micros } of payload.given) {
        add(signer, -BigInt(micros))
        add(to, BigInt(micros))
      }
    for (const { id, signer, payload } of this.#leases.values())
      for (const [place, units] of payload.units.entries())
        if (kept.get(id)?.has(place) !== false)
          add(signer, -BigInt(units) * BigInt(payload.price?.unitMicros ?? 0))
    for (const [steward, micros] of left)
      if (micros < 0n)
        blame(
          `${steward} promised ${formatMoney(Number(-micros), currency)} more than its part of the budget`,
        )
  }

  #checkVerdicts(kept: ReadonlyMap<LeaseId, ReadonlySet<number>>, blame: Blame): void {
    for (const { signer, payload } of this.#verdicts)
      for (const { position, agreeing } of payload.shards)
        for (const receipt of agreeing) {
          const lease = this.#leases.get(this.#leaseOf.get(receipt)!)
          if (lease === undefined || lease.signer !== signer) continue
          const place = lease.payload.positions.indexOf(position)
          if (kept.get(lease.id)?.has(place) === false)
            blame(`${signer} counts work on shard ${position} that it does not pay`)
        }
  }
}
