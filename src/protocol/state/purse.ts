/** A purse: all that one steward signed about money, and what is left to it by as much of that as counts (allowances.ts). */
import { compareText } from '../../base/bytes.ts'
import type { LeaseId } from '../ids.ts'
import { type Allowance, worthOf } from '../job/allowance.ts'
import type { Lease } from '../job/lease.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'

export interface Promised {
  readonly record: Verified<Lease>
  readonly worth: Micros
  counts: boolean
  /** The units that are owed at most, by place; null: all that the lease has. */
  owed: Units | null
  /** Those that its signer has counted so far: no later write-off takes them back. */
  agreed: Units
}

/** Units of work, by place. */
export type Units = ReadonlyMap<number, number>

export const nothingAgreed: Units = new Map()

/** A verdict that names as agreeing places of its own signer's leases. */
export interface Bound {
  readonly kind: 'verdict'
  readonly record: Verified<Verdict>
  readonly agreed: { readonly lease: LeaseId; readonly place: number }[]
}

export type Entry =
  | { readonly kind: 'lease'; readonly record: Verified<Lease>; readonly promised: Promised }
  | { readonly kind: 'allowance'; readonly record: Verified<Allowance> }
  | Bound

export interface Purse {
  readonly first: Micros
  /** Use: all that its steward signed. Invariant: where some do not count, in the order of serials from `counting` on. */
  entries: Entry[]
  /** Use: the entry with the highest serial. */
  last: Entry | undefined
  /** Use: how many entries count. Invariant: those at the front. */
  counting: number
  received: Micros
  /** Use: what the submitter's node gave, of the sum that was received: no record that comes late takes it back. */
  assured: Micros
  given: Micros
  promised: Micros
  slack: Micros
}

export function newPurse(first: Micros): Purse {
  return { first, entries: [], last: undefined, ...nothingCounted, slack: first }
}

/** Everything in it is to be counted anew, in the order of serials. */
export function rewind(purse: Purse): void {
  Object.assign(purse, nothingCounted, { slack: purse.first })
  purse.entries.sort(inTurn)
  purse.last = purse.entries.at(-1)
}

const nothingCounted = { counting: 0, received: 0, assured: 0, given: 0, promised: 0 }

export function isCut({ entries, counting }: Purse): boolean {
  return counting < entries.length
}

export function leftOf({ first, received, given, promised }: Purse): Micros {
  return first + received - given - promised
}

/**
 * The sum that may be passed on. A lying steward can take back what it gave, by a record that it kept secret: then
 * whatever was given or promised of it would not fit.
 */
export function assuredOf(purse: Purse): Micros {
  return Math.max(0, leftOf(purse) - purse.received + purse.assured)
}

export function givenBy({ given }: Allowance): Micros {
  return given.reduce((sum, { micros }) => sum + micros, 0)
}

/** How much such a record frees, or takes, depends on what was counted before it. */
export function rewrites(entry: Entry): boolean {
  return (
    entry.kind === 'verdict' || (entry.kind === 'allowance' && entry.record.payload.writtenOff.length > 0)
  )
}

/** Tells whether a claim of so many units is owed. A place that was not counted yet is open. */
export function isOpen({ owed }: Promised, place: number, units: number): boolean {
  return owed === null || units <= (owed.get(place) ?? -1)
}

/** The worth of what is owed, less that of what is left of it (`leftOpen`). */
export function gainOf(promised: Promised, left: Units): Micros {
  const { payload } = promised.record
  let micros = 0
  for (const [place, units] of openUnits(promised)) {
    const stays = left.get(place)
    micros += worthOf(payload, place, units) - (stays === undefined ? 0 : worthOf(payload, place, stays))
  }
  return micros
}

/** The worth of so many units at a place, less that of those which are owed already. */
export function costOfReopening(promised: Promised, place: number, units: number): Micros {
  const open = openUnits(promised).get(place)
  if (open !== undefined && open >= units) return 0
  const { payload } = promised.record
  return worthOf(payload, place, units) - (open === undefined ? 0 : worthOf(payload, place, open))
}

/** The units that are still owed once all but these are written off: as many as either has room for. */
export function leftOpen(promised: Promised, kept: Units, agreed: Units): Units {
  const left = new Map<number, number>()
  for (const [place, units] of openUnits(promised)) {
    const stays = Math.max(kept.get(place) ?? -1, agreed.get(place) ?? -1)
    if (stays >= 0) left.set(place, Math.min(units, stays))
  }
  return left
}

function openUnits({ record, owed }: Promised): Units {
  return owed ?? new Map(record.payload.units.entries())
}

export function isSame(one: Units | null, other: Units | null): boolean {
  if (one === null || other === null) return one === other
  return one.size === other.size && [...one].every(([place, units]) => other.get(place) === units)
}

export function inTurn(
  { record: a }: { readonly record: Verified },
  { record: b }: { readonly record: Verified },
): number {
  return a.serial - b.serial || compareText(a.id, b.id)
}
