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
 * - It **writes off** a lease of its own that is closed: places of it that no receipt covers are not owed any more, nor is what
 *   a result took less than the lease promised (an answer that is shorter than it might have been), and
 *   what was promised for them is free again. It does so only when it is short of money, and only after the vehicle
 *   gave the lease back or was silent for long (writeOffMs): until then a late receipt is as good as any. What comes
 *   later than that is neither paid nor counted, so that nobody has work for nothing.
 *
 * A steward owes what it counts, or else one that lies would use a vehicle's work and not pay for it. Where its own verdict names as
 * agreeing a receipt under its own lease, a later write-off takes nothing back of what that receipt counts; and where it wrote that
 * off before, the verdict promises it anew, as far as its allowance reaches.
 *
 * A steward that lies can sign what it has no allowance for. That does not count (../state/allowances.ts).
 *
 * The alternative, a successor that spends whatever its predecessor had left, needs to know what that was, and a steward
 * that cannot be heard may be spending it.
 */
import { z } from 'zod'
import type { LeaseId, PeerId } from '../ids.ts'
import { givenMax, leaseShardsMax, shardUnitsMax, writtenOffMax } from '../limits.ts'
import { costOfUnits, type Micros } from '../price.ts'
import { cidSchema, naturalSchema, peerIdSchema, recordType } from '../record/record.ts'
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
  /** The units that stay owed of each of them, at most; left out: as many as the lease has. */
  readonly units?: readonly number[]
}

/** The units that stay owed, at most, by place. */
export function unitsKept({ places, units }: WriteOff): Map<number, number> {
  return new Map(places.map((place, i) => [place, units?.[i] ?? Number.POSITIVE_INFINITY]))
}

const writeOffSchema: z.ZodType<WriteOff> = z
  .strictObject({
    lease: cidSchema,
    places: z.array(naturalSchema).max(leaseShardsMax),
    units: z.array(naturalSchema.max(shardUnitsMax)).max(leaseShardsMax).exactOptional(),
  })
  .refine(({ places, units }) => units === undefined || units.length === places.length, 'lacks units')

const allowanceSchema: z.ZodType<Allowance> = z.strictObject({
  writtenOff: z.array(writeOffSchema).max(writtenOffMax),
  given: z.array(z.strictObject({ to: peerIdSchema, micros: naturalSchema })).max(givenMax),
})

export const allowanceType = recordType('allowance', allowanceSchema, recordBytesMax.allowance, {
  names: ({ given, writtenOff }) =>
    given.length +
    writtenOff.reduce((sum, { places, units = [] }) => sum + 1 + places.length + units.length, 0),
})
export const { open: openAllowance } = allowanceType

/** Returns the cost of one place of a lease, if it agrees and takes so many units: at most as many as the lease has. */
export function worthOf({ units, price }: Lease, place: number, taken = units[place] ?? 0): Micros {
  return price === null ? 0 : costOfUnits(taken, price)
}

/** Returns the amount that each steward of the manifest may promise at first. The first gets what does not divide. */
export function firstAllowances({ payment, stewards }: Manifest): Map<PeerId, Micros> {
  const budget = payment?.budgetMicros ?? 0
  const share = Math.floor(budget / stewards.length)
  return new Map(
    stewards.map(({ peer }, i) => [peer, i === 0 ? budget - share * (stewards.length - 1) : share]),
  )
}
