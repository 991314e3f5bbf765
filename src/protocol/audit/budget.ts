/**
 * Checks that a report's leases promise the price that the job pays, for the work that its shards are, and all
 * together no more than its budget.
 *
 * Written apart from src/protocol/job/allowance.ts and the steward, from the rules alone: each steward of the
 * manifest has an equal part of the budget, and the first has the remainder, too. Its part, plus gifts to it, less
 * its own gifts and the promises of its leases, is never below 0. Promises that it wrote off do not count.
 */

import type { LeaseId, PeerId } from '../ids.ts'
import type { Lease } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import { formatMoney, type Payment } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'

export class BudgetAudit {
  readonly #payment: Payment | null
  readonly #stewards: readonly StewardPlace[]
  readonly #shards: readonly ShardEntry[]
  readonly #records: AuditedRecords

  constructor({ payment, stewards }: Manifest, shards: readonly ShardEntry[], records: AuditedRecords) {
    this.#payment = payment
    this.#stewards = stewards
    this.#shards = shards
    this.#records = records
  }

  check(problems: Problems): void {
    for (const lease of this.#records.leases.values()) this.#checkPrice(lease, problems)
    if (this.#payment === null) return
    const kept = this.#kept()
    this.#checkParts(this.#payment, kept, problems)
    this.#checkVerdicts(kept, problems)
  }

  #checkPrice({ id, payload: { positions, units, price } }: Verified<Lease>, problems: Problems): void {
    const payment = this.#payment
    if (units.length !== positions.length)
      problems.blame(`lease ${id} does not say how much work each of its shards is`)
    for (const [place, position] of positions.entries()) {
      const { pages, bytes } = this.#shards[position]!
      const truly = payment?.unit === 'kibibyte' ? Math.max(1, Math.ceil(bytes / 1024)) : pages
      if (units[place] !== undefined && units[place] !== truly)
        problems.blame(`lease ${id} counts ${units[place]} units in shard ${position}, which has ${truly}`)
    }
    if (price === null) return
    const offered = formatMoney(price.unitMicros, price.currency)
    if (payment === null) problems.blame(`lease ${id} names a price, and the job pays nobody`)
    else if (price.currency !== payment.currency || price.unitMicros > payment.unitMicrosMax)
      problems.blame(
        `lease ${id} pays ${offered} a unit, and the job at most ${formatMoney(payment.unitMicrosMax, payment.currency)}`,
      )
  }

  /** The places that are left of leases that their own steward wrote off. */
  #kept(): Map<LeaseId, Set<number>> {
    const kept = new Map<LeaseId, Set<number>>()
    for (const { signer, payload } of this.#records.allowances)
      for (const { lease, places } of payload.writtenOff) {
        if (this.#records.leases.get(lease)?.signer !== signer) continue
        const before = kept.get(lease)
        kept.set(lease, new Set(places.filter((place) => before === undefined || before.has(place))))
      }
    return kept
  }

  #checkParts(
    { budgetMicros, currency }: Payment,
    kept: ReadonlyMap<LeaseId, ReadonlySet<number>>,
    problems: Problems,
  ): void {
    const part = Math.floor(budgetMicros / this.#stewards.length)
    const left = new Map<PeerId, bigint>()
    const add = (peer: PeerId, micros: bigint) => left.set(peer, (left.get(peer) ?? 0n) + micros)
    for (const { peer } of this.#stewards) add(peer, BigInt(part))
    add(this.#stewards[0]!.peer, BigInt(budgetMicros - part * this.#stewards.length))
    for (const { signer, payload } of this.#records.allowances)
      for (const { to, micros } of payload.given) {
        add(signer, -BigInt(micros))
        add(to, BigInt(micros))
      }
    for (const { id, signer, payload } of this.#records.leases.values())
      for (const [place, units] of payload.units.entries())
        if (kept.get(id)?.has(place) !== false)
          add(signer, -BigInt(units) * BigInt(payload.price?.unitMicros ?? 0))
    for (const [steward, micros] of left)
      if (micros < 0n)
        problems.blame(
          `${steward} promised ${formatMoney(Number(-micros), currency)} more than its part of the budget`,
        )
  }

  #checkVerdicts(kept: ReadonlyMap<LeaseId, ReadonlySet<number>>, problems: Problems): void {
    const leaseOf = new Map(this.#records.receipts.map(({ id, payload }) => [id, payload.lease]))
    for (const { signer, payload } of this.#records.verdicts)
      for (const { position, agreeing } of payload.shards)
        for (const receipt of agreeing) {
          const lease = this.#records.leases.get(leaseOf.get(receipt)!)
          if (lease === undefined || lease.signer !== signer) continue
          const place = lease.payload.positions.indexOf(position)
          if (kept.get(lease.id)?.has(place) === false)
            problems.blame(`${signer} counts work on shard ${position} that it does not pay`)
        }
  }
}
