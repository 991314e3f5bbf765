/**
 * Makes vehicles in a virtual world lie or shirk: each owner chooses what the vehicle answers, or fails to answer;
 * see scenario.ts.
 */
import type { Cid, OwnerId, PeerId } from '../protocol/ids.ts'
import { cidOf, ownerNamed } from './fixtures.ts'
import type { Scenario } from './scenario.ts'

export type Temper =
  | 'honest'
  | 'liar'
  | 'same-owner'
  | 'accomplice'
  | 'cartel'
  /** Lies where a steward that lies asked it to work, and nowhere else. */
  | 'henchman'
  /** Signs for results and never gives them out. */
  | 'miser'
  /** Reports progress for ever. */
  | 'mute'
  /** Declines every lease, and asks to be asked again at once. */
  | 'grumbler'

/** The tempers of a scenario's first vehicles; all others are honest. */
export function tempersOf(scenario: Scenario): Temper[] {
  const { vehicles, liars, sameOwnerLiars, accomplices, cartel, henchmen, misers, mutes, grumblers } =
    scenario
  const some = (share: number, temper: Temper): Temper[] =>
    new Array(Math.round(vehicles * share)).fill(temper)
  return [
    ...some(liars, 'liar'),
    ...some(sameOwnerLiars, 'same-owner'),
    ...some(accomplices, 'accomplice'),
    ...some(cartel, 'cartel'),
    ...some(henchmen, 'henchman'),
    ...some(misers, 'miser'),
    ...some(mutes, 'mute'),
    ...some(grumblers, 'grumbler'),
  ]
}

/** The results of all others are true, where they give any. */
export function isLiar(temper: Temper): boolean {
  return !['honest', 'miser', 'mute', 'grumbler'].includes(temper)
}

/** The owner of the vehicles that lie under one name; undefined: each vehicle has an owner of its own. */
function commonOwnerOf(temper: Temper): string | undefined {
  if (temper === 'same-owner') return 'liars'
  return temper === 'henchman' ? 'henchmen' : undefined
}

/** The owner of each vehicle, by its number. */
export function vehicleOwnersOf(scenario: Scenario): OwnerId[] {
  const tempers = tempersOf(scenario)
  return Array.from({ length: scenario.vehicles }, (_, i) =>
    ownerNamed(commonOwnerOf(tempers[i] ?? 'honest') ?? `car-${i}`),
  )
}

/** Owners of a scenario who tell the same lie: so many voices may agree on one. */
export function lyingOwnersOf(scenario: Scenario): number {
  const together: Temper[] = ['same-owner', 'accomplice', 'cartel', 'henchman']
  const names = tempersOf(scenario).map((temper, i) =>
    together.includes(temper) ? (commonOwnerOf(temper) ?? `${i}`) : undefined,
  )
  return new Set(names.filter((name) => name !== undefined)).size
}

/** True for those who lie together with the stewards that lie. */
export function isAccomplice(temper: Temper): boolean {
  return ['same-owner', 'accomplice', 'cartel', 'henchman'].includes(temper)
}

/**
 * `cartelHoldsAll`: whether the cartel alone decides what becomes of this shard. `isForLiar`: whether a steward that
 * lies asked for it.
 */
export function answerOf(
  temper: Temper,
  self: PeerId,
  truth: Cid,
  cartelHoldsAll: () => boolean,
  isForLiar: boolean,
): Cid {
  switch (temper) {
    case 'honest':
    case 'miser':
    case 'mute':
    case 'grumbler':
      return truth
    case 'liar':
      return cidOf(`${self} ${truth}`)
    case 'cartel':
      return cartelHoldsAll() ? lieAbout(truth) : truth
    case 'henchman':
      return isForLiar ? lieAbout(truth) : truth
    case 'same-owner':
    case 'accomplice':
      return lieAbout(truth)
  }
}

/** All who lie together answer the same. */
export function lieAbout(truth: Cid): Cid {
  return cidOf(`lie about ${truth}`)
}
