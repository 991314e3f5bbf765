/** A vehicle and its owner before the week begins: its trips, its life, and what its owner asks for. */
import { OwnerRules } from '../../protocol/rules/rules.ts'
import { Chance } from '../chance.ts'
import { peerNamed } from '../fixtures.ts'
import { startMs, timeZone } from './cell-world.ts'
import { Life } from './life.ts'
import { type Owner, ownerOf } from './owners.ts'
import { type Market, Power } from './power.ts'
import { habitsOf, type Kind, tripsOf } from './trips.ts'
import { Watchful } from './watchful.ts'

export interface Biography extends Pick<Owner, 'pauses'> {
  readonly power: Power
  readonly life: Life
  readonly rules: OwnerRules
  readonly watchful: Watchful
}

/** The forecast knows the departures of so many weeks before. */
const weeksBefore = 8

/** The vehicle of this index in a cell: the same for the same seed. */
export function biographyOf(
  index: number,
  kind: Kind,
  seed: number,
  days: number,
  market: Market | undefined,
): Biography {
  const chance = new Chance(seed, `vehicle ${index}`)
  const habits = habitsOf(chance, kind)
  const earlier = tripsOf(chance, kind, habits, -7 * weeksBefore, 7 * weeksBefore)
  const trips = tripsOf(chance, kind, habits, 0, days)
  const { preferences, hours, pauses, pageMicros } = ownerOf(chance, kind, habits, timeZone)
  const life = new Life(chance, kind, habits, trips)
  const rules = new OwnerRules(preferences, {
    departures: earlier.map(({ leavesMs }) => startMs + leavesMs),
  })
  const watchful = new Watchful(peerNamed(`car-${index}`), life, preferences, hours)
  return { life, rules, watchful, pauses, power: new Power(market, pageMicros) }
}
