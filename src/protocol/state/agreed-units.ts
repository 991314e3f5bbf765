/**
 * The units that stewards count at places of leases of their own: they owe them, whatever they write off (allowances.ts).
 *
 * A place is bound by the first verdict of its lease's signer that names it as agreeing, and by no later one: two receipts for one
 * place may count different units, and which of them is owed must not hang on the order in which verdicts came.
 */
import { Places } from '../../base/places.ts'
import type { LeaseId, RecordId } from '../ids.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import { inTurn, type Units } from './purse.ts'

interface Agreed {
  readonly verdict: Verified<Verdict>
  readonly units: number
}

export class AgreedUnits {
  readonly #agreed = new Map<LeaseId, Places<Agreed>>()

  /** 'first': a verdict binds a place that none did; 'earlier': in place of one that came later; 'more': it counts more there than was known. */
  add(
    lease: LeaseId,
    place: number,
    units: number,
    verdict: Verified<Verdict>,
  ): 'known' | 'first' | 'earlier' | 'more' {
    const agreed = this.#agreed.get(lease) ?? new Places<Agreed>()
    const first = agreed.get(place)
    const turn = first === undefined ? -1 : inTurn({ record: verdict }, { record: first.verdict })
    if (turn > 0 || (turn === 0 && units <= first!.units)) return 'known'
    this.#agreed.set(lease, agreed.set(place, { verdict, units }))
    if (first === undefined) return 'first'
    return turn === 0 ? 'more' : 'earlier'
  }

  /** By place, the verdicts that bind the lease's signer. */
  *verdictsOn(lease: LeaseId): Generator<readonly [place: number, verdict: Verified<Verdict>]> {
    for (const [place, { verdict }] of this.#agreed.get(lease) ?? []) yield [place, verdict]
  }

  of(lease: LeaseId): Units {
    return new Map([...(this.#agreed.get(lease) ?? [])].map(([place, { units }]) => [place, units]))
  }

  /** The units that this verdict binds its signer to; undefined where another one does. */
  boundBy(verdict: RecordId, lease: LeaseId, place: number): number | undefined {
    const agreed = this.#agreed.get(lease)?.get(place)
    return agreed?.verdict.id === verdict ? agreed.units : undefined
  }
}
