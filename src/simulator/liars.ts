/** Who lies in a virtual world, and how: what a vehicle's owner makes it answer; see scenario.ts. */
import type { Cid, PeerId } from '../protocol/ids.ts'
import { cidOf } from './fixtures.ts'
import type { Scenario } from './scenario.ts'

export type Temper = 'honest' | 'liar' | 'same-owner' | 'accomplice' | 'cartel'

/** The tempers of a scenario's first vehicles; all others are honest. */
export function tempersOf({ vehicles, liars, sameOwnerLiars, accomplices, cartel }: Scenario): Temper[] {
  const some = (share: number, temper: Temper): Temper[] =>
    new Array(Math.round(vehicles * share)).fill(temper)
  return [
    ...some(liars, 'liar'),
    ...some(sameOwnerLiars, 'same-owner'),
    ...some(accomplices, 'accomplice'),
    ...some(cartel, 'cartel'),
  ]
}

/** `cartelHoldsAll`: whether the cartel alone decides what becomes of this shard. */
export function answerOf(temper: Temper, self: PeerId, truth: Cid, cartelHoldsAll: () => boolean): Cid {
  switch (temper) {
    case 'honest':
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
