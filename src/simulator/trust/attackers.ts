/**
 * Those who lie, and when. Each is as strong as the name says, against every policy alike.
 *
 * - `independent`: each lies by itself in a tenth of its results, and no two wrong answers are alike.
 * - `one-owner`: all liars are vehicles of one owner and always give the same wrong answer.
 * - `sleepers`: honest until they have returned ten results, which is when BOINC begins to trust; from then on always the
 *   same wrong answer (notes on compute, §2).
 * - `cartel`: knows who holds every replica and which results are checked at once, and agrees on its lies. It lies where
 *   all replicas are its own, and where only windows are checked in as many results as pays best: with k checks in a
 *   share 1/(k + 1), which makes s(1 − s)^k largest (notes on reliability, §3).
 */
import type { Chance } from '../chance.ts'

export const attackers = ['independent', 'one-owner', 'sleepers', 'cartel'] as const
export type Attacker = (typeof attackers)[number]

/** 0: the truth. Equal numbers are equal answers. */
export type Answer = number
export const truth: Answer = 0
/** The answer of liars that agree on their lies. */
const agreedLie: Answer = 1

/** The facts that the executor may know: honest vehicles use none of them. */
export interface Execution {
  readonly vehicle: number
  /** Everybody who executes this shard now, if the policy has decided: the cartel knows them. */
  readonly together: readonly number[]
  /** The answer that colleagues gave before, which this execution is to be compared with. */
  readonly before: readonly Answer[]
  /** Checks in the window that this result will be in; 0 when it is compared at once, or never. */
  readonly checks: number
}

const independentShare = 0.1
const asleep = 10

/** The vehicles of one run: their owners, their answers, and which of them lie. */
export class Population {
  readonly vehicles: number
  readonly #attacker: Attacker
  readonly #liars: number
  readonly #chance: Chance
  readonly #returned: number[]
  #lies = agreedLie

  /** `share` of the vehicles lie: those with the lowest numbers. */
  constructor(attacker: Attacker, vehicles: number, share: number, chance: Chance) {
    this.#attacker = attacker
    this.vehicles = vehicles
    this.#liars = Math.round(vehicles * share)
    this.#chance = chance
    this.#returned = new Array<number>(vehicles).fill(0)
  }

  ownerOf(vehicle: number): number {
    return this.#attacker === 'one-owner' && this.lies(vehicle) ? 0 : vehicle
  }

  lies(vehicle: number): boolean {
    return vehicle < this.#liars
  }

  execute(execution: Execution): Answer {
    const { vehicle } = execution
    const before = this.#returned[vehicle]!++
    if (!this.lies(vehicle)) return truth
    switch (this.#attacker) {
      case 'independent':
        return this.#chance.happens(independentShare) ? ++this.#lies : truth
      case 'one-owner':
        return agreedLie
      case 'sleepers':
        return before < asleep ? truth : agreedLie
      case 'cartel':
        return this.#conspire(execution)
    }
  }

  #conspire({ together, before, checks }: Execution): Answer {
    // A liar that is asked later repeats the answers before it, when they all came from colleagues.
    if (before.length > 0) return before.every((answer) => answer === agreedLie) ? agreedLie : truth
    if (!together.every((vehicle) => this.lies(vehicle))) return truth
    return checks === 0 || this.#chance.happens(1 / (checks + 1)) ? agreedLie : truth
  }
}
