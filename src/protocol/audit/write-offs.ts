/**
 * Finds the units at places of leases that are not owed any more, since their own stewards wrote them off.
 *
 * Written apart from src/protocol/state, from the rules alone: the records that a steward signed are gone through in the order
 * of their serials, with what its allowance has left. A write-off of a lease that it signed before frees what it does not
 * name, but for what receipts count that a verdict of its own named as agreeing by then. A verdict that names a place of which
 * too much is written off promises that anew, as far as the allowance reaches; of several that name one place, the first does. A note
 * does not matter to that: its signer is bound by all that it says. Nothing counts after the first record that the allowance does not reach for.
 */
import { compareText } from '../../base/bytes.ts'
import { pushTo } from '../../base/push-to.ts'
import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Allowance } from '../job/allowance.ts'
import type { Lease, Receipt } from '../job/lease.ts'
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
  readonly #receipts: ReadonlyMap<string, Receipt>
  /** By place, of those that were written off in part, or wholly (-1). */
  readonly #left = new Map<LeaseId, Map<number, number>>()
  readonly #named = new Map<LeaseId, Map<number, number>>()

  constructor(manifest: Manifest, records: AuditedRecords) {
    this.#records = records
    this.#receipts = new Map(records.receipts.map(({ id, payload }) => [id, payload]))
    const received = partsOf(manifest)
    for (const { payload } of records.allowances)
      for (const { to, micros } of payload.given) received.set(to, (received.get(to) ?? 0n) + BigInt(micros))
    for (const [signer, steps] of stepsOf(records)) this.#follow(steps, received.get(signer) ?? 0n)
  }

  /** Tells whether a claim of so many units is not owed, since too much of it was written off. */
  has(lease: LeaseId, place: number, units: number): boolean {
    return units > (this.#left.get(lease)?.get(place) ?? units)
  }

  /** The units that are still promised, of so many that a lease promised at a place. */
  promised(lease: LeaseId, place: number, units: number): number {
    return Math.max(0, this.#left.get(lease)?.get(place) ?? units)
  }

  /** Tells whether another steward's verdict names all that this one counts of what its own signer wrote off. */
  isRepeated({ signer, payload }: Verified<Verdict>): boolean {
    const others = this.#records.said.filter((verdict) => verdict.signer !== signer)
    const named = new Set(others.flatMap((verdict) => [...namedIn(verdict)]))
    const isGone = (position: number, receipt: RecordId) => {
      const claim = this.#receipts.get(receipt)
      const lease = claim && this.#records.leases.get(claim.lease)?.payload
      if (claim === undefined || lease === undefined) return false
      const place = lease.positions.indexOf(position)
      return this.has(claim.lease, place, unitsAt(lease, claim, place))
    }
    return payload.shards.every(({ position, agreeing }) =>
      agreeing.every((receipt) => !isGone(position, receipt) || named.has(`${position}/${receipt}`)),
    )
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
        const lacking = named.filter(({ lease, place, units }) => this.has(lease.id, place, units))
        const cost = lacking.reduce((sum, { lease, place, units }) => {
          const promised = this.promised(lease.id, place, units)
          return sum + wholeMicros(units, lease.payload.price) - wholeMicros(promised, lease.payload.price)
        }, 0n)
        if (cost > left && cost > 0n) {
          this.beyond.set(record.signer, record)
          return
        }
        left -= cost
        for (const { lease, place, units } of lacking) this.#left.get(lease.id)?.set(place, units)
        for (const { lease, place, units } of named)
          this.#named.set(lease.id, (this.#named.get(lease.id) ?? new Map()).set(place, units))
      }
    }
  }

  /** Returns what is free again. */
  #writeOff({ signer, serial, payload }: Verified<Allowance>): bigint {
    let freed = 0n
    for (const { lease: id, places, units } of payload.writtenOff) {
      const lease = this.#records.leases.get(id)
      if (lease?.signer !== signer || lease.serial >= serial) continue
      const left = this.#left.get(id) ?? new Map<number, number>()
      this.#left.set(id, left)
      for (const [place, all] of lease.payload.units.entries()) {
        const index = places.indexOf(place)
        const kept = index < 0 ? -1 : (units?.[index] ?? all)
        const before = left.get(place) ?? all
        const after = Math.min(before, Math.max(kept, this.#named.get(id)?.get(place) ?? -1))
        if (after === before) continue
        left.set(place, after)
        const { price } = lease.payload
        freed += wholeMicros(Math.max(0, before), price) - wholeMicros(Math.max(0, after), price)
      }
    }
    return freed
  }

  /** The places of its signer's own leases whose receipts a verdict names as agreeing, and none before it did. */
  #ownPlaces({ signer, payload }: Verified<Verdict>): OwnPlace[] {
    const places = new Map<string, OwnPlace>()
    for (const { position, agreeing } of payload.shards)
      for (const id of agreeing) {
        const receipt = this.#receipts.get(id)
        const lease = receipt && this.#records.leases.get(receipt.lease)
        if (lease?.signer !== signer) continue
        const place = lease.payload.positions.indexOf(position)
        if (!receipt?.covers.includes(place) || this.#named.get(lease.id)?.has(place)) continue
        const key = `${lease.id}/${place}`
        const units = Math.max(unitsAt(lease.payload, receipt, place), places.get(key)?.units ?? 0)
        places.set(key, { lease, place, units })
      }
    return [...places.values()]
  }
}

interface OwnPlace {
  readonly lease: Verified<Lease>
  readonly place: number
  /** Those that its receipt counts. */
  readonly units: number
}

/** The units that a receipt counts at a place of its lease. */
export function unitsAt(lease: Lease, { covers, units }: Receipt, place: number): number {
  const counted = units?.[covers.indexOf(place)]
  return counted === undefined ? (lease.units[place] ?? 0) : counted.input + counted.output
}

function* namedIn({ payload }: Verified<Verdict>): Generator<string> {
  for (const { position, agreeing } of payload.shards)
    for (const receipt of agreeing) yield `${position}/${receipt}`
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
