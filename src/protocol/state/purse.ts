/** A purse: all that one steward signed about money, and what is left to it by as much of that as counts (allowances.ts). */
import { compareText } from '../../base/bytes.ts'
import { type Allowance, worthOf } from '../job/allowance.ts'
import type { Lease } from '../job/lease.ts'
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'

export interface Promised {
  readonly record: Verified<Lease>
  readonly worth: Micros
  counts: boolean
  /** Null: all. */
  owed: ReadonlySet<number> | null
}

export type Entry =
  | { readonly kind: 'lease'; readonly record: Verified<Lease>; readonly promised: Promised }
  | { readonly kind: 'allowance'; readonly record: Verified<Allowance> }

export interface Purse {
  readonly first: Micros
  /** Use: all that its steward signed. Invariant: where some do not count, in the order of serials from `counting` on. */
  entries: Entry[]
  /** Use: the entry with the highest serial. */
  last: Entry | undefined
  /** Use: how many entries count. Invariant: those at the front. */
  counting: number
  received: Micros
  given: Micros
  promised: Micros
  slack: Micros
}

export function isCut({ entries, counting }: Purse): boolean {
  return counting < entries.length
}

export function leftOf({ first, received, given, promised }: Purse): Micros {
  return first + received - given - promised
}

/** Returns how much a record takes from its signer's allowance. A record that gives and writes off gives of what it had before. */
export function costOf(entry: Entry): Micros {
  return entry.kind === 'lease'
    ? entry.promised.worth
    : entry.record.payload.given.reduce((sum, { micros }) => sum + micros, 0)
}

/** How much a write-off frees depends on what was counted before it. */
export function writesOff(entry: Entry): boolean {
  return entry.kind === 'allowance' && entry.record.payload.writtenOff.length > 0
}

export function gainOf(promised: Promised, places: ReadonlySet<number>): Micros {
  return openPlaces(promised)
    .filter((place) => !places.has(place))
    .reduce((sum, place) => sum + worthOf(promised.record.payload, place), 0)
}

export function openPlaces({ record, owed }: Promised): number[] {
  return record.payload.units.map((_, place) => place).filter((place) => owed === null || owed.has(place))
}

export function isSame(one: ReadonlySet<number> | null, other: ReadonlySet<number> | null): boolean {
  if (one === null || other === null) return one === other
  return one.size === other.size && [...one].every((place) => other.has(place))
}

export function inTurn({ record: a }: Entry, { record: b }: Entry): number {
  return a.serial - b.serial || compareText(a.id, b.id)
}
