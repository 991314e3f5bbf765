/**
 * Finds the places of leases that are not owed any more, since their own stewards wrote them off.
 *
 * Written apart from src/protocol/state, from the rules alone: the records that a steward signed are gone through in the order
 * of their serials, with what its allowance has left. A write-off of a lease that it signed before frees what it does not
 * name, but for places whose receipts a verdict of its own named as agreeing by then. A verdict that names a place which is
 * written off promises it anew, as far as the allowance reaches. A note does not matter to that: its signer is bound by all
 * that it says. Nothing counts after the first record that the allowance does not reach for.
 */
import { compareText } from '../../base/bytes.ts'
import { pushTo } from '../../base/push-to.ts'
import type { LeaseId, PeerId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import type { Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { AuditedRecords } from './records.ts'

type Step =
  | { readonly kind: 'lease'; readonly record: Verified<Lease> }
  | { readonly kind: 'allowance'; readonly record: Verified<Allowance> }
  | { readonly kind: 'verdict'; readonly record: Verified<Verdict> }

export class WriteOffs {
  /** By steward, its first verdict that promises anew what its allowance does not reach for. */
  readonly beyond = new Map<PeerId, Verified<Verdict>>()
  readonly #records: AuditedRecords
  readonly #receipts: ReadonlyMap<string, { readonly lease: LeaseId; readonly covers: readonly number[] }>
  readonly #gone = new Map<LeaseId, Set<number>>()
  readonly #named = new Map<LeaseId, Set<number>>()

  constructor(manifest: Manifest, records: AuditedRecords) {
    this.#records = records
    this.#receipts = new Map(records.receipts.map(({ id, payload }) => [id, payload]))
    const received = partsOf(manifest)
    for (const { payload } of records.allowances)
      for (const { to, micros } of payload.given) received.set(to, (received.get(to) ?? 0n) + BigInt(micros))
    for (const [signer, steps] of stepsOf(records)) this.#follow(steps, received.get(signer) ?? 0n)
  }

  has(lease: LeaseId, place: number): boolean {
    return this.#gone.get(lease)?.has(place) === true
  }

  #follow(steps: readonly Step[], had: bigint): void {
    let left = had
    for (const { kind, record } of steps) {
      if (this.#records.unpaid.has(record.id)) return
      if (kind === 'lease') left -= sumOf(record, record.payload.units.keys())
      else if (kind === 'allowance') {
        for (const { micros } of record.payload.given) left -= BigInt(micros)
        left += this.#writeOff(record)
      } else {
        const named = this.#ownPlaces(record)
        const cost = named.reduce(
          (sum, { lease, place }) => (this.has(lease.id, place) ? sum + sumOf(lease, [place]) : sum),
          0n,
        )
        if (cost > left && cost > 0n) {
          this.beyond.set(record.signer, record)
          return
        }
        left -= cost
        for (const { lease, place } of named) {
          this.#gone.get(lease.id)?.delete(place)
          this.#named.set(lease.id, (this.#named.get(lease.id) ?? new Set()).add(place))
        }
      }
    }
  }

  /** Returns what is free again. */
  #writeOff({ signer, serial, payload }: Verified<Allowance>): bigint {
    let freed = 0n
    for (const { lease: id, places } of payload.writtenOff) {
      const lease = this.#records.leases.get(id)
      if (lease?.signer !== signer || lease.serial >= serial) continue
      const gone = this.#gone.get(id) ?? new Set()
      this.#gone.set(id, gone)
      for (const place of lease.payload.positions.keys()) {
        if (places.includes(place) || gone.has(place) || this.#named.get(id)?.has(place)) continue
        gone.add(place)
        freed += sumOf(lease, [place])
      }
    }
    return freed
  }

  /** The places of its signer's own leases whose receipts a verdict names as agreeing. */
  #ownPlaces({ signer, payload }: Verified<Verdict>): { lease: Verified<Lease>; place: number }[] {
    const places = new Map<string, { lease: Verified<Lease>; place: number }>()
    for (const { position, agreeing } of payload.shards)
      for (const id of agreeing) {
        const receipt = this.#receipts.get(id)
        const lease = receipt && this.#records.leases.get(receipt.lease)
        if (lease?.signer !== signer) continue
        const place = lease.payload.positions.indexOf(position)
        if (receipt?.covers.includes(place)) places.set(`${lease.id}/${place}`, { lease, place })
      }
    return [...places.values()]
  }
}

/** Returns the part of the budget that each steward of the manifest has at first. */
export function partsOf({ payment, stewards }: Manifest): Map<PeerId, bigint> {
  const budget = payment?.budgetMicros ?? 0
  const part = Math.floor(budget / stewards.length)
  const parts = new Map(stewards.map(({ peer }) => [peer, BigInt(part)]))
  const [first] = stewards
  return parts.set(first!.peer, BigInt(budget - part * (stewards.length - 1)))
}

/** All that each steward signed and that may take money, or free it, in its order. */
function stepsOf(records: AuditedRecords): Map<PeerId, Step[]> {
  const steps = new Map<PeerId, Step[]>()
  const add = (step: Step) => pushTo(steps, step.record.signer, step)
  for (const record of records.leases.values()) if (!records.isUndrawn(record)) add({ kind: 'lease', record })
  for (const record of records.allowances) add({ kind: 'allowance', record })
  for (const record of records.unpaid.values())
    if ('given' in record.payload) add({ kind: 'allowance', record: record as Verified<Allowance> })
  for (const record of records.said) add({ kind: 'verdict', record })
  for (const some of steps.values()) some.sort((a, b) => inTurn(a.record, b.record))
  return steps
}

export function inTurn(a: Verified, b: Verified): number {
  return a.serial - b.serial || compareText(a.id, b.id)
}

function sumOf({ payload: { units, price } }: Verified<Lease>, places: Iterable<number>): bigint {
  let sum = 0n
  for (const place of places) sum += wholeMicros(units[place] ?? 0, price)
  return sum
}

/** Units times price, where a begun micro is a whole one. */
export function wholeMicros(units: number, price: Lease['price']): bigint {
  if (price === null) return 0n
  const per = BigInt(price.per ?? 1)
  return (BigInt(units) * BigInt(price.unitMicros) + per - 1n) / per
}
