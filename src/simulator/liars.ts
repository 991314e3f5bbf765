/**
 * Makes vehicles in a virtual world lie or shirk: each owner chooses what the vehicle answers, or fails to answer;
 * see scenario.ts.
 */
import type { Cid, PeerId } from '../protocol/ids.ts'
import { cidOf } from './fixtures.ts'
import type { Scenario } from './scenario.ts'

export type Temper =
  | 'honest'
  | 'liar'
  | 'same-owner'
  | 'accomplice'
  | 'cartel'
  /** Signs for results and never gives them out. */
  | 'miser'
  /** Reports progress for ever. */
  | 'mute'
  /** Declines every lease, and asks to be asked again at once. */
  | 'grumbler'

/** The tempers of a scenario's first vehicles; all others are honest. */
export function tempersOf(scenario: Scenario): Temper[] {
  const { vehicles, liars, sameOwnerLiars, accomplices, cartel, misers, mutes, grumblers } = scenario
  const some = (share: number, temper: Temper): Temper[] =>
    new Array(Math.round(vehicles * share)).fill(temper)
  return [
    ...some(liars, 'liar'),
    ...some(sameOwnerLiars, 'same-owner'),
    ...some(accomplices, 'accomplice'),
    ...some(cartel, 'cartel'),
    ...some(misers, 'miser'),
    ...some(mutes, 'mute'),
    ...some(grumblers, 'grumbler'),
  ]
}

/** The results of all others are true, where they give any. */
export function isLiar(temper: Temper): boolean {
  return !['honest', 'miser', 'mute', 'grumbler'].includes(temper)
}

/** `cartelHoldsAll`: whether the cartel alone decides what becomes of this shard. */
export function answerOf(temper: Temper, self: PeerId, truth: Cid, cartelHoldsAll: () => boolean): Cid {
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
    case 'same-owner':
    case 'accomplice':
      return lieAbout(truth)
  }
}

/** All who lie together answer the same. */
function lieAbout(truth: Cid): Cid {
  return cidOf(`lie about ${truth}`)
}
