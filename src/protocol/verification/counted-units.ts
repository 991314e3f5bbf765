/**
 * Counted units: the check that what a receipt claims is what its result took.
 *
 * Some results have as many units as they turn out to have (../price.ts). A record says how many its page took, and owners that agree
 * on a result agree on that, too, since it is part of what is compared. A receipt claims so many for its place. Where it claims
 * others than its result has, or more than the shard states, its owner lied about its work: its result is no valid one.
 */
import type { ShardEntry } from '../job/shard-entry.ts'
import { totalOf, type UnitCount } from '../price.ts'

/** `claimed`: by the receipt, for the shard's place. `taken`: by all records of the result; undefined where none says so. */
export function countsTruly(
  { units: stated }: Pick<ShardEntry, 'units'>,
  claimed: UnitCount | undefined,
  taken: UnitCount | undefined,
): boolean {
  if (stated === undefined || claimed === undefined || taken === undefined)
    return stated === claimed && claimed === taken
  return claimed.input === taken.input && claimed.output === taken.output && totalOf(taken) <= totalOf(stated)
}
