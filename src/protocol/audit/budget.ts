/**
 * Checks that a report's leases promise the price that the job pays, for the work that its shards are, and all
 * together no more than its budget.
 *
 * Written apart from src/protocol/job/allowance.ts and the steward, from the rules alone: each steward of the
 * manifest has an equal part of the budget, and the first has the remainder, too. Its part, plus gifts to it, less
 * its own gifts and the promises of its leases, is never below 0. What is written off (write-offs.ts) is not promised. What another
 * steward than the submitter's promised beyond its part may be in the report as unpaid.
 */

import type { PeerId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import type { Lease } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Verdict } from '../job/verdict.ts'
import { formatMoney, type Payment } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'
import { inTurn, partsOf, type WriteOffs, wholeMicros } from './write-offs.ts'

export class BudgetAudit {
  readonly #payment: Payment | null
  readonly #manifest: Manifest
  readonly #shards: readonly ShardEntry[]
  readonly #records: AuditedRecords
  readonly #writeOffs: WriteOffs

  constructor(
    manifest: Manifest,
    shards: readonly ShardEntry[],
    records: AuditedRecords,
    writeOffs: WriteOffs,
  ) {
    this.#payment = manifest.payment
    this.#manifest = manifest
    this.#shards = shards
    this.#records = records
    this.#writeOffs = writeOffs
  }

  check(problems: Problems): void {
    for (const lease of this.#records.leases.values()) this.#checkPrice(lease, problems)
    if (this.#payment === null) return
    this.#checkParts(this.#payment, problems)
  }

  #checkPrice({ id, payload: { positions, units, price } }: Verified<Lease>, problems: Problems): void {
    const payment = this.#payment
    if (units.length !== positions.length)
      problems.blame(`lease ${id} does not say how much work each of its shards is`)
    for (const [place, position] of positions.entries()) {
      const { pages, bytes, units: stated } = this.#shards[position]!
      const counted = payment?.unit === 'kibibyte' ? Math.ceil(bytes / 1024) : pages
      const truly = Math.max(1, stated === undefined ? counted : stated.input + stated.output)
      if (units[place] !== undefined && units[place] !== truly)
        problems.blame(`lease ${id} counts ${units[place]} units in shard ${position}, which has ${truly}`)
    }
    if (price === null) return
    const offered = formatMoney(price.unitMicros, price.currency)
    if (payment === null) problems.blame(`lease ${id} names a price, and the job pays nobody`)
    else if (
      price.currency !== payment.currency ||
      price.per !== payment.per ||
      price.unitMicros > payment.unitMicrosMax
    )
      problems.blame(
        `lease ${id} pays ${offered}${forSoMany(price)}, and the job at most ${formatMoney(payment.unitMicrosMax, payment.currency)}${forSoMany(payment)}`,
      )
  }

  #checkParts({ currency }: Payment, problems: Problems): void {
    const left = partsOf(this.#manifest)
    const add = (peer: PeerId, micros: bigint) => left.set(peer, (left.get(peer) ?? 0n) + micros)
    for (const { signer, payload } of this.#records.allowances)
      for (const { to, micros } of payload.given) {
        add(signer, -BigInt(micros))
        add(to, BigInt(micros))
      }
    const { leases, unpaid } = this.#records
    for (const lease of leases.values()) {
      const { id, signer, payload } = lease
      if (!unpaid.has(id) && !this.#records.isUndrawn(lease))
        for (const [place, units] of payload.units.entries())
          add(signer, -wholeMicros(this.#writeOffs.promised(id, place, units), payload.price))
    }
    this.#checkUnpaid(left, problems)
    for (const [steward, micros] of left)
      if (micros < 0n)
        problems.blame(
          `${steward} promised ${formatMoney(Number(-micros), currency)} more than its part of the budget`,
        )
  }

  /**
   * A steward's allowance is spent in the order of its serials, and nothing counts after what it does not reach for. So all
   * that is not paid comes after all that is, and there is too little left for the first of it, be that a lease, a gift, or a
   * verdict that promises anew what was written off.
   */
  #checkUnpaid(left: ReadonlyMap<PeerId, bigint>, problems: Problems): void {
    const { leases, allowances, unpaid } = this.#records
    const drawn = [...leases.values()].filter((lease) => !this.#records.isUndrawn(lease))
    const paid = [...drawn, ...allowances].filter(({ id, payload }) => !unpaid.has(id) && hasCost(payload))
    const { beyond } = this.#writeOffs
    for (const [signer, some] of Map.groupBy(
      [...unpaid.values(), ...beyond.values()],
      ({ signer }) => signer,
    )) {
      const first = some.reduce((one, other) => (inTurn(other, one) < 0 ? other : one))
      const verdict = beyond.get(signer)
      if (first === verdict) this.#checkBeyond(verdict, problems)
      else if (costOf(first.payload as Lease | Allowance) <= (left.get(signer) ?? 0n))
        problems.blame(`${first.id} is not paid, and ${signer} had the money for it`)
      for (const record of paid)
        if (record.signer === signer && inTurn(record, first) > 0)
          problems.blame(`${record.id} is paid, and ${first.id}, which ${signer} signed before it, is not`)
    }
  }

  /**
   * The submitter pays all that its own node counts; but for what its last word says after another steward, which had
   * counted it before it heard that it was written off. For that there may be no money left.
   */
  #checkBeyond(verdict: Verified<Verdict>, problems: Problems): void {
    const { id, signer } = verdict
    if (signer !== this.#manifest.stewards[0]?.peer || this.#writeOffs.isRepeated(verdict)) return
    problems.blame(`verdict ${id} counts work that ${signer} wrote off and has no money for`)
  }
}

/** A lease without a price takes nothing of an allowance, and stands in no order with what does. */
function hasCost(payload: Lease | Allowance): boolean {
  return 'given' in payload || payload.price !== null
}

function costOf(payload: Lease | Allowance): bigint {
  if ('given' in payload) return payload.given.reduce((sum, { micros }) => sum + BigInt(micros), 0n)
  return payload.units.reduce((sum, units) => sum + wholeMicros(units, payload.price), 0n)
}

function forSoMany({ per = 1 }: Pick<Payment, 'per'>): string {
  return per === 1 ? ' a unit' : ` for ${per} units`
}
