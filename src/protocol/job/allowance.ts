/**
 * Allowances: they keep a job within its budget, whichever stewards decide about it, and whichever cannot be heard.
 *
 * The budget is cut among the stewards that the manifest names, in equal parts. A steward promises money with every
 * lease that it signs, shards × units × price, and never more than its own allowance takes. It needs nobody's consent
 * for that, so two stewards that act apart cannot overspend together. Later decisions (whose claims agree) only say
 * how much of the promised money is owed.
 *
 * An allowance changes in two ways, both by a record that its own steward signs, and both safe in any order:
 *
 * - It **gives** a part of what it has not promised to another: a steward that does not act gives half of it to the one
 *   that acts, as soon as that one has less, and all of it when half would not pay for a shard. So the one that acts can
 *   spend everything while all live, others keep something to go on with should they have to take over, and one that
 *   dies takes to its grave what it had left.
 *   (Bounded counters: Balegas et al., "Extending Eventually Consistent Cloud Databases for Enforcing Numeric
 *   Invariants", SRDS 2015.)
 * - It **writes off** a lease of its own that is closed: places of it that no receipt covers are not owed any more, and
 *   what was promised for them is free again. It does so only when it is short of money, and only after the vehicle
 *   gave the lease back or was silent for long (writeOffMs): until then a late receipt is as good as any. What comes
 *   later than that is neither paid nor counted, so that nobody has work for nothing.
 *
 * The alternative, a successor that spends whatever its predecessor had left, needs to know what that was, and a steward
 * that cannot be heard may be spending it.
 */
import { z } from 'zod'
import type { LeaseId, PeerId } from '../ids.ts'
import { givenMax, leaseShardsMax, writtenOffMax } from '../limits.ts'
import type { Micros } from '../price.ts'
import { cidSchema, naturalSchema, peerIdSchema, recordType, type Verified } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import type { Lease } from './lease.ts'
import type { Manifest } from './manifest.ts'

export interface Allowance {
  readonly writtenOff: readonly WriteOff[]
  readonly given: readonly { readonly to: PeerId; readonly micros: Micros }[]
}

/** Says something only about a lease of its own signer. */
interface WriteOff {
  readonly lease: LeaseId
  /** Places of the lease that receipts cover, and that stay owed if they agree; rising. */
  readonly places: readonly number[]
}

const allowanceSchema: z.ZodType<Allowance> = z.strictObject({
  writtenOff: z
    .array(z.strictObject({ lease: cidSchema, places: z.array(naturalSchema).max(leaseShardsMax) }))
    .max(writtenOffMax),
  given: z.array(z.strictObject({ to: peerIdSchema, micros: naturalSchema })).max(givenMax),
})

export const allowanceType = recordType('allowance', allowanceSchema, recordBytesMax.allowance)
export const { open: openAllowance } = allowanceType

/** Returns the cost of one place of a lease, if it agrees. */
export function worthOf({ units, price }: Lease, place: number): Micros {
  return price === null ? 0 : (units[place] ?? 0) * price.unitMicros
}

/** Returns the amount that each steward of the manifest may promise at first. The first gets what does not divide. */
export function firstAllowances({ payment, stewards }: Manifest): Map<PeerId, Micros> {
  const budget = payment?.budgetMicros ?? 0
  const share = Math.floor(budget / stewards.length)
  return new Map(
    stewards.map(({ peer }, i) => [peer, i === 0 ? budget - share * (stewards.length - 1) : share]),
  )
}

interface Promised {
  readonly signer: PeerId
  readonly lease: Lease
  /** Null: all. */
  owed: ReadonlySet<number> | null
}

/** The allowances of a job's stewards, as its records have them. They may come in any order. */
export class Allowances {
  readonly #allowed: Map<PeerId, Micros>
  readonly #promised = new Map<PeerId, Micros>()
  readonly #leases = new Map<LeaseId, Promised>()
  /** Write-offs that came before their leases. */
  readonly #early: { readonly signer: PeerId; readonly writeOff: WriteOff }[] = []

  constructor(manifest: Manifest) {
    this.#allowed = firstAllowances(manifest)
  }

  lease({ id, signer, payload }: Verified<Lease>): void {
    if (payload.price === null || this.#leases.has(id)) return
    this.#leases.set(id, { signer, lease: payload, owed: null })
    const worth = payload.units.reduce((sum, _, place) => sum + worthOf(payload, place), 0)
    this.#promise(signer, worth)
    for (const early of this.#early)
      if (early.writeOff.lease === id) this.#writeOff(early.signer, early.writeOff)
  }

  apply({ signer, payload }: Verified<Allowance>): void {
    for (const writeOff of payload.writtenOff)
      if (this.#leases.has(writeOff.lease)) this.#writeOff(signer, writeOff)
      else this.#early.push({ signer, writeOff })
    for (const { to, micros } of payload.given) {
      this.#allowed.set(signer, (this.#allowed.get(signer) ?? 0) - micros)
      this.#allowed.set(to, (this.#allowed.get(to) ?? 0) + micros)
    }
  }

  /**
   * Returns the amount that this steward may still promise. It is below 0 only while gifts to it have not been heard
   * of.
   */
  freeOf(steward: PeerId): Micros {
    return (this.#allowed.get(steward) ?? 0) - (this.#promised.get(steward) ?? 0)
  }

  /** The sum that all stewards have promised and not taken back. */
  get promised(): Micros {
    return [...this.#promised.values()].reduce((sum, micros) => sum + micros, 0)
  }

  /** Tells whether a claim for this place of a lease counts, and is owed if it agrees. */
  isOpen(lease: LeaseId, place: number): boolean {
    const owed = this.#leases.get(lease)?.owed ?? null
    return owed === null || owed.has(place)
  }

  /** Returns the amount that the steward would free by writing off all but these places. */
  gain(lease: LeaseId, places: ReadonlySet<number>): Micros {
    const known = this.#leases.get(lease)
    if (known === undefined) return 0
    return this.#openPlaces(known)
      .filter((place) => !places.has(place))
      .reduce((sum, place) => sum + worthOf(known.lease, place), 0)
  }

  #writeOff(signer: PeerId, { lease, places }: WriteOff): void {
    const known = this.#leases.get(lease)!
    if (known.signer !== signer) return
    const owed = new Set(places)
    this.#promise(signer, -this.gain(lease, owed))
    // Two write-offs of one lease, in any order, leave the places that both leave.
    known.owed = new Set(this.#openPlaces(known).filter((place) => owed.has(place)))
  }

  #openPlaces({ lease, owed }: Promised): number[] {
    return lease.units.map((_, place) => place).filter((place) => owed === null || owed.has(place))
  }

  #promise(signer: PeerId, micros: Micros): void {
    this.#promised.set(signer, (this.#promised.get(signer) ?? 0) + micros)
  }
}
